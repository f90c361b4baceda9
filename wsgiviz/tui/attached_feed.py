"""What the app shows of servers that somebody else runs: a log that an attachment keeps going."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.control.attachment import Attachment
from wsgiviz.log import EventLog, RecordingWriter
from wsgiviz.state import State
from wsgiviz.tui.feed import Saving


class AttachedFeed:
    """A log and its attachment to ``directories``; ``record`` is a file that everything is written to meanwhile.

    ``redact``: paths of requests are taken out before anything else sees them.
    Raises WsgivizError when that can't be written, or when a directory is no server's.
    """

    recorded = False
    playing = True
    speed = 1.0

    def __init__(self, directories: Sequence[Path], record: str | None = None, redact: bool = False) -> None:
        self._log = EventLog()
        self._attachment = Attachment(directories, self._log, redact=redact)
        self._writer = RecordingWriter(record) if record else None
        if self._writer is not None:
            self._log.attach(self._writer)
        self._attachment.start()

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
        return self._attachment.calm

    def advance(self) -> int:
        return self._attachment.pump()

    def save(self, path: Path) -> tuple[Saving, str]:
        """What the log keeps in memory; what came long ago is not there any more."""
        kept = sum(map(len, self._log.batches()))
        more = f", the newest of {self._log.events:,} (--record keeps all)" if kept < self._log.events else ""
        return self._log.save(path), f"{kept:,} events{more}"

    def close(self) -> None:
        """Look no longer; then the recording is whole. May be called again."""
        self._attachment.close()
        if self._writer is not None:
            self._writer.close()
