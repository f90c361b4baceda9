"""An event loop inside a WSGI request: its three calls wait together, and its worker waits for all of them."""

import asyncio
import os
from urllib.parse import urlsplit

from demo_apps.http_text import HEADERS, lifespan, number, send_text

UPSTREAM = urlsplit(os.environ.get("UPSTREAM_URL", "http://127.0.0.1:9000"))


def wsgi_app(environ, start_response):
    seconds = number(environ["QUERY_STRING"], "seconds", 0.5)
    answers = asyncio.run(three_calls(seconds))  # blocked until the last answer is there
    start_response("200 OK", HEADERS)
    return [f"{len(answers)} answers\n".encode()]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    seconds = number(scope["query_string"], "seconds", 0.5)
    answers = await three_calls(seconds)  # the same calls; other requests go on
    await send_text(send, f"{len(answers)} answers\n")


async def three_calls(seconds):
    return await asyncio.gather(*(call(seconds) for _ in range(3)))  # takes as long as one


async def call(seconds):
    """One HTTP request to another service, which takes its time."""
    reader, writer = await asyncio.open_connection(UPSTREAM.hostname, UPSTREAM.port)
    writer.write(f"GET /?seconds={seconds} HTTP/1.1\r\nHost: upstream\r\n\r\n".encode())
    answer = await reader.readuntil(b"upstream\n")
    writer.close()
    return answer
