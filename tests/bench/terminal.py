"""A program on a pseudo-terminal of its own: all that it writes, each piece with the time at which it arrived."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import pyte

from tests.bench.figure import Unmeasured

ENDS_WITHIN_S = 10.0
OURS = re.compile(r"NO_COLOR|TEXTUAL\w*|COLUMNS|LINES|WSGIVIZ\w*|GUNICORN_CMD_ARGS")
"""Variables that would change what is measured."""


class Piece(NamedTuple):
    """Bytes, and CLOCK_MONOTONIC when they could be read."""

    t_ns: int
    data: bytes


WSGIVIZ = (sys.executable, "-m", "wsgiviz")


class Terminal:
    """Runs ``python -m wsgiviz ARGUMENTS``. It is read and kept here, and put on a screen only afterwards: a
    terminal emulator in Python would take the CPU from what is measured."""

    def __init__(self, *arguments: str, columns: int, lines: int, env: Mapping[str, str] | None = None) -> None:
        self.columns, self.lines = columns, lines
        self.pieces: list[Piece] = []
        self._fd, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", lines, columns, 0, 0))
        inherited = {key: value for key, value in os.environ.items() if not OURS.fullmatch(key)}
        self.started_ns = time.monotonic_ns()
        self.process = subprocess.Popen(
            [*WSGIVIZ, *arguments],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env=inherited | {"TERM": "xterm-256color", "COLORTERM": "truecolor"} | dict(env or {}),
        )  # fmt: skip
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exc: object) -> None:
        """End the program in order, reading on: one that can't write does not end."""
        self.process.send_signal(signal.SIGTERM)
        self.until_ended()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._fd)

    def _read(self, within_s: float) -> Piece | None:
        if not select.select([self._fd], [], [], within_s)[0]:
            return None
        now_ns = time.monotonic_ns()
        try:
            piece = Piece(now_ns, os.read(self._fd, 1 << 16))
        except OSError:  # EIO: nobody has the other end any more (pty(7))
            time.sleep(within_s)
            return None
        self.pieces.append(piece)
        return piece

    def until(self, seen: Callable[[Piece], bool], within_s: float, what: str) -> Piece:
        """Read on to the first piece for which ``seen`` holds. Raises Unmeasured when there is none in time."""
        deadline = time.monotonic() + within_s
        while (left_s := deadline - time.monotonic()) > 0 and self.process.poll() is None:
            piece = self._read(min(left_s, 0.1))
            if piece is not None and seen(piece):
                return piece
        raise Unmeasured(f"{what} was not seen within {within_s:.0f} s (exit status {self.process.poll()})")

    def during(self, seconds: float) -> list[Piece]:
        """All that comes in the next ``seconds``."""
        first, until = len(self.pieces), time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            self._read(left_s)
        return self.pieces[first:]

    def press(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def until_ended(self) -> None:
        """Read on until the program has ended, or ENDS_WITHIN_S."""
        until = time.monotonic() + ENDS_WITHIN_S
        while self.process.poll() is None and time.monotonic() < until:
            self._read(0.05)

    def replay(self) -> Iterator[tuple[int, dict[int, str]]]:
        """The pieces put on a screen one by one: when each came, and the text of the rows that it touched."""
        screen = pyte.Screen(self.columns, self.lines)
        stream = pyte.ByteStream(screen)
        for piece in self.pieces:
            screen.dirty.clear()
            stream.feed(piece.data)
            yield piece.t_ns, {y: _text(screen, y) for y in screen.dirty if y < self.lines}


def _text(screen: pyte.Screen, y: int) -> str:
    row = screen.buffer[y]
    return "".join(row[x].data for x in range(screen.columns))
