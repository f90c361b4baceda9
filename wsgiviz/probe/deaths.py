"""How workers end, as their master learns of it.

gunicorn gives no exit status to its hook child_exit, and does not call that at all for a worker that could not boot:
it stops. So in the master, gunicorn's own module sees an ``os`` whose waitpid(2) notes what it gives. Signals that
the master sends to its workers are noted too, since nobody can ask the kernel later who has sent one.
"""

from __future__ import annotations

import os
import signal
from types import ModuleType
from typing import Any

from wsgiviz.probe.memory_kills import MemoryKills
from wsgiviz.recorder.emitter import Emitter
from wsgiviz.recorder.keeping import DeadWorkers, went_in_order

REMEMBERED = 1024
"""A death is said by gunicorn twice at most, and soon: of so many it is known that it was emitted."""


class Deaths:
    """Emits the death of each worker once. ``sent``: the last signal that the master sent to each, by pid. Rings of
    dead workers are kept by ``keeping``, where nobody else removes them."""

    def __init__(self, emit: Emitter, keeping: DeadWorkers | None = None) -> None:
        self._emit = emit
        self._keeping = keeping
        self._emitted: dict[int, None] = {}  # by pid, the newest last
        self._memory_kills = MemoryKills()
        self.sent: dict[int, int] = {}

    def forked(self, pid: int) -> None:
        """A worker has come; its pid may be that of one that is long gone."""
        self._emitted.pop(pid, None)
        self.sent.pop(pid, None)
        self._memory_kills.forked(pid)

    def died(self, pid: int, status: int, by_timeout: bool) -> None:
        """The worker is gone: its ``status`` as waitpid(2) gives it, -1 where nobody knows."""
        if pid in self._emitted:
            return
        self._emitted[pid] = None
        if len(self._emitted) > REMEMBERED:
            del self._emitted[next(iter(self._emitted))]
        sent = self.sent.pop(pid, 0)
        oom = self._memory_kills.of(pid) if status == signal.SIGKILL and not sent else b""
        self._emit.worker_died(pid, status, int(by_timeout), sent, oom)
        if self._keeping is not None:
            self._keeping.died(pid, went_in_order(status, sent, by_timeout))


class NotingOs(ModuleType):
    """`os`, but that ``waitpid`` notes the workers of ``server`` that it reaps."""

    def __init__(self, server: Any, deaths: Deaths) -> None:
        super().__init__("os")
        self._server = server
        self._deaths = deaths

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def waitpid(self, pid: int, options: int) -> tuple[int, int]:
        found, status = os.waitpid(pid, options)
        worker = self._server.WORKERS.get(found) if found else None
        if worker is not None:
            self._deaths.died(found, status, bool(getattr(worker, "aborted", False)))
        return found, status


def watch_deaths(server: Any, emit: Emitter, keeping: DeadWorkers | None = None) -> Deaths:
    """Note what becomes of the workers of gunicorn's master ``server`` (an Arbiter) from now on."""
    from gunicorn import arbiter

    deaths = Deaths(emit, keeping)
    kill_worker, spawn_worker = server.kill_worker, server.spawn_worker

    def noting_kill_worker(pid: int, number: int) -> None:
        deaths.sent[pid] = int(number)
        kill_worker(pid, number)

    def noting_spawn_worker() -> int:
        pid: int = spawn_worker()  # the worker itself never comes back from it
        deaths.forked(pid)
        return pid

    server.kill_worker = noting_kill_worker
    server.spawn_worker = noting_spawn_worker
    arbiter.os = NotingOs(server, deaths)
    return deaths
