"""What a request on a loop calls in threads: through executors (asyncio.to_thread, run_in_executor, asgiref's
sync_to_async), and through AnyIO (which is what Starlette and FastAPI use for each ``def``).

Nothing tells whom a thread works for: an executor does not even copy the context. So each call is an object that
stands in the function's place, from the moment at which the request asks for it. A request that asks for no thread
pays nothing.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Callable, Iterator
from concurrent import futures
from threading import get_ident
from types import CodeType, FrameType, FunctionType, GeneratorType, MethodType
from typing import Any

from wsgiviz.probe.loop_request import CURRENT, LoopRequest
from wsgiviz.probe.source_lines import awaiting
from wsgiviz.probe.thread_pools import Pool, ThreadPools
from wsgiviz.recorder.emitter import Emitter

ANYIO = "anyio._backends._asyncio"
IN_THREAD = "run_sync_in_worker_thread"
DEEPEST = 4
"""A function is looked for in so many partials round it."""


class ThreadCall:
    """``function``, called by ``request`` in a thread of ``pool``.

    ``thread`` is the identity of the thread that runs it, 0 while it waits for one, and when it is over.
    """

    __slots__ = ("_over", "_task", "function", "pool", "request", "thread")

    def __init__(self, request: LoopRequest, function: Callable[..., Any], pool: Pool) -> None:
        self.request = request
        self.function = function
        self.pool = pool
        self.thread = 0
        self._over = False
        self._task = _current_task()
        request.calls.append(self)
        if request.open:
            request.emit.call_queued(self.pool.number, request.req)

    def __call__(self, *args: Any, **named: Any) -> Any:
        """In the thread."""
        if self._over:  # it was given up a moment ago, and is known to be over
            return self.function(*args, **named)
        self.thread = get_ident()
        if self.request.open:
            self.request.emit.call_began(self.pool.number, self.request.req)
        try:
            return self.function(*args, **named)
        finally:
            self._end(1)
            self.function = _over  # the app may keep its future, and that keeps us; what it was called with goes

    def abandon(self, _: object = None) -> None:
        """Nobody waits for it any more: if no thread has taken it up, none will."""
        if not self.thread:
            self._end(0)

    def _end(self, began: int) -> None:
        request = self.request
        try:
            request.calls.remove(self)  # by whoever comes first: the thread, or the loop that gives it up
        except ValueError:
            return
        self._over = True
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


def follow_thread_calls(loop: Any, emit: Emitter) -> ThreadCalls:
    """From now on, those of all requests on this loop, which is the only one of its process that serves any."""
    pools = ThreadPools(emit)
    if hasattr(loop, "_default_executor"):
        pools.default_executor = lambda: loop._default_executor
    else:
        _watch_default_executor(loop, pools)
    calls = ThreadCalls(pools)
    calls.follow()
    return calls


def _watch_default_executor(loop: Any, pools: ThreadPools) -> None:
    """Of a loop that does not show its own executor (uvloop): it is what is used where a call names none."""
    run = loop.run_in_executor

    def observed_run(executor: Any, func: Any, *args: Any) -> Any:
        if executor is not None:
            return run(executor, func, *args)
        pools.names_default = True
        try:
            return run(None, func, *args)
        finally:
            pools.names_default = False

    loop.run_in_executor = observed_run


class ThreadCalls:
    """Follows the calls of all requests of this process; ``pools`` are those that they use."""

    def __init__(self, pools: ThreadPools) -> None:
        self.pools = pools
        self._anyio_followed = False

    def follow(self) -> None:
        """Stand round the executors' own `submit`, and round AnyIO's function, once it is there."""
        self._follow_executors()
        if "anyio" in sys.modules:
            try:
                __import__(ANYIO)  # as AnyIO does itself, the first time that it is used
            except ImportError:
                return
        self.follow_anyio()

    def _follow_executors(self) -> None:
        submit: Any = futures.ThreadPoolExecutor.submit
        pools, current = self.pools, CURRENT.get

        @functools.wraps(submit)
        def observed_submit(self: Any, fn: Any, /, *args: Any, **named: Any) -> Any:
            request = current()
            if request is None or not request.open or not _runs_here(self):
                return submit(self, fn, *args, **named)
            call = ThreadCall(request, fn, pools.of_executor(self, request.req))
            try:
                future = submit(self, call, *args, **named)
            except BaseException:
                call.abandon()
                raise
            future.add_done_callback(call.abandon)
            return future

        futures.ThreadPoolExecutor.submit = observed_submit  # type: ignore[method-assign]

    def follow_anyio(self) -> None:
        """An app may import AnyIO when it first needs it: call this again."""
        backend = sys.modules.get(ANYIO)
        if self._anyio_followed or backend is None:
            return
        owner = getattr(backend, "AsyncIOBackend", backend)  # AnyIO 3 has no such class
        run, limiter_of = getattr(owner, IN_THREAD, None), getattr(owner, "current_default_thread_limiter", None)
        if run is None or limiter_of is None:
            return  # it is being imported, or is another one than we know
        self._anyio_followed = True
        pools = self.pools

        async def observed_run(func: Any, *rest: Any, **named: Any) -> Any:
            request = CURRENT.get()
            if request is None or not request.open:
                return await run(func, *rest, **named)
            own = named.get("limiter")
            call = ThreadCall(request, func, pools.of_limiter(own or limiter_of(), own is None, request.req))
            try:
                return await run(call, *rest, **named)
            finally:
                call.abandon()

        setattr(owner, IN_THREAD, staticmethod(observed_run) if isinstance(owner, type) else observed_run)


def _runs_here(executor: Any) -> bool:
    """In this interpreter: a call that goes to another one (Python 3.14) could not take our object along."""
    return type(executor).__name__ != "InterpreterPoolExecutor"
