"""A page that takes its time, for clients that do not have so much. Nobody notifies the app when they leave."""

import time

from demo_apps.http_text import HEADERS, number


def wsgi_app(environ, start_response):
    seconds = number(environ["QUERY_STRING"], "seconds", 0.5)
    time.sleep(seconds)  # for whom? The client may have given up long ago
    start_response("200 OK", HEADERS)
    return [b"late\n"]
