"""The pitfall: a blocking call inside async code stops everybody. And its two fixes."""

import asyncio
import time

from demo_apps.http_text import HEADERS, lifespan, number, send_text, word


def wsgi_app(environ, start_response):
    seconds = number(environ["QUERY_STRING"], "seconds", 0.5)
    time.sleep(seconds)  # this worker waits; the others don't care
    start_response("200 OK", HEADERS)
    return [b"slept\n"]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    seconds = number(scope["query_string"], "seconds", 0.5)
    fix = word(scope["query_string"], "fix")
    if fix == "async":
        await asyncio.sleep(seconds)  # a call made for asyncio: the loop goes on
    elif fix == "thread":
        await asyncio.to_thread(time.sleep, seconds)  # a thread waits, the loop goes on
    else:
        time.sleep(seconds)  # no await: nobody else makes progress
    await send_text(send, "slept\n")
