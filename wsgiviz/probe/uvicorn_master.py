"""uvicorn with its own supervisor, which records what happens to its workers.

``python -m wsgiviz.probe.uvicorn_master --fd N --workers W --backlog B APP``: what ``uvicorn APP`` with these
options does, and our events. (uvicorn has no configuration module that could bring them in.)
"""

from __future__ import annotations

import argparse
import inspect
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from wsgiviz.lifeline import die_with_parent
from wsgiviz.probe.deaths import Deaths
from wsgiviz.probe.ring import RUN_DIR, SIDE, make_emitter
from wsgiviz.recorder.emitter import Emitter

BOOT_ERROR = RUN_DIR / f"{SIDE}-boot-error.json"


def _before_sockets(config: uvicorn.Config) -> tuple[Any, ...]:
    """What its supervisor takes before the sockets: up to some 0.50 also what a worker has to run."""
    if "target" in inspect.signature(Multiprocess).parameters:
        return config, uvicorn.Server(config).run
    return (config,)


class Supervisor(Multiprocess):
    """uvicorn's, and an event for each worker that is gone and for each change of their number."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], emit: Emitter) -> None:
        super().__init__(*_before_sockets(config), sockets)  # type: ignore[call-arg] # it depends on its version
        self._emit = emit
        self._deaths = Deaths(emit)
        self._hung: set[int] = set()

    def init_processes(self) -> None:
        super().init_processes()
        self._note_signals()
        self._emit.workers_changed(self.processes_num, self.processes_num)
        self._emit.master_ready()

    def _note_signals(self) -> None:
        """Of each worker that has come: which signals uvicorn sends to it."""
        for process in self.processes:
            if not hasattr(process, "wsgiviz_noted"):
                process.wsgiviz_noted = True  # type: ignore[attr-defined]
                if process.pid is not None:
                    self._deaths.forked(process.pid)
                process.kill = self._noting(process, process.kill, signal.SIGKILL)  # type: ignore[method-assign]
                process.terminate = self._noting(  # type: ignore[method-assign]
                    process, process.terminate, signal.SIGTERM
                )

    def _noting(self, process: Process, send: Callable[[], None], number: int) -> Callable[[], None]:
        def noting() -> None:
            pid = process.pid
            if pid is not None and process.process.exitcode is None:  # else uvicorn only makes sure that it is gone
                self._deaths.sent[pid] = number
                if number == signal.SIGKILL:
                    self._hung.add(pid)
            send()

        return noting

    def keep_subprocess_alive(self) -> None:
        """As uvicorn does; but an app that can't be loaded is not tried again and again."""
        if BOOT_ERROR.exists():
            self.should_exit.set()
            return
        before = list(self.processes)
        for process in before:
            if process.process.exitcode is not None:
                self._emit_death(process)
        super().keep_subprocess_alive()
        self._note_signals()
        for process in before:
            if process not in self.processes:
                self._emit_death(process)

    def handle_signals(self) -> None:
        before = list(self.processes)
        super().handle_signals()
        self._note_signals()
        for process in before:
            if process not in self.processes:
                self._emit_death(process)
        if len(before) != len(self.processes):
            self._emit.workers_changed(self.processes_num, len(before))

    def _emit_death(self, process: Process) -> None:
        pid = process.pid
        if pid is not None:
            self._deaths.died(pid, wait_status(process.process.exitcode), pid in self._hung)
            self._hung.discard(pid)


def wait_status(exitcode: int | None) -> int:
    """What waitpid(2) gives, for an exit code as `multiprocessing` has it: negative for a signal. -1: not known."""
    if exitcode is None:
        return -1
    return exitcode << 8 if exitcode >= 0 else -exitcode


def main() -> None:
    arguments = argparse.ArgumentParser(prog="wsgiviz.probe.uvicorn_master")
    for option in ("--fd", "--workers", "--backlog"):
        arguments.add_argument(option, type=int, required=True)
    arguments.add_argument("app")
    given = arguments.parse_args()
    os.environ["WSGIVIZ_APP"] = given.app
    die_with_parent()
    emit = make_emitter("master")
    config = uvicorn.Config(
        "wsgiviz.probe.uvicorn_app:app", workers=given.workers, backlog=given.backlog, access_log=False
    )
    Supervisor(config, [socket.socket(fileno=given.fd)], emit).run()
    emit.master_exited()
    sys.exit(0)


if __name__ == "__main__":
    main()
