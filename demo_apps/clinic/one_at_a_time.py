"""A page that waits for its database. Whoever has the worker has it alone."""

import time

from demo_apps.http_text import HEADERS, number


def wsgi_app(environ, start_response):
    seconds = number(environ["QUERY_STRING"], "seconds", 0.3)
    time.sleep(seconds)  # the database's work, not ours; but the worker waits for it
    start_response("200 OK", HEADERS)
    return [b"your orders\n"]
