"""The contract itself, one step at a time: what a server calls, and what an app gives back."""

import asyncio
import time

from demo_apps.http_text import HEADERS, RAW_HEADERS, lifespan, number

CHUNKS = b"one\n", b"two\n", b"three\n"


def wsgi_app(environ, start_response):
    pause = number(environ["QUERY_STRING"], "pause", 1.0)
    time.sleep(pause)
    start_response("200 OK", HEADERS)
    time.sleep(pause)
    return Body(pause)  # the server iterates over it


class Body:
    def __init__(self, pause):
        self.pause = pause

    def __iter__(self):
        for chunk in CHUNKS:
            time.sleep(self.pause)
            yield chunk

    def close(self):
        time.sleep(self.pause)


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    pause = number(scope["query_string"], "pause", 1.0)
    await asyncio.sleep(pause)
    await receive()  # the request's body, empty here
    await asyncio.sleep(pause)
    await send({"type": "http.response.start", "status": 200, "headers": RAW_HEADERS})
    for chunk in CHUNKS:
        await asyncio.sleep(pause)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})  # that was all
