"""A call that waits in C. gevent can only switch where Python waits, in what it has patched."""

import ctypes
import time

from demo_apps.http_text import HEADERS, number, word

libc = ctypes.CDLL(None)


def wsgi_app(environ, start_response):
    seconds = number(environ["QUERY_STRING"], "seconds", 0.3)
    if word(environ["QUERY_STRING"], "fix") == "cooperative":
        time.sleep(seconds)  # patched: other greenlets run meanwhile
    else:
        libc.usleep(int(seconds * 1e6))  # as a driver in C waits: nobody else runs
    start_response("200 OK", HEADERS)
    return [b"slept\n"]
