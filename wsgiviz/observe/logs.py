"""Logs of the processes that were started: read as they grow, and kept from growing without bound.

A process writes its own log, opened to append; the viewer cuts it (as logrotate's copytruncate does), so that no app
can fill the disk with it. What it holds comes from the app, and is escaped where it is shown.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

LIMIT_BYTES = 4 << 20
KEPT_BYTES = 1 << 20
"""A log that has grown beyond the limit keeps so much of its end."""

LINE_BYTES = 8192
"""A longer line is given in pieces."""

READ_BYTES = 1 << 18


class BoundedLog:
    """The log at ``path``, which need not be there yet. The process must have opened it to append (O_APPEND)."""

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES, kept_bytes: int = KEPT_BYTES) -> None:
        self.path = path
        self._limit = limit_bytes
        self._kept = kept_bytes
        self._cut = 0  # offsets given out count from the log's first byte, which may be gone

    def tail(self, lines: int) -> list[str]:
        """The last lines of it, of those in its last quarter of a MiB. An unreadable log has none."""
        with _Opened(self.path, os.O_RDONLY) as log:
            start = max(0, log.size - READ_BYTES)
            raw = log.read(READ_BYTES, start)
        found = raw.splitlines()[1 if start else 0 :]
        return [_text(line) for line in found[-lines:]] if lines > 0 else []

    def new_lines(self, offset: int) -> tuple[list[str], int]:
        """Whole lines that came after ``offset`` (0 at first), and the offset to ask with the next time.

        At most a quarter of a MiB at once; what was cut off meanwhile is skipped.
        """
        at = max(0, offset - self._cut)
        with _Opened(self.path, os.O_RDONLY) as log:
            if log.size < at:  # somebody else has cut it
                at = 0
            raw = log.read(READ_BYTES, at)
        whole = raw.rfind(b"\n") + 1
        if not whole and len(raw) >= LINE_BYTES:
            whole = len(raw)
        pieces = (line[start : start + LINE_BYTES] for line in raw[:whole].splitlines() for start in _starts(line))
        return [_text(piece) for piece in pieces], self._cut + at + whole

    def keep_bounded(self) -> int:
        """Cut the log when it has grown beyond its limit; give how many bytes of it were dropped.

        One line at its start says so. What the process writes between the copy and the cut is lost with the rest.
        Raises OSError when the log can't be written.
        """
        with _Opened(self.path, os.O_RDWR | os.O_APPEND) as log:
            if log.size <= self._limit:
                return 0
            kept = log.read(self._kept, log.size - self._kept)
            kept = kept[kept.find(b"\n") + 1 :]
            dropped = log.size - len(kept)
            note = b"[wsgiviz: the first %d bytes of this log were dropped]\n" % (self._cut + dropped)
            os.ftruncate(log.fd, 0)
            os.write(log.fd, note + kept)
        self._cut += dropped - len(note)
        return dropped


class _Opened:
    """A regular file, open for as long as the block lasts; one that is not there is empty."""

    def __init__(self, path: Path, flags: int) -> None:
        self._path = path
        self._flags = flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        self.fd = -1
        self.size = 0

    def __enter__(self) -> _Opened:
        try:
            self.fd = os.open(self._path, self._flags)
        except OSError:
            return self
        status = os.fstat(self.fd)
        self.size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        return self

    def read(self, size: int, offset: int) -> bytes:
        return os.pread(self.fd, size, offset) if self.size else b""

    def __exit__(self, *exc: object) -> None:
        if self.fd >= 0:
            os.close(self.fd)


def _starts(line: bytes) -> range:
    return range(0, max(1, len(line)), LINE_BYTES)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")
