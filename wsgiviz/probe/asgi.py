"""The ASGI wrapper: steps the app's coroutine itself, and so knows when it runs, waits, and is ready again.

A coroutine runs between one ``send()`` into it and the future that it yields. The wrapper passes every such
future on to the loop's task untouched, within the same task and context: `asyncio.current_task()`, contextvars,
cancellation and timeouts are as they would be without it. Lifespan is passed through unseen.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, MutableMapping
from functools import partial
from time import monotonic_ns
from typing import Any

from wsgiviz.probe.connection import name_of
from wsgiviz.probe.loop_request import CURRENT, LoopRequest
from wsgiviz.probe.redaction import REDACTS, without_path
from wsgiviz.probe.request_ids import RequestIds
from wsgiviz.probe.saying import failed, harmless
from wsgiviz.probe.source_lines import DRIVERS
from wsgiviz.recorder.codec import REQUEST_HEADER
from wsgiviz.recorder.emitter import Emitter

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

HEADER_NAME = REQUEST_HEADER.encode()
SERVED = ("http", "websocket")
STARTS = ("http.response.start", "websocket.http.response.start")
BODIES = ("http.response.body", "websocket.send")


class AsgiProbe:
    """Wraps the ASGI application ``app``; events go to ``emit``.

    ``accepted`` gives, for a client's port, when its connection was accepted (or its second argument where that is
    not known); it is asked once for each request. ``requests`` has those that are in the app now, by number.
    """

    def __init__(self, app: AsgiApp, emit: Emitter, ids: RequestIds, accepted: Callable[[int, int], int]) -> None:
        self.app = app
        self.requests: dict[int, LoopRequest] = {}
        self._emit = emit
        self._accepted = accepted
        self._ids = ids
        self._make = app if _is_async(app) else partial(_call, app)
        self._named: tuple[object, object, bytes] = (None, None, b"")

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Each request pays for this, also when no viewer is attached: so there are few calls here."""
        if scope["type"] not in SERVED:
            await self.app(scope, receive, send)
            return
        try:
            ids, client = self._ids, scope.get("client")
            req = ids.next_external() if ids.all_external else ids.of(_header(scope.get("headers", ())))
            method, path = scope.get("method", "WS"), scope.get("path", "")
            known_method, known_path, target = self._named
            if path != known_path or method != known_method:
                target = _target(method, path)
                self._named = method, path, target
            accepted_ns = self._accepted(client[1] if client else 0, 0)
            response = Response(req, self._emit, send, accepted_ns, target, client)
            self._emit.request_began(0, req, accepted_ns, 0, target, response.began_ns)
            request = self.requests[req] = LoopRequest(req, self._emit, None, response)
            before = CURRENT.set(request)
        except Exception as error:  # noqa: BLE001 - the app is called as without us
            failed(error)
            await self.app(scope, receive, send)
            return
        raised = b""
        try:
            work: Any = self._make(scope, receive, response.send)
            request.work = work
            await stepping(work, request)
        except BaseException as error:
            raised = name_of(error)
            raise
        finally:
            request.open = False
            self.requests.pop(req, None)
            CURRENT.reset(before)
            harmless(response.end, raised)


class Response:
    """What the app sends for request ``req``: passed on untouched, and noted."""

    __slots__ = (
        "_chunks", "_emit", "_send", "accepted_ns", "began_ns", "client", "req", "response_ns", "status", "target",
    )  # fmt: skip

    def __init__(
        self, req: int, emit: Emitter, send: Send, accepted_ns: int = 0, target: bytes = b"", client: object = None
    ) -> None:
        self.req = req
        self.client = client
        self.accepted_ns = accepted_ns
        self.target = target
        self.began_ns = monotonic_ns()
        self._emit = emit
        self._send = send
        self.response_ns = self.status = self._chunks = 0

    def send(self, message: Message) -> Awaitable[None]:
        """ASGI's send(), which gives what the server's own gives: no coroutine is made for it."""
        try:
            kind = message["type"]
            if kind in BODIES:
                self._chunks += 1
            elif kind in STARTS:
                self._start(message.get("status"))
            elif kind == "websocket.accept":
                self._start(101)
            elif kind == "websocket.close" and not self.status:
                self._start(403)  # as the server then answers the handshake (ASGI's specification, websocket.close)
        except Exception:  # noqa: BLE001, S110 - a message of the app's that is none: the server says so
            pass
        return self._send(message)

    def _start(self, status: object) -> None:
        self.status = status = status if isinstance(status, int) and 0 <= status < 1000 else 0
        self.response_ns = now = monotonic_ns()
        if self._emit.detailed:
            self._emit.response_started(0, self.req, status, now)

    def end(self, raised: bytes) -> None:
        """The coroutine is over. Its CPU time is not known: the thread's counts all requests of the loop."""
        now = monotonic_ns()
        self._emit.request_ended(
            0, self.req, -1, self.began_ns, self.response_ns, 0, now, self.status, self._chunks, raised, now
        )


def _is_async(app: Any) -> bool:
    """Whether to call it only makes a coroutine, and runs nothing of the app."""
    call = getattr(type(app), "__call__", None)  # noqa: B004 - the function behind it is wanted
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(call)


