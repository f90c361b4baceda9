"""What the app shows of servers that somebody else runs: a log that an attachment keeps going."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wsgiviz.control.attachment import Attachment
from wsgiviz.log import EventLog, RecordingWriter
from wsgiviz.tui.log_feed import LogFeed


class AttachedFeed(LogFeed):
    """A log and its attachment to ``directories``. ``redact``: paths of requests are taken out before anything else
    sees them. Raises WsgivizError also when a directory is no server's."""

    def __init__(self, directories: Sequence[Path], record: str | None = None, redact: bool = False) -> None:
        log = EventLog()
        attachment = Attachment(directories, log, redact=redact)
        writer = RecordingWriter(record) if record else None
        if writer is not None:
            log.attach(writer)
        super().__init__(log, attachment, writer)
        self.attachment = attachment
        attachment.start()
