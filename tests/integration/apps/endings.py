"""Apps whose workers die in a request: by themselves, of a fault, killed."""

import ctypes
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterable
from itertools import count
from typing import Any

numbers = count(1)
SECONDS = 0.15  # long enough for the line to be seen


def exits(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Every second request of a worker ends it at once."""
    if next(numbers) == 2:
        os._exit(7)
    start_response("200 OK", [("Content-Length", "3")])
    return [b"ok\n"]


def crashes(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A C extension reads where nothing is; nobody sees the line."""
    time.sleep(SECONDS)
    ctypes.string_at(0)
    return []


async def killed(scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Any) -> None:
    """From outside, as far as anybody can tell."""
    if scope["type"] == "http":
        os.kill(os.getpid(), signal.SIGKILL)
    while scope["type"] == "lifespan":
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
