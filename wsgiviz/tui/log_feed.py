"""What the app shows of servers that run: a log that a source keeps going, ours or somebody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.log import EventLog, RecordingWriter
from wsgiviz.state import State
from wsgiviz.tui.feed import Saving


class LogSource(Protocol):
    """Who keeps the log going: the controller, or an attachment."""

    @property
    def calm(self) -> bool: ...

    def pump(self) -> int: ...

    def close(self) -> None: ...


class LogFeed:
    """A log and its source; ``writer`` is the recording that the log is written to meanwhile. Both end with it."""

    recorded = False
    playing = True
    speed = 1.0

    def __init__(self, log: EventLog, source: LogSource, writer: RecordingWriter | None = None) -> None:
        self._log = log
        self._source = source
        self._writer = writer

    @property
    def log(self) -> EventLog:
        return self._log

    @property
    def state(self) -> State:
        return self._log.state

    @property
    def occurrences(self) -> Occurrences:
        return self._log.occurrences

    @property
    def recording(self) -> bool:
        return self._writer is not None

    @property
    def problem(self) -> str:
        return self._writer.failure if self._writer is not None else ""

    @property
    def calm(self) -> bool:
        return self._source.calm

    def advance(self) -> int:
        return self._source.pump()

    def save(self, path: Path) -> tuple[Saving, str]:
        """What the log keeps in memory; a long session's beginning is not there any more."""
        kept = sum(map(len, self._log.batches()))
        more = f", the newest of {self._log.events:,} (--record keeps all)" if kept < self._log.events else ""
        return self._log.save(path), f"{kept:,} events{more}"

    def close(self) -> None:
        """Close the source; then the recording is whole. May be called again."""
        self._source.close()
        if self._writer is not None:
            self._writer.close()
