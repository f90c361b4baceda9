"""The ASGI wrapper: steps the app's coroutine itself, and so knows when it runs, waits, and is ready again.

A coroutine runs between one ``send()`` into it and the future that it yields. The wrapper passes every such
future on to the loop's task untouched, within the same task and context: `asyncio.current_task()`, contextvars,
cancellation and timeouts are as they would be without it. Lifespan is passed through unseen.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, MutableMapping
from types import coroutine
from typing import Any

from wsgiviz.events import REQUEST_HEADER, Kind
from wsgiviz.probe.wsgi import request_ids
from wsgiviz.recorder.ring import Write

BEGAN, RESPONSE, CLOSED = map(int, (Kind.BEGAN, Kind.RESPONSE, Kind.CLOSED))
TASK_RUN, TASK_WAIT, TASK_READY = map(int, (Kind.TASK_RUN, Kind.TASK_WAIT, Kind.TASK_READY))

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

HEADER_NAME = REQUEST_HEADER.encode()


class AsgiProbe:
    """Wraps the ASGI application ``app``; events go to ``write``.

    ``accepted`` gives, for a client's port, when its connection was accepted (0 when not known).
    """

    def __init__(self, app: AsgiApp, write: Write, accepted: Callable[[int], int]) -> None:
        self.app = app
        self._write = write
        self._accepted = accepted
        self._request_id = request_ids()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        write = self._write
        req = self._request_id(_header(scope.get("headers", ())))
        write(BEGAN, req, self._accepted(_port(scope)), 0, _what(scope))
        chunks = 0

        async def tell(message: Message) -> None:
            nonlocal chunks
            kind = message["type"]
            if kind == "http.response.start":
                write(RESPONSE, req, _number(message.get("status")))
            elif kind == "websocket.accept":
                write(RESPONSE, req, 101)
            elif kind == "http.response.body":
                chunks += 1
            await send(message)

        error = ""
        try:
            await stepped(_call(self.app, scope, receive, tell), write, req)
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            write(CLOSED, req, 0, chunks, error.encode())


async def _call(
    app: AsgiApp, scope: MutableMapping[str, Any], receive: Receive, send: Send
) -> None:
    """A coroutine in any case: an app may return some other awaitable, or raise when it is called."""
    await app(scope, receive, send)


@coroutine
def stepped(work: Coroutine[Any, Any, None], write: Write, req: int) -> Generator[Any, Any, None]:
    """Drive ``work`` to its end, reporting each step and each wait."""
    clock = time.monotonic_ns

    def ready(_: object) -> None:
        write(TASK_READY, req)

    step: Callable[[Any], Any] = work.send
    value: Any = None
    while True:
        began = clock()
        write(TASK_RUN, req, 0, 0, b"", 0, began)
        try:
            waits_for = step(value)
        except StopIteration:
            _told_wait(write, req, began, clock())
            return
        except BaseException:
            _told_wait(write, req, began, clock())
            raise
        _told_wait(write, req, began, clock())
        if waits_for is None:  # a bare yield, as asyncio.sleep(0): ready at once
            write(TASK_READY, req)
        else:
            # Before the task adds its own wake-up, so that "ready" is told before the step it leads to.
            add_done_callback = getattr(waits_for, "add_done_callback", None)
            if add_done_callback is not None:
                add_done_callback(ready)
        try:
            value = yield waits_for
            step = work.send
        except GeneratorExit:
            work.close()
            raise
        except BaseException as thrown:  # cancellation, or a timeout: it is the app's to handle
            value = thrown
            step = work.throw


def _told_wait(write: Write, req: int, began: int, now: int) -> None:
    write(TASK_WAIT, req, 0, now - began, b"", 0, now)


def _header(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    for name, value in headers:
        if name == HEADER_NAME:
            return value.decode("latin-1")
    return None


def _what(scope: MutableMapping[str, Any]) -> bytes:
    return f"{scope.get('method', 'WS')} {scope.get('path', '')}".encode("utf-8", "replace")


def _port(scope: MutableMapping[str, Any]) -> int:
    client = scope.get("client")
    return client[1] if client else 0


def _number(status: object) -> int:
    return status if isinstance(status, int) else 0
