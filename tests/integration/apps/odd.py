"""Apps that behave as apps in the world do."""

import asyncio
import time
from wsgiref.validate import validator


def fine(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"fine"]


async def async_fine(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"fine"})


def factory():
    return fine


def raises(environ, start_response):
    raise LookupError("no [bold]luck\x1b[31m")


def bad_status(environ, start_response):
    start_response("503 Busy", [])
    return []


def no_status(environ, start_response):
    start_response("fine", [])
    return [b"x"]


def returns_none(environ, start_response):
    start_response("200 OK", [])


def never(environ, start_response):
    time.sleep(1000)


async def async_raises(scope, receive, send):
    raise LookupError("no luck")


async def async_returns_none(scope, receive, send):
    return None


async def async_never(scope, receive, send):
    assert scope["type"] == "http"
    await asyncio.sleep(1000)


@validator
def validated(environ, start_response):
    environ["wsgi.input"].read(0)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"valid"]


def iterates(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    for part in (b"one ", b"two ", b"three"):
        time.sleep(0.02)
        yield part


def sends_file(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](open(__file__, "rb"))


started: list[bool] = []


async def with_lifespan(scope, receive, send):
    """Answers 200 only when its startup was run, and speaks a little websocket."""
    if scope["type"] == "lifespan":
        assert (await receive())["type"] == "lifespan.startup"
        started.append(True)
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        message = await receive()
        await send({"type": "websocket.send", "text": message["text"].upper()})
        await send({"type": "websocket.close"})
    else:
        status = 200 if started else 500
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def fails_to_start(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})


class Instance:
    async def __call__(self, scope, receive, send):
        await async_fine(scope, receive, send)


instance = Instance()
not_callable = 5


async def websocket_refuses(scope, receive, send):
    await receive()
    await send({"type": "websocket.close"})


async def websocket_raises_before(scope, receive, send):
    if scope["type"] == "websocket":
        raise LookupError


async def websocket_raises(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        raise LookupError


async def websocket_goes_away(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 1001})
