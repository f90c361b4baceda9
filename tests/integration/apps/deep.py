"""An app three calls deep, one that iterates slowly, one with a big body; and what goes wrong on a loop."""

import asyncio
import time


def app(environ, start_response):
    answer = handle()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer]


def handle():
    return look_up("shop")


def look_up(name):
    time.sleep(0.6)  # the line to be marked
    return name.encode()


def iterates(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return parts()


def parts():
    yield b"first"
    time.sleep(0.6)  # while the server waits for the next part
    yield b"second"


def big(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(50_000_000))])
    return [b"x" * 50_000_000]


def runs_a_loop(environ, start_response):
    asyncio.run(asyncio.sleep(0.4))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"async inside, blocked outside"]


async def blocks(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    time.sleep(0.5)  # noqa: ASYNC251 - nothing else makes progress
    await answer(send)


async def gathers(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    await asyncio.gather(asyncio.sleep(0.3), asyncio.sleep(0.4), step())
    await answer(send)


async def step():
    await asyncio.sleep(0.2)
    time.sleep(0.2)  # noqa: ASYNC251


async def answer(send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})
