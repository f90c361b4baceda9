"""What a scenario needs besides the two servers: a slow upstream service, a slow disk, a database file.

Service and disk are one small process of ours (``python -m wsgiviz.companion``); the database is only a file.
"""

from __future__ import annotations

import contextlib
import select
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wsgiviz.errors import WsgivizError

READY_WITHIN_S = 10.0
ROWS = 2_000


@dataclass(slots=True)
class Companion:
    """One that runs; ``env`` is what the servers have to know of it."""

    env: Mapping[str, str]
    process: subprocess.Popen[str] | None = field(default=None)

    @classmethod
    def start(cls, kind: str, directory: Path, dsn: str | None = None) -> Companion:
        """Start what a scenario calls ``kind``: upstream, disk or database. Raises WsgivizError."""
        if kind == "database":
            return cls({"DSN": dsn} if dsn else {"DATABASE": str(make_database(directory))})
        return cls._spawn(directory)

    @classmethod
    def _spawn(cls, directory: Path) -> Companion:
        with (directory / "companion.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "wsgiviz.companion"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                process_group=0,
            )
        companion = cls({}, process)
        service, disk = companion._ports(time.monotonic() + READY_WITHIN_S)
        companion.env = {"UPSTREAM_URL": f"http://127.0.0.1:{service}", "SLOW_DISK": disk}
        return companion

    def _ports(self, deadline: float) -> tuple[str, str]:
        """The ports that the process says it listens on, its first and only line: the service's, the disk's."""
        assert self.process is not None
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        ports = self.process.stdout.readline().split() if ready else []
        if len(ports) != 2:
            self.close()
            raise WsgivizError("the slow service that this scenario calls did not start", "is the machine busy?")
        return ports[0], ports[1]

    @property
    def alive(self) -> bool:
        """Whether what has to run does."""
        return self.process is None or self.process.poll() is None

    def close(self) -> None:
        """End the process, if there is one. May be called again."""
        process, self.process = self.process, None
        if process is None:
            return
        process.kill()
        process.wait()
        if process.stdout is not None:
            with contextlib.suppress(OSError):
                process.stdout.close()


def make_database(directory: Path) -> Path:
    """A small table of orders in an SQLite file; its query in demo_apps.db is slow by its work alone."""
    path = directory / "orders.sqlite"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    with contextlib.closing(connection), connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, amount INTEGER)")
        rows = ((at, at * 7919 % 100_003) for at in range(1, ROWS + 1))
        connection.executemany("INSERT INTO orders VALUES (?, ?)", rows)
    return path
