"""uvicorn with its own supervisor, which records what happens to its workers.

``python -m wsgiviz.probe.uvicorn_master --fd N --workers W --backlog B APP``: what ``uvicorn APP`` with these
options does, and our events. (uvicorn has no configuration module that could bring them in.)
"""

from __future__ import annotations

import argparse
import inspect
import os
import socket
import sys
from typing import Any

import uvicorn
from uvicorn.supervisors.multiprocess import Multiprocess

from wsgiviz.lifeline import die_with_parent
from wsgiviz.probe.ring import RUN_DIR, SIDE, make_emitter
from wsgiviz.probe.uvicorn_workers import SupervisedWorkers
from wsgiviz.probe.woken import WokenBySignals
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
        self.should_exit = WokenBySignals()
        self._workers = SupervisedWorkers(self, emit)

    def init_processes(self) -> None:
        super().init_processes()
        self._workers.began()

    def keep_subprocess_alive(self) -> None:
        """As uvicorn does; but an app that can't be loaded is not tried again and again."""
        if BOOT_ERROR.exists():
            self.should_exit.set()
            return
        before = self._workers.before()
        self._workers.note_ended(before)
        super().keep_subprocess_alive()
        self._workers.changed(before)

    def handle_signals(self) -> None:
        before = self._workers.before()
        super().handle_signals()
        self._workers.changed(before)


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
