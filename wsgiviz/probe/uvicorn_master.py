"""uvicorn with its own supervisor, which tells what happens to its workers.

``python -m wsgiviz.probe.uvicorn_master --fd N --workers W --backlog B APP``: what ``uvicorn APP`` with these
options does, and our events. (uvicorn has no configuration module that could bring them in.)
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path

import uvicorn
from uvicorn.supervisors.multiprocess import Multiprocess

from wsgiviz.events import Kind
from wsgiviz.lifeline import die_with_parent
from wsgiviz.recorder.ring import Write, create_ring

BOOT_ERROR = Path(os.environ["WSGIVIZ_RUN_DIR"]) / f"{os.environ['WSGIVIZ_SIDE']}-boot-error.json"


class Supervisor(Multiprocess):
    """uvicorn's, and a word about each worker that is gone and about their number."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], write: Write) -> None:
        super().__init__(config, sockets)
        self._write = write
        self._gone: set[int] = set()

    def init_processes(self) -> None:
        super().init_processes()
        self._write(Kind.WORKERS_CHANGED, 0, self.processes_num, self.processes_num)
        self._write(Kind.MASTER_READY)

    def keep_subprocess_alive(self) -> None:
        """As uvicorn does; but an app that can't be loaded is not tried again and again."""
        if BOOT_ERROR.exists():
            self.should_exit.set()
            return
        before = list(self.processes)
        for process in before:
            if process.exitcode is not None:
                self._tell_gone(process.pid)
        super().keep_subprocess_alive()
        for process in before:
            if process not in self.processes:
                self._tell_gone(process.pid)

    def handle_signals(self) -> None:
        before = list(self.processes)
        super().handle_signals()
        for process in before:
            if process not in self.processes:
                self._tell_gone(process.pid)
        if len(before) != len(self.processes):
            self._write(Kind.WORKERS_CHANGED, 0, self.processes_num, len(before))

    def _tell_gone(self, pid: int | None) -> None:
        if pid is not None and pid not in self._gone:
            self._gone.add(pid)
            self._write(Kind.WORKER_DIED, 0, pid)


def main() -> None:
    arguments = argparse.ArgumentParser(prog="wsgiviz.probe.uvicorn_master")
    for option in ("--fd", "--workers", "--backlog"):
        arguments.add_argument(option, type=int, required=True)
    arguments.add_argument("app")
    given = arguments.parse_args()
    os.environ["WSGIVIZ_APP"] = given.app
    sys.path.insert(0, "")
    die_with_parent()
    memory, write = create_ring(os.environ["WSGIVIZ_RUN_DIR"], os.environ["WSGIVIZ_SIDE"], "master")
    config = uvicorn.Config(
        "wsgiviz.probe.uvicorn_app:app", workers=given.workers, backlog=given.backlog, access_log=False
    )
    Supervisor(config, [socket.socket(fileno=given.fd)], write).run()
    write(Kind.MASTER_EXIT)
    del memory
    sys.exit(0)


if __name__ == "__main__":
    main()
