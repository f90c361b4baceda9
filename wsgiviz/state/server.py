"""A server: what outlives a run."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from wsgiviz.state.loop import Loop
from wsgiviz.state.request import Location
from wsgiviz.state.thread_pool import PoolKey, ThreadPool
from wsgiviz.state.worker import Death, Slot, Worker

ACCEPTS_KEPT = 1024
"""Accepted connections kept until their request is known, which those of external requests never are; and as many
connected requests until their connection is accepted."""

DEAD_KEPT = 128
"""Slots of dead workers kept; older ones go first."""


Accept = tuple[int, int]
"""When a connection was accepted, and by which process."""


class Server(Struct, frozen=True, gc=False):
    """Its workers, loops and queues."""

    pid: int = 0  # the master's
    masters: tuple[int, ...] = ()  # of somebody else's server: those that run, the newest last; two after USR2
    up: bool = False
    loading_ns: int = 0  # since when its master loads the app itself, before it forks workers (gunicorn's --preload)
    boot_where: Location | None = None  # the line that it was last seen at in that
    gone_ns: int = 0  # when its master ended
    address: str = ""  # http://127.0.0.1:PORT
    command: tuple[str, ...] = ()
    workers: Mapping[Slot, Worker] = field(default_factory=dict)  # in order of their numbers
    loops: Mapping[int, Loop] = field(default_factory=dict)  # by pid
    dead_loops: Mapping[int, Loop] = field(default_factory=dict)  # of workers that died in this run, as they were
    wanted: int = 0  # workers asked for
    queue_depth: int = -1  # -1: not known
    queue_limit: int = -1
    accepts: Mapping[int, Accept] = field(default_factory=dict)  # by client's port: their requests are not known yet
    connections: Mapping[int, int] = field(
        default_factory=dict
    )  # by client's port: the request that waits to be taken
    pools: Mapping[int, int] = field(default_factory=dict)  # by pid: what waits in it for one of its threads
    pool_threads: int = 0  # of each such process
    self_calls: Mapping[int, int] = field(default_factory=dict)  # by pid: connections of the worker to this server
    acceptors: Mapping[int, int] = field(default_factory=dict)  # by pid: since when its accepting thread closes one
    thread_pools: Mapping[PoolKey, ThreadPool] = field(default_factory=dict)  # behind event loops
    numbers: Mapping[int, tuple[int, int]] = field(
        default_factory=dict
    )  # by pid: the lowest and highest number of its external requests that was seen
    overflows: int = -1  # connections turned away by full accept queues of the machine since it booted
    deaths: int = 0  # workers that were killed or died by themselves
    signals: Mapping[int, str] = field(default_factory=dict)  # by pid: what a person had wsgiviz send to it last
    graves: Mapping[int, Death] = field(default_factory=dict)  # by pid: for what still comes from a dead worker
    forks: int = 0  # processes that the app has forked
    events: int = 0
    lost: int = 0

    def living(self) -> list[Worker]:
        return [worker for worker in self.workers.values() if worker.alive]

    def processes(self) -> set[int]:
        """Pids of the workers that live."""
        return {worker.pid for worker in self.living()}
