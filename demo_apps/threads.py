"""Threads of one process, or several processes? It depends on what a request does: wait, or compute."""

import asyncio
import time

from demo_apps.cpu import count_primes
from demo_apps.http_text import HEADERS, lifespan, number, send_text, word


def wsgi_app(environ, start_response):
    query = environ["QUERY_STRING"]
    if word(query, "work") == "compute":
        count_primes(int(number(query, "below", 200_000)))  # one thread at a time: the GIL
    else:
        time.sleep(number(query, "seconds", 0.5))  # lets the GIL go: all wait at once
    start_response("200 OK", HEADERS)
    return [b"done\n"]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    query = scope["query_string"]
    if word(query, "work") == "compute":
        count_primes(int(number(query, "below", 200_000)))  # the loop has one thread
    else:
        await asyncio.sleep(number(query, "seconds", 0.5))  # all tasks wait at once
    await send_text(send, "done\n")