async def _call(app: AsgiApp, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """A coroutine in any case: an app may return some other awaitable, or raise when it is called."""
    await app(scope, receive, send)


@types.coroutine
def stepping(work: Coroutine[Any, Any, Any], request: LoopRequest) -> Generator[Any, Any, Any]:
    """Drives the coroutine of the request itself, as `Stepped` does those of its tasks.

    A generator is quicker than an object with methods, and each request pays for it, also when no viewer is attached.
    """
    emit, clock = request.emit, monotonic_ns
    stepped: Stepped | None = None
    step: Callable[[Any], Any] = work.send
    value: Any = None
    while True:
        if stepped is not None:
            stepped.take_up()
        if emit.detailed:
            harmless(request.begin_step)
        else:
            request.step_ns = clock()
            request.step += 1
        try:
            waits_for = step(value)
        except BaseException as error:
            if emit.detailed:
                harmless(request.end_step)
            else:
                request.step += 1
            if isinstance(error, StopIteration):
                return error.value
            raise
        if emit.detailed:
            try:
                if stepped is None:
                    stepped = Stepped(work, request)
                stepped.wait_for(waits_for)
                request.end_step()
            except Exception as error:  # noqa: BLE001
                failed(error)
        else:
            request.step += 1
        try:
            value = yield waits_for
            step = work.send
        except GeneratorExit:
            work.close()
            raise
        except BaseException as error:  # noqa: BLE001 - cancellation, or a timeout: it is the app's to handle
            value, step = error, work.throw


DRIVERS[stepping.__code__] = "work"


class Stepped(Coroutine[Any, Any, Any]):
    """Drives ``work`` to its end for whoever drives it, reporting each step and each wait as its request's.

    For the rest it is the coroutine that it drives: its name, its frame, what it awaits. `tasks_at_hand` asks for the
    two attributes: whose it is, and how many tasks that request had started before.
    """

    __slots__ = ("_child", "_is_ready", "_request", "_wake", "_work", "wsgiviz_number", "wsgiviz_req")

    def __init__(self, work: Coroutine[Any, Any, Any], request: LoopRequest, child: bool = False) -> None:
        self._work = work
        self._request = request
        self.wsgiviz_req, self.wsgiviz_number = request.req, request.started
        self._is_ready = self._child = child
        self._wake: Wake | None = None
        if child:
            request.ready += 1  # until its first step
            request.count_tasks(1)

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
        request = self._request
        self.take_up()
        request.begin_step()
        try:
            waits_for = step(*value)
        except BaseException:
            self._over()
            request.end_step()
            raise
        self.wait_for(waits_for)
        request.end_step()
        return waits_for

    def take_up(self) -> None:
        """It is ready no more: it runs."""
        if self._is_ready:
            self._is_ready = False
            self._request.ready -= 1

    def wait_for(self, awaited: Any) -> None:
        """A step has ended with this future; to be called before the task adds its own wake-up, so that "ready" is
        emitted before the step it leads to. With no viewer attached, nobody has to know."""
        if awaited is None:  # a bare yield, as asyncio.sleep(0): ready at once
            self._ready_again()
        elif self._request.emit.detailed:
            add_done_callback = getattr(awaited, "add_done_callback", None)
            if add_done_callback is not None:
                if self._wake is None:
                    self._wake = Wake(self)
                add_done_callback(self._wake)

    def wake(self) -> None:
        """What it waited for is done. While a step of the same request runs, the end of that says so."""
        self._ready_again()
        request = self._request
        if request.open and not request.step & 1:
            request.emit.task_ready(request.req)

    def _ready_again(self) -> None:
        if not self._is_ready:
            self._is_ready = True
            self._request.ready += 1

    def _over(self) -> None:
        if self._child:
            self._child = False
            self._request.tasks.pop(self, None)
            self._request.count_tasks(-1)

    @property
    def is_over(self) -> bool:
        """A task may be over as soon as it is made (an eager one)."""
        return not self._child


class Wake:
    """What a future calls when it is done, for the ``task`` that waits for it.

    A future does not call, it asks the loop to (`call_soon`). Of several tasks that one event wakes, the last would
    then be called when all others have had their step; `ReadyAtOnce` has them called in that moment.
    """

    __slots__ = ("task",)

    def __init__(self, task: Stepped) -> None:
        self.task = task

    def __call__(self, _: object) -> None:
        self.task.wake()


class ReadyAtOnce:
    """Round ``loop``'s own `call_soon`: who is ready is known when what it waits for is done, whoever runs then.

    Every callback of the loop pays for it: it is there only while a viewer is attached (`follow`).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._call_soon = loop.call_soon

    def follow(self, followed: bool) -> None:
        """Begin, or end; a wake-up that comes after that is a callback like any other."""
        ours = getattr(self._loop.call_soon, "__func__", None) is ReadyAtOnce._noting
        with contextlib.suppress(AttributeError):  # a loop that is not written in Python may not let us
            if followed and not ours:
                self._call_soon = self._loop.call_soon
                self._loop.call_soon = self._noting  # type: ignore[assignment,method-assign]
            elif ours and not followed:
                del self._loop.call_soon

    def _noting(self, callback: Any, *args: Any, context: Any = None) -> Any:
        if callback.__class__ is Wake:
            callback.task.wake()
            return None
        return self._call_soon(callback, *args, context=context)


def follow_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Count the tasks that a request starts (gather, TaskGroup, create_task) as its own."""
    before = loop.get_task_factory()
    make: Callable[..., Any] = before or asyncio.Task
    current = CURRENT.get

    def factory(of: Any, work: Any, **named: Any) -> Any:
        request = current()
        if request is None or not request.open:  # each connection's task comes by here
            return make(of, work, **named) if before is not None else make(work, loop=of, **named)
        work = stepped = Stepped(work, request, child=True)
        task = make(of, work, **named) if before is not None else make(work, loop=of, **named)
        if not stepped.is_over:
            request.tasks[stepped] = task
        return task

    loop.set_task_factory(factory)


def _header(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    for name, value in headers:
        if name == HEADER_NAME:
            return value.decode("latin-1")
    return None


def _target(method: object, path: object) -> bytes:
    return without_path(method) if REDACTS else f"{method} {path}".encode("utf-8", "replace")
