"""What a request on a loop calls in threads: through executors (asyncio.to_thread, run_in_executor, asgiref's
sync_to_async), and through AnyIO (which is what Starlette and FastAPI use for each ``def``).

Nothing tells whom a thread works for: an executor does not even copy the context. So each call is an object that
stands in the function's place, from the moment at which the request asks for it. A request that asks for no thread
pays nothing.
"""

from __future__ import annotations

import functools
import sys
from concurrent import futures
from typing import Any

from wsgiviz.probe.loop_request import CURRENT
from wsgiviz.probe.pool_call import ThreadCall
from wsgiviz.probe.process_calls import ProcessCalls
from wsgiviz.probe.thread_pools import ANYIO as ANYIO_POOL
from wsgiviz.probe.thread_pools import LIMITER, ThreadPools
from wsgiviz.recorder.emitter import Emitter

ANYIO = "anyio._backends._asyncio"
IN_THREAD = "run_sync_in_worker_thread"


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
        self.processes = ProcessCalls(pools)
        self._anyio_followed = False

    def follow(self) -> None:
        """Stand round the executors' own `submit`, and round AnyIO's function, once it is there."""
        self._follow_executors()
        self.processes.follow_when_loaded()
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
        """An app may import AnyIO, or what has processes, when it first needs it: call this again."""
        self.processes.follow()
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
            name = ANYIO_POOL if own is None else LIMITER
            call = ThreadCall(request, func, pools.of_limiter(own or limiter_of(), name, request.req))
            try:
                return await run(call, *rest, **named)
            finally:
                call.abandon()

        setattr(owner, IN_THREAD, staticmethod(observed_run) if isinstance(owner, type) else observed_run)


def _runs_here(executor: Any) -> bool:
    """In this interpreter: a call that goes to another one (Python 3.14) could not take our object along."""
    return type(executor).__name__ != "InterpreterPoolExecutor"
