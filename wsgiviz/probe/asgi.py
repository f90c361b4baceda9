"""The ASGI wrapper: steps the app's coroutine itself, and so knows when it runs, waits, and is ready again.

A coroutine runs between one ``send()`` into it and the future that it yields. The wrapper passes every such
future on to the loop's task untouched, within the same task and context: `asyncio.current_task()`, contextvars,
cancellation and timeouts are as they would be without it. Lifespan is passed through unseen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from contextvars import ContextVar
from typing import Any

from wsgiviz.events import REQUEST_HEADER, Kind
from wsgiviz.probe.doing import Doing
from wsgiviz.probe.wsgi import request_ids
from wsgiviz.recorder.ring import Write

BEGAN, RESPONSE, CLOSED = map(int, (Kind.BEGAN, Kind.RESPONSE, Kind.CLOSED))
TASK_READY = int(Kind.TASK_READY)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

HEADER_NAME = REQUEST_HEADER.encode()


CURRENT: ContextVar[Doing | None] = ContextVar("wsgiviz_request", default=None)
"""For whom a task is at work: tasks that a request starts inherit it with the context."""


class AsgiProbe:
    """Wraps the ASGI application ``app``; events go to ``write``.

    ``accepted`` gives, for a client's port, when its connection was accepted (0 when not known). ``on`` has the
    requests that are in the app now, by number.
    """

    def __init__(self, app: AsgiApp, write: Write, accepted: Callable[[int], int]) -> None:
        self.app = app
        self.on: dict[int, Doing] = {}
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

        doing = self.on[req] = Doing(req, write, _call(self.app, scope, receive, tell))
        before = CURRENT.set(doing)
        error = ""
        try:
            await Stepped(doing.work, doing)
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            doing.open = False
            self.on.pop(req, None)
            CURRENT.reset(before)
            write(CLOSED, req, 0, chunks, error.encode())


async def _call(app: AsgiApp, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """A coroutine in any case: an app may return some other awaitable, or raise when it is called."""
    await app(scope, receive, send)


class Stepped(Coroutine[Any, Any, Any]):
    """Drives ``work`` to its end for whoever drives it, reporting each step and each wait as its request's.

    For the rest it is the coroutine that it drives: its name, its frame, what it awaits.
    """

    __slots__ = ("_child", "_doing", "_is_ready", "_work")

    def __init__(self, work: Coroutine[Any, Any, Any], doing: Doing, child: bool = False) -> None:
        self._work = work
        self._doing = doing
        self._is_ready = self._child = child
        if child:
            doing.ready += 1  # until its first step
            doing.counted(1)

    def send(self, value: Any) -> Any:
        return self._step(self._work.send, value)

    def throw(self, *error: Any) -> Any:
        """Cancellation, or a timeout: it is the app's to handle."""
        return self._step(self._work.throw, *error)

    def __next__(self) -> Any:
        return self._step(self._work.send, None)

    def __iter__(self) -> Stepped:
        return self

    def __await__(self) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)

    def close(self) -> None:
        try:
            self._work.close()
        finally:
            self._over()

    def _step(self, step: Callable[..., Any], *value: Any) -> Any:
        doing = self._doing
        if self._is_ready:
            self._is_ready = False
            doing.ready -= 1
        doing.runs()
        try:
            waits_for = step(*value)
        except BaseException:
            self._over()
            doing.ran()
            raise
        if waits_for is None:  # a bare yield, as asyncio.sleep(0): ready at once
            self._ready_again()
        else:
            # Before the task adds its own wake-up, so that "ready" is told before the step it leads to.
            add_done_callback = getattr(waits_for, "add_done_callback", None)
            if add_done_callback is not None:
                add_done_callback(self._ready)
        doing.ran()
        return waits_for

    def _ready(self, _: object) -> None:
        self._ready_again()
        if self._doing.open:
            self._doing.write(TASK_READY, self._doing.req)

    def _ready_again(self) -> None:
        if not self._is_ready:
            self._is_ready = True
            self._doing.ready += 1

    def _over(self) -> None:
        if self._child:
            self._child = False
            self._doing.counted(-1)


def follow_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Count the tasks that a request starts (gather, TaskGroup, create_task) as that request's."""
    before = loop.get_task_factory()

    def factory(loop: Any, work: Any, **named: Any) -> Any:
        doing = CURRENT.get()
        if doing is not None and doing.open:
            work = Stepped(work, doing, child=True)
        if before is not None:
            return before(loop, work, **named)
        return asyncio.Task(work, loop=loop, **named)

    loop.set_task_factory(factory)


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
