"""Where a log's batches go beside its own State."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from wsgiviz.events import Event
from wsgiviz.log.snapshot import Snapshot


class Sink(Protocol):
    """Gets every batch of a log. It must neither block nor raise: it is called within a frame."""

    def begin(self, snapshot: Snapshot, events_before: int) -> None:
        """Called first when the log has begun already: ``events_before`` events led to ``snapshot``."""

    def take(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        """A batch, and what is known after it."""
