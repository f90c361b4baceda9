"""What the app shows when servers of ours run: the log of the session, kept going by the controller."""

from __future__ import annotations

from wsgiviz.control.controller import Controller
from wsgiviz.log import EventLog, RecordingWriter
from wsgiviz.settings import Settings
from wsgiviz.tui.log_feed import LogFeed


class LiveFeed(LogFeed):
    """A log and its controller."""

    def __init__(self, settings: Settings, record: str | None = None) -> None:
        log = EventLog()
        writer = RecordingWriter(record) if record else None
        if writer is not None:  # before the first event, which the controller writes when it is made
            log.attach(writer)
        self.controller = Controller(settings, log)
        super().__init__(log, self.controller, writer)
