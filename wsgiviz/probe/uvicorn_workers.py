"""What uvicorn's supervisor does with its workers, as events: round the methods of its Multiprocess."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from typing import Any

from wsgiviz.probe.deaths import Deaths
from wsgiviz.probe.ring import dead_workers
from wsgiviz.recorder.emitter import Emitter


class SupervisedWorkers:
    """The workers of one ``supervisor`` (a Multiprocess)."""

    def __init__(self, supervisor: Any, emit: Emitter) -> None:
        self._supervisor = supervisor
        self._emit = emit
        self._deaths = Deaths(emit, dead_workers())
        self._hung: set[int] = set()

    def began(self) -> None:
        """All of the first workers have been started."""
        self.note_signals()
        number = self._supervisor.processes_num
        self._emit.workers_changed(number, number)
        self._emit.master_ready()

    def before(self) -> list[Any]:
        """The workers that are there before the supervisor looks after them."""
        return list(self._supervisor.processes)

    def note_ended(self, before: Iterable[Any]) -> None:
        """Those that have ended by themselves, before the supervisor makes sure that they are gone."""
        for process in before:
            if process.process.exitcode is not None:
                self._emit_death(process)

    def changed(self, before: list[Any]) -> None:
        """The supervisor has looked after them."""
        self.note_signals()
        for process in before:
            if process not in self._supervisor.processes:
                self._emit_death(process)
        if len(before) != len(self._supervisor.processes):
            self._emit.workers_changed(self._supervisor.processes_num, len(before))

    def note_signals(self) -> None:
        """Of each worker that has come: which signals uvicorn sends to it."""
        for process in self._supervisor.processes:
            if not hasattr(process, "wsgiviz_noted"):
                process.wsgiviz_noted = True
                if process.pid is not None:
                    self._deaths.forked(process.pid)
                process.kill = self._noting(process, process.kill, signal.SIGKILL)
                process.terminate = self._noting(process, process.terminate, signal.SIGTERM)

    def _noting(self, process: Any, send: Callable[[], None], number: int) -> Callable[[], None]:
        def noting() -> None:
            pid = process.pid
            if pid is not None and process.process.exitcode is None:  # else uvicorn only makes sure that it is gone
                self._deaths.sent[pid] = number
                if number == signal.SIGKILL:
                    self._hung.add(pid)
            send()

        return noting

    def _emit_death(self, process: Any) -> None:
        pid = process.pid
        if pid is not None:
            self._deaths.died(pid, wait_status(process.process.exitcode), pid in self._hung)
            self._hung.discard(pid)


def wait_status(exitcode: int | None) -> int:
    """What waitpid(2) gives, for an exit code as `multiprocessing` has it: negative for a signal. -1: not known."""
    if exitcode is None:
        return -1
    return exitcode << 8 if exitcode >= 0 else -exitcode
