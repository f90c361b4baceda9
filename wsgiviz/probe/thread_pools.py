"""The pools of threads, and of processes, that requests on a loop use: their sizes, how many run, how many wait."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import thread
from math import isfinite
from types import FrameType
from typing import Any, NamedTuple

from wsgiviz.recorder.emitter import Emitter

MOST = 64
"""So many pools of a process are listed."""

UNLIMITED = -1

HIGHEST = 65_000
"""Then numbers begin again."""

ANYIO, LIMITER, ASYNCIO, ASGIREF, EXECUTOR = b"anyio|", b"limiter|", b"asyncio|", b"asgiref|", b"executor|"
PROCESSES, PROCESS_LIMITER = b"processes|", b"process-limiter|"
"""What a pool is: AnyIO's default limiter, another one, the loop's default executor, asgiref's thread for all that is
thread-sensitive, and any other executor, whose name follows; then executors of processes, and AnyIO's limiters for
processes."""


FOR_ALL = frozenset({ANYIO, ASYNCIO, ASGIREF, PROCESSES, PROCESS_LIMITER})
"""What is never meant for a single request."""

WAITS_FOR_WORK = getattr(getattr(thread, "_worker", None), "__code__", None)
"""The function in which a thread of an executor waits for its next call (`concurrent.futures.thread`)."""

Frames = Mapping[Any, FrameType]


class Usage(NamedTuple):
    """``size``: how many may run at once, UNLIMITED for any number."""

    size: int
    running: int
    waiting: int


IDLE = Usage(0, 0, 0)
Measure = Callable[[Any, Frames], Usage]


class Pool:
    """An executor, or a limiter of AnyIO's, that ``user`` (a request) was the first to use. It does not keep it
    alive.

    ``number`` is 0 as long as nobody else has used it: FastAPI makes a limiter, and Django an executor, for a single
    request, and nobody waits for those.
    """

    __slots__ = ("_measure", "_of", "emitted", "name", "number", "user")

    def __init__(self, name: bytes, of: Any, user: int, measure: Measure) -> None:
        self.name = name
        self.user = user
        self.number = 0
        self.emitted = IDLE
        self._of = weakref.ref(of)
        self._measure = measure

    def usage(self, frames: Frames) -> Usage | None:
        """As it is now; None when it is gone. ``frames`` are all threads' innermost ones."""
        of = self._of()
        return None if of is None else self._measure(of, frames)


class ThreadPools:
    """Numbers pools from 1 as they come to be shared; `sample` emits what has changed."""

    def __init__(self, emit: Emitter) -> None:
        self._emit = emit
        self._shared: dict[int, Pool] = {}
        self._limiters: weakref.WeakKeyDictionary[Any, Pool] = weakref.WeakKeyDictionary()
        self._numbered = 0
        self.default_executor: Callable[[], Any] = lambda: None
        """Gives the loop's own executor, where there is one yet."""
        self.names_default = False
        """Whether a call is on that is for the loop's own executor, of a loop that does not show it."""

    def of_executor(self, executor: Any, req: int) -> Pool:
        """The pool of an executor that request ``req`` uses."""
        try:
            pool: Pool = executor.wsgiviz_pool
        except AttributeError:
            pool = executor.wsgiviz_pool = Pool(self._name(executor), executor, req, executor_usage)
        if not pool.number:
            self._note_use(pool, req)
        return pool

    def of_processes(self, executor: Any, req: int) -> Pool:
        """The same of a ProcessPoolExecutor."""
        try:
            pool: Pool = executor.wsgiviz_pool
        except AttributeError:
            pool = executor.wsgiviz_pool = Pool(PROCESSES, executor, req, processes_usage)
        if not pool.number:
            self._note_use(pool, req)
        return pool

    def of_limiter(self, limiter: Any, name: bytes, req: int) -> Pool:
        """The same of a limiter: ANYIO, LIMITER or PROCESS_LIMITER."""
        pool = self._limiters.get(limiter)
        if pool is None:
            pool = self._limiters[limiter] = Pool(name, limiter, req, limiter_usage)
        if not pool.number:
            self._note_use(pool, req)
        return pool

    def _note_use(self, pool: Pool, req: int) -> None:
        if (pool.user != req or pool.name in FOR_ALL) and len(self._shared) < MOST:
            self._numbered = pool.number = self._numbered % HIGHEST + 1
            self._shared[pool.number] = pool

    def _name(self, executor: Any) -> bytes:
        if self.names_default or executor is self.default_executor():
            return ASYNCIO
        to_async = getattr(sys.modules.get("asgiref.sync"), "SyncToAsync", None)
        if executor is getattr(to_async, "single_thread_executor", None):
            return ASGIREF
        prefix = str(getattr(executor, "_thread_name_prefix", "")) or type(executor).__name__
        return EXECUTOR + prefix.encode("utf-8", "replace")

    def forget_emitted(self) -> None:
        """Emit all of them anew at the next call of `sample`."""
        for pool in list(self._shared.values()):
            pool.emitted = IDLE

    def sample(self, frames: Frames | None = None) -> None:
        """Emit each pool that has changed since the last call; of one that is gone, that it is empty. ``frames`` are
        all threads' innermost ones, where they are known already."""
        if not self._shared:
            return
        running = frames or sys._current_frames()
        for number, pool in list(self._shared.items()):
            usage = pool.usage(running)
            if usage is None:
                del self._shared[number]
            shown = usage or IDLE
            if shown != pool.emitted:
                pool.emitted = shown
                self._emit.pool_sampled(number, shown.size, shown.running, shown.waiting, pool.name)


def limiter_usage(limiter: Any, frames: Frames) -> Usage:
    """Of AnyIO's CapacityLimiter."""
    total = limiter.total_tokens
    size = int(total) if isfinite(total) else UNLIMITED
    return Usage(size, limiter.borrowed_tokens, limiter.statistics().tasks_waiting)


def executor_usage(executor: Any, frames: Frames) -> Usage:
    """Of a ThreadPoolExecutor, by attributes that it has in all Pythons that we know (3.11 to 3.14).

    Its count of idle threads is too high in some of them; but a thread that waits for work has nothing on its stack
    beyond the function that does so.
    """
    queue = getattr(executor, "_work_queue", None)
    threads = [frames.get(thread.ident) for thread in list(getattr(executor, "_threads", ()))]
    running = sum(frame is not None and frame.f_code is not WAITS_FOR_WORK for frame in threads)
    return Usage(getattr(executor, "_max_workers", 0), running, queue.qsize() if queue is not None else 0)


def processes_usage(executor: Any, frames: Frames) -> Usage:
    """Of a ProcessPoolExecutor: what is pending and what its processes are at is in one dictionary, in order."""
    size, pending = getattr(executor, "_max_workers", 0), len(getattr(executor, "_pending_work_items", ()))
    return Usage(size, min(size, pending), max(0, pending - size))
