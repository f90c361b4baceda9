"""A call of a request on a loop in a thread of a pool: an object in the place of the function that it calls."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from threading import get_ident
from types import CodeType, FrameType, FunctionType, GeneratorType, MethodType
from typing import Any

from wsgiviz.probe.loop_request import LoopRequest
from wsgiviz.probe.source_lines import awaiting
from wsgiviz.probe.thread_pools import Pool

DEEPEST = 4
"""A function is looked for in so many partials round it."""


class ThreadCall:
    """``function``, called by ``request`` in a thread of ``pool``.

    ``thread`` is the identity of the thread that runs it, 0 while it waits for one, and when it is over.
    """

    __slots__ = ("_task", "function", "over", "pool", "request", "thread")

    def __init__(self, request: LoopRequest, function: Callable[..., Any], pool: Pool, process: int = 0) -> None:
        self.request = request
        self.function = function
        self.pool = pool
        self.thread = 0
        self.over = False
        self._task = _current_task()
        request.calls.append(self)
        if request.open:
            request.emit.call_queued(self.pool.number, request.req, process)

    def __call__(self, *args: Any, **named: Any) -> Any:
        """In the thread."""
        if self.over:  # it was given up a moment ago, and is known to be over
            return self.function(*args, **named)
        self.thread = get_ident()
        if self.request.open:
            self.request.emit.call_began(self.pool.number, self.request.req)
        try:
            return self.function(*args, **named)
        finally:
            self.end(1)
            self.function = _over  # the app may keep its future, and that keeps us; what it was called with goes

    def abandon(self, _: object = None) -> None:
        """Nobody waits for it any more: if no thread has taken it up, none will."""
        if not self.thread:
            self.end(0)

    def end(self, began: int) -> None:
        """``began``: 0 when it was given up before a thread took it up."""
        request = self.request
        try:
            request.calls.remove(self)  # by whoever comes first: the thread, or the loop that gives it up
        except ValueError:
            return
        self.over = True
        self.thread = 0
        self._task = None
        if request.open:
            request.emit.call_ended(self.pool.number, request.req, began)

    def in_thread(self, frames: dict[int, FrameType]) -> Iterator[FrameType]:
        """Its frames in the thread that runs it, innermost first; ``frames`` are all threads' innermost ones."""
        frame = frames.get(self.thread) if self.thread else None
        while frame is not None and frame.f_code is not CALLS:
            yield frame
            frame = frame.f_back

    def in_task(self) -> list[FrameType]:
        """Those of the task that has called it, innermost first."""
        task = self._task
        return awaiting(task.get_coro()) if task is not None else []

    def codes(self) -> list[CodeType]:
        """The code that it will run first, as far as that can be told from its function."""
        return list(_codes(self.function, DEEPEST))


def _over() -> None:
    """Stands for the function of a call that is over."""


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs in this thread
        return None


def _codes(function: Any, depth: int) -> Iterator[CodeType]:
    """Those of a function or generator, and of what is in partials round it: asyncio, Starlette and asgiref make
    some, and FastAPI has its endpoint among the arguments. Other objects are not asked for anything: they are the
    app's, and this is the sampler's thread."""
    kind = type(function)
    if kind is MethodType:
        yield from _codes(function.__func__, depth)
    elif kind is FunctionType:
        yield function.__code__
    elif kind is GeneratorType:
        yield function.gi_code
    elif kind is functools.partial and depth:
        for part in (function.func, *function.args, *function.keywords.values()):
            yield from _codes(part, depth - 1)


CALLS = ThreadCall.__call__.__code__
"""Beyond that frame there is only what belongs to the pool."""
