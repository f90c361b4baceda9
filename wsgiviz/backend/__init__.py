"""What a scenario needs besides the two servers: a slow upstream service, a slow disk, a database file.

Service and disk are one small process of ours (``python -m wsgiviz.backend``); the database is only a file.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wsgiviz.lifeline import parent_environment

BACKLOG = 2048
ROWS = 2_000


@dataclass(slots=True)
class Backend:
    """One that was started; ``env`` is what the servers have to know about it."""

    env: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None)

    @classmethod
    def start(cls, kind: str, directory: Path, dsn: str | None = None, logs: Path | None = None) -> Backend:
        """Start what a scenario calls ``kind``: upstream, disk or database. Raises OSError when it can't.

        Nothing is waited for: the sockets are bound here, and listen before the process does. A database goes to
        ``directory``, a log to ``logs``, or to ``directory`` as well.
        """
        if kind == "database":
            return cls({"DSN": dsn} if dsn else {"DATABASE": str(make_database(directory))})
        service, disk = _listening(), _listening()
        with service, disk, ((logs or directory) / "backend.log").open("ab") as log:
            fds = service.fileno(), disk.fileno()
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "wsgiviz.backend", *map(str, fds)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | parent_environment(),
                pass_fds=fds,
                process_group=0,
            )
            env = {"UPSTREAM_URL": f"http://127.0.0.1:{_port(service)}", "SLOW_DISK": str(_port(disk))}
        return cls(env, process)

    @property
    def alive(self) -> bool:
        """Whether what has to run does."""
        return self.process is None or self.process.poll() is None

    def close(self) -> None:
        """End the process, if there is one. May be called again."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()


def _listening() -> socket.socket:
    """A socket that listens on 127.0.0.1, at a port of the kernel's choice."""
    listener = socket.socket()
    try:
        listener.bind(("127.0.0.1", 0))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def make_database(directory: Path) -> Path:
    """A small table of orders in an SQLite file; its query in demo_apps.db is slow by its work alone."""
    path = directory / "orders.sqlite"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    with contextlib.closing(connection), connection:
        connection.execute("PRAGMA journal_mode = WAL")  # readers and a writer do not wait for each other
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, amount INTEGER)")
        rows = ((at, at * 7919 % 100_003) for at in range(1, ROWS + 1))
        connection.executemany("INSERT INTO orders VALUES (?, ?)", rows)
    return path
