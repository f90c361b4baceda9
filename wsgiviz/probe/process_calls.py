"""What a request on a loop calls in processes of a pool: through ProcessPoolExecutor, and AnyIO's `to_process`.

What it calls goes to another process as a pickle, so that nothing can stand in its place. When it is taken up is
known by order: an executor's processes take calls in the order in which they came, and AnyIO's limiter lets one in.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from concurrent import futures
from typing import Any

from wsgiviz.probe.loop_request import CURRENT, LoopRequest
from wsgiviz.probe.pool_call import ThreadCall
from wsgiviz.probe.thread_pools import PROCESS_LIMITER, Pool, ThreadPools

EXECUTOR = "concurrent.futures.process"
TO_PROCESS = "anyio.to_process"


class ProcessCall(ThreadCall):
    """``function``, called by ``request`` in a process of ``pool``. ``number``: its place in an executor's order."""

    __slots__ = ("begun", "number")

    def __init__(self, request: LoopRequest, function: Callable[..., Any], pool: Pool, number: int = 0) -> None:
        self.begun = False
        self.number = number
        super().__init__(request, function, pool, process=1)

    def begin(self) -> None:
        """A process has taken it up."""
        if not self.begun and not self.over:
            self.begun = True
            if self.request.open:
                self.request.emit.call_began(self.pool.number, self.request.req)

    def abandon(self, _: object = None) -> None:
        """It is through, or nobody waits for it any more."""
        self.end(int(self.begun))


class Admission:
    """A limiter of AnyIO's, as `run_sync` uses it: who is let in has a process."""

    def __init__(self, limiter: Any, call: ProcessCall) -> None:
        self._limiter = limiter
        self._call = call

    async def __aenter__(self) -> Any:
        found = await self._limiter.__aenter__()
        self._call.begin()
        return found

    async def __aexit__(self, *error: Any) -> Any:
        return await self._limiter.__aexit__(*error)


class ProcessCalls:
    """Follows the calls of all requests of this process in processes of ``pools``."""

    def __init__(self, pools: ThreadPools) -> None:
        self._pools = pools
        self._executors_followed = self._anyio_followed = False

    def follow(self) -> None:
        """Stand round what has been loaded since the last call."""
        if not self._executors_followed and EXECUTOR in sys.modules:
            self._follow_executors(getattr(sys.modules[EXECUTOR], "ProcessPoolExecutor", None))
        if not self._anyio_followed and TO_PROCESS in sys.modules:
            self._follow_anyio(sys.modules[TO_PROCESS])

    def follow_when_loaded(self) -> None:
        """`concurrent.futures` loads its processes when somebody first asks for them, and may use them at once."""
        self.follow()
        load = getattr(futures, "__getattr__", None)
        if load is None or self._executors_followed:
            return

        def observed_load(name: str) -> Any:
            found = load(name)
            self.follow()
            return found

        futures.__getattr__ = observed_load  # type: ignore[method-assign]

    def _follow_executors(self, executor: Any) -> None:
        if executor is None:  # it is being imported
            return
        self._executors_followed = True
        submit, pools = executor.submit, self._pools

        @functools.wraps(submit)
        def observed_submit(self: Any, fn: Any, /, *args: Any, **named: Any) -> Any:
            future = submit(self, fn, *args, **named)
            request = CURRENT.get()
            if request is not None and request.open:
                waiting = _waiting(self)
                call = ProcessCall(request, fn, pools.of_processes(self, request.req), _number(self, future))
                waiting[call.number] = call
                future.add_done_callback(functools.partial(_done, self, call))
                _begin_first(self)
            return future

        executor.submit = observed_submit

    def _follow_anyio(self, module: Any) -> None:
        run = getattr(module, "run_sync", None)
        limiter_of = getattr(module, "current_default_process_limiter", None)
        if run is None or limiter_of is None:
            return  # it is being imported, or is another one than we know
        self._anyio_followed = True
        pools = self._pools

        @functools.wraps(run)
        async def observed_run(func: Any, *args: Any, limiter: Any = None, **named: Any) -> Any:
            request = CURRENT.get()
            if request is None or not request.open:
                return await run(func, *args, limiter=limiter, **named)
            used = limiter or limiter_of()
            call = ProcessCall(request, func, pools.of_limiter(used, PROCESS_LIMITER, request.req))
            try:
                return await run(func, *args, limiter=Admission(used, call), **named)
            finally:
                call.abandon()

        module.run_sync = observed_run


def _waiting(executor: Any) -> dict[int, ProcessCall]:
    """The calls of requests that none of its processes has taken up, as far as was known at the last change."""
    try:
        found: dict[int, ProcessCall] = executor.wsgiviz_waiting
    except AttributeError:
        found = executor.wsgiviz_waiting = {}
    return found


def _number(executor: Any, future: Any) -> int:
    """Its place in the executor's order; -1 when it is over already."""
    pending = getattr(executor, "_pending_work_items", {})
    newest = getattr(executor, "_queue_count", 0) - 1
    if getattr(pending.get(newest), "future", None) is future:
        return newest
    return next((number for number, item in list(pending.items()) if item.future is future), -1)


def _done(executor: Any, call: ProcessCall, future: Any) -> None:
    _waiting(executor).pop(call.number, None)
    if not future.cancelled():
        call.begin()
    call.abandon()
    _begin_first(executor)


def _begin_first(executor: Any) -> None:
    """Its processes are at the first so many of all that is pending."""
    waiting = _waiting(executor)
    if waiting:
        for number in list(getattr(executor, "_pending_work_items", ()))[: executor._max_workers]:
            call = waiting.pop(number, None)
            if call is not None:
                call.begin()
