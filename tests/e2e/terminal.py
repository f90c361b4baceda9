"""A real pseudo-terminal with a program in it: keys in, a screen out (pyte)."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping

import psutil
import pyte
import pytest

DEADLINE_S = 30.0


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    """Without sizes of another terminal, such as pytest-xdist exports: they would count more than this one's."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    return {**inherited, "TERM": "xterm-256color", **env}


class Terminal:
    """``python -m wsgiviz`` with ``arguments`` in a terminal of its own; everything that it started ends with it."""

    def __init__(
        self, *arguments: str, size: tuple[int, int] = (120, 36), env: Mapping[str, str] | None = None
    ) -> None:
        self.master, self.slave = pty.openpty()
        self.resize(*size)
        self.modes = termios.tcgetattr(self.slave)
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self.sent = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wsgiviz", *arguments],
            stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
            preexec_fn=self._take_terminal, env=_environment(env or {}),
        )  # fmt: skip
        self.children: dict[int, psutil.Process] = {}

    @staticmethod
    def _take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *raised: object) -> None:
        if self.process.poll() is None:
            self.note_children()
            self.process.kill()
        self.process.wait()
        for child in self.children.values():
            if child.is_running():
                child.kill()
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)

    def resize(self, columns: int, lines: int) -> None:
        """As a person who drags the window's corner: the kernel tells the program by SIGWINCH."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        if hasattr(self, "screen"):
            self.screen.resize(lines, columns)

    def read(self, seconds: float = 0.05) -> None:
        """Take in what the program writes, for at most so long."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if ready:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # EIO: the other end is closed
                return
            self.sent += data
            self._stream.feed(data)

    @property
    def lines(self) -> list[str]:
        return list(self.screen.display)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"waited {DEADLINE_S:.0f} s for: {what}\n{self.text}")
            self.read()

    def shows(self, words: str) -> None:
        self.until(lambda: words in self.text, f"{words!r} on the screen")

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def note_children(self) -> list[psutil.Process]:
        """Every process that the program has started so far."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            self.children[child.pid] = child
        return list(self.children.values())

    def ends(self) -> int:
        """Wait for its end; everything it wrote is read. Gives the exit status, negative for a signal."""
        self.until(lambda: self.process.poll() is not None, "its end")
        self.read(0.2)
        return self.process.returncode

    def hang_up(self) -> None:
        """Close the window."""
        os.close(self.master)
        os.close(self.slave)
        self.master = self.slave = -1

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
