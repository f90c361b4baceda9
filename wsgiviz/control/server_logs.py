"""What servers and apps write to their logs, as events: bounded in every batch, and the files kept bounded too."""

from __future__ import annotations

import contextlib
from pathlib import Path

from wsgiviz.events import LogWritten
from wsgiviz.observe.logs import BoundedLog

EVERY_NS = 250_000_000
CUT_EVERY_NS = 1_000_000_000

MOST_LINES = 100
MOST_CHARACTERS = 64_000
"""Of what comes at once, the newest lines up to these numbers are passed on, and one that says how many are not."""


class ServerLogs:
    """Follows one log for each side."""

    def __init__(self) -> None:
        self._logs: dict[str, BoundedLog] = {}
        self._offsets: dict[str, int] = {}
        self._next_ns = 0
        self._cut_ns = 0

    def follow(self, side: str, path: Path) -> None:
        """From now on this is the log of ``side``. One that is followed already goes on."""
        known = self._logs.get(side)
        if known is None or known.path != path:
            self._logs[side] = BoundedLog(path)
            self._offsets[side] = 0

    def due(self, now_ns: int, at_once: bool = False) -> list[LogWritten]:
        """New lines of all logs, a few times a second or ``at_once``."""
        if now_ns < self._next_ns and not at_once:
            return []
        self._next_ns = now_ns + EVERY_NS
        written = [LogWritten(now_ns, side, 0, lines) for side in self._logs if (lines := self._new_lines(side))]
        if now_ns >= self._cut_ns:
            self._cut_ns = now_ns + CUT_EVERY_NS
            self._keep_bounded()
        return written

    def _new_lines(self, side: str) -> tuple[str, ...]:
        with contextlib.suppress(OSError):
            lines, self._offsets[side] = self._logs[side].new_lines(self._offsets[side])
            return bounded(lines)
        return ()

    def _keep_bounded(self) -> None:
        for log in self._logs.values():
            with contextlib.suppress(OSError):  # a log that can't be cut is no reason to end a run
                log.keep_bounded()


def bounded(lines: list[str]) -> tuple[str, ...]:
    """The newest of ``lines``, as many as one event may hold."""
    kept: list[str] = []
    room = MOST_CHARACTERS
    for line in reversed(lines[-MOST_LINES:]):
        room -= len(line)
        if room < 0:
            break
        kept.append(line)
    left_out = len(lines) - len(kept)
    note = (f"[wsgiviz: {left_out} lines left out]",) if left_out else ()
    return *note, *reversed(kept)
