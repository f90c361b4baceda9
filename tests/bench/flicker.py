"""An app whose requests take irregular times and write down, with the clock, when they begin and end.

Irregular, so that its changes meet the frames of a screen at any moment. Which times: by the request's number.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Iterable
from typing import Any

SHORTEST_S, LONGEST_S = 0.1, 0.4
"""No state lasts less than three frames, so that each has to be shown."""

FACTS = os.open(os.environ["BENCH_FACTS"], os.O_WRONLY | os.O_APPEND)


def note(what: str, req: int) -> None:
    """A line "begin NUMBER TIME", in one write: several workers append to one file."""
    os.write(FACTS, f"{what} {req} {time.monotonic_ns()}\n".encode())


def lasts_s(req: int) -> float:
    return random.Random(req).uniform(SHORTEST_S, LONGEST_S)


def wsgi_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    req = int(environ["HTTP_X_WSGIVIZ_REQUEST"])
    note("begin", req)
    time.sleep(lasts_s(req))
    start_response("200 OK", [("Content-Length", "3")])
    note("end", req)
    return [b"ok\n"]


async def asgi_app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    req = int(dict(scope["headers"])[b"x-wsgiviz-request"])
    await asyncio.sleep(lasts_s(req))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"ok\n"})
