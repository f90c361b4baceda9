"""One slow request in ten. Who waits for it: its own client, or everybody?"""

import asyncio
import time

from demo_apps.http_text import HEADERS, lifespan, number, send_text


def wsgi_app(environ, start_response):
    seconds = seconds_of(environ["PATH_INFO"], environ["QUERY_STRING"])
    time.sleep(seconds)  # quick ones wait behind a slow one
    start_response("200 OK", HEADERS)
    return [b"slept\n"]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    seconds = seconds_of(scope["path"], scope["query_string"])
    await asyncio.sleep(seconds)  # quick ones overtake
    await send_text(send, "slept\n")


def seconds_of(path, query):
    if path == "/slow":
        return number(query, "slow", 1.0)
    return number(query, "quick", 0.05)
