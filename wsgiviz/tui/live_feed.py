"""What the app shows when servers run: the log of the session, kept going by the controller."""

from __future__ import annotations

from pathlib import Path

from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.control.controller import Controller
from wsgiviz.log import EventLog, RecordingWriter
from wsgiviz.settings import Settings
from wsgiviz.state import State
from wsgiviz.tui.feed import Saving


class LiveFeed:
    """A log and its controller; ``record`` is a file that everything is written to meanwhile.

    Raises WsgivizError when that can't be written.
    """

    recorded = False
    playing = True
    speed = 1.0

    def __init__(self, settings: Settings, record: str | None = None) -> None:
        self._log = EventLog()
        self._writer = RecordingWriter(record) if record else None
        if self._writer is not None:
            self._log.attach(self._writer)
        self.controller = Controller(settings, self._log)

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
        return self.controller.calm

    def advance(self) -> int:
        return self.controller.pump()

    def save(self, path: Path) -> tuple[Saving, str]:
        """What the log keeps in memory; a long session's beginning is not there any more."""
        kept = sum(map(len, self._log.batches()))
        what = f"{kept:,} events"
        if kept < self._log.events:
            what += f", the newest of {self._log.events:,} (--record keeps all)"
        return self._log.save(path), what

    def close(self) -> None:
        """Stop everything; then the recording is whole. May be called again."""
        self.controller.close()
        if self._writer is not None:
            self._writer.close()
