"""The least that a WSGI app can do: what is left is the server, and the probe."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

WAIT_S = 0.02
BODY = [b"Hello, world\n"]
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY[0])))]
ASGI_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS]


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", HEADERS)
    return BODY


def waiting_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """One that leaves the processor to others."""
    time.sleep(WAIT_S)
    return app(environ, start_response)


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    """The same as an ASGI app."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": ASGI_HEADERS})
        await send({"type": "http.response.body", "body": BODY[0]})


async def waiting_asgi_app(scope: Any, receive: Any, send: Any) -> None:
    """The same as `waiting_app`."""
    if scope["type"] == "http":
        await asyncio.sleep(WAIT_S)
    await asgi_app(scope, receive, send)
