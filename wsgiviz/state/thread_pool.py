"""A pool of threads, or of processes, behind an event loop."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

POOLS_KEPT = 256
"""Pools kept of each side; of those that are gone, the ones for which the fewest have waited go first."""

UNLIMITED = -1
"""The size of a pool that has any number of threads."""

PoolKey = tuple[int, int]
"""Pid, and the pool's number in that process."""


class PoolKind(StrEnum):
    """Whose it is: AnyIO's default limiter, another limiter of AnyIO's, asyncio's default executor, asgiref's one
    thread for all that is thread-sensitive, any other executor; and an executor of processes, and AnyIO's limiter for
    processes."""

    ANYIO = "anyio"
    LIMITER = "limiter"
    ASYNCIO = "asyncio"
    ASGIREF = "asgiref"
    EXECUTOR = "executor"
    PROCESSES = "processes"
    PROCESS_LIMITER = "process-limiter"


OF_PROCESSES = frozenset({PoolKind.PROCESSES, PoolKind.PROCESS_LIMITER})
"""Pools that have processes in the place of threads."""


class ThreadPool(Struct, frozen=True, gc=False):
    """As it was last seen, and its peaks in the present run. It may run what is no request's too.

    ``size`` may be UNLIMITED. ``name`` is what an executor is called, "" where the kind says it all;
    it may come from an app, so escape it before it is shown.
    """

    pid: int
    number: int
    kind: PoolKind
    name: str = ""
    size: int = 0
    running: int = 0
    waiting: int = 0
    most_running: int = 0
    most_waiting: int = 0
    gone: bool = False

    @property
    def key(self) -> PoolKey:
        return self.pid, self.number
