"""A worker dies in the middle of a request. What becomes of the requests that it had?"""

import asyncio
import os
import signal
import time

from demo_apps.http_text import HEADERS, lifespan, number, send_text


def wsgi_app(environ, start_response):
    seconds = number(environ["QUERY_STRING"], "seconds", 1.0)
    time.sleep(seconds / 2)
    if environ["PATH_INFO"] == "/crash":
        die()  # its only request is lost
    time.sleep(seconds / 2)
    start_response("200 OK", HEADERS)
    return [b"slept\n"]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    seconds = number(scope["query_string"], "seconds", 1.0)
    await asyncio.sleep(seconds / 2)
    if scope["path"] == "/crash":
        die()  # all that it holds are lost
    await asyncio.sleep(seconds / 2)
    await send_text(send, "slept\n")


def die():
    os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory runs out
