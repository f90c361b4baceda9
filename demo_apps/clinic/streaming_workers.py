"""Server-sent events for some, pages for the others. A stream has its worker until the client leaves."""

import asyncio
import time

from demo_apps.http_text import HEADERS, RAW_HEADERS, lifespan, number, send_text

EVENT = b"data: tick\n\n"
PAUSE = 0.25


def wsgi_app(environ, start_response):
    start_response("200 OK", HEADERS)
    if environ["PATH_INFO"] == "/events":
        return stream(number(environ["QUERY_STRING"], "seconds", 1.5))
    return [b"a page\n"]


def stream(seconds):
    for _ in range(int(seconds / PAUSE)):
        yield EVENT
        time.sleep(PAUSE)  # the worker waits for the next event


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    if scope["path"] == "/events":
        return await stream_async(send, number(scope["query_string"], "seconds", 1.5))
    await send_text(send, "a page\n")


async def stream_async(send, seconds):
    await send({"type": "http.response.start", "status": 200, "headers": RAW_HEADERS})
    for _ in range(int(seconds / PAUSE)):
        await send({"type": "http.response.body", "body": EVENT, "more_body": True})
        await asyncio.sleep(PAUSE)  # the loop serves others
    await send({"type": "http.response.body"})
