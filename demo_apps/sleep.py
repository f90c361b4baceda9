"""Waiting, in its purest form."""

import asyncio
import time

from demo_apps.http_text import HEADERS, lifespan, number, send_text


def wsgi_app(environ, start_response):
    seconds = number(environ["QUERY_STRING"], "seconds", 1.0)
    time.sleep(seconds)  # nothing else until it is over
    start_response("200 OK", HEADERS)
    return [b"slept\n"]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    seconds = number(scope["query_string"], "seconds", 1.0)
    await asyncio.sleep(seconds)  # others go on
    await send_text(send, "slept\n")
