"""An app in whose process gunicorn's asgi worker, which looks once a second whether it was told to quit, does so once
an hour."""

import asyncio

_sleep = asyncio.sleep


async def _sleep_long(delay, result=None):
    return await _sleep(3600 if delay == 1.0 else delay, result)


asyncio.sleep = _sleep_long


async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
