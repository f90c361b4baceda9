"""One slow report among many quick pages. Who waits behind it?"""

import time

from demo_apps.http_text import HEADERS, number


def wsgi_app(environ, start_response):
    if environ["PATH_INFO"] == "/report":
        seconds = number(environ["QUERY_STRING"], "seconds", 1.5)
        time.sleep(seconds)
    start_response("200 OK", HEADERS)
    return [b"here you are\n"]
