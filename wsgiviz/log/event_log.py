"""The log of a session: every event in the order of arrival, batch by batch, and the State that follows from them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.events import Event
from wsgiviz.log.sink import Sink
from wsgiviz.log.snapshot import Snapshot
from wsgiviz.log.writer import RecordingWriter
from wsgiviz.state import State

EVENTS_KEPT = 200_000
"""Events that a log keeps in memory, the newest; some 50 MB. A recording keeps all."""

SEGMENT_EVENTS = 4_000
"""Events of a segment. The oldest one goes as a whole, so that up to a segment more than EVENTS_KEPT is kept."""


class Segment:
    """Successive batches, and what was known before them. States share what did not change, so that this is cheap."""

    __slots__ = ("batches", "before", "events", "events_before", "first", "times")

    def __init__(self, first: int, events_before: int, before: Snapshot) -> None:
        self.first = first  # position of its first batch
        self.events_before = events_before
        self.before = before
        self.batches: list[tuple[Event, ...]] = []
        self.times: list[int] = []  # of the State after each batch
        self.events = 0


class EventLog:
    """Takes batches of events in, reduces them, and keeps them.

    A position is a number of batches: at position 0 nothing has happened. Positions from `first` to `end` are kept.
    """

    def __init__(self, state: State | None = None) -> None:
        self._now = Snapshot() if state is None else Snapshot(state)
        self._from_nothing = self._now == Snapshot()
        self._segments = deque([Segment(0, 0, self._now)])
        self._kept = 0
        self._sinks: list[Sink] = []

    @property
    def snapshot(self) -> Snapshot:
        """What is known now."""
        return self._now

    @property
    def state(self) -> State:
        return self._now.state

    @property
    def occurrences(self) -> Occurrences:
        return self._now.occurrences

    @property
    def first(self) -> int:
        """The earliest position that is kept."""
        return self._segments[0].first

    @property
    def end(self) -> int:
        """The position after the newest batch."""
        newest = self._segments[-1]
        return newest.first + len(newest.batches)

    @property
    def events(self) -> int:
        """All that it ever got."""
        newest = self._segments[-1]
        return newest.events_before + newest.events

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What is kept, oldest first. The last one grows."""
        return tuple(self._segments)

    def append(self, events: Sequence[Event]) -> State:
        """Take a batch in, and give the State after it. An empty batch is none."""
        if not events:
            return self.state
        batch = tuple(events)
        self._now = self._now.after(batch)
        self._keep(batch)
        for sink in self._sinks:
            sink.take(batch, self._now)
        return self.state

    def _keep(self, batch: tuple[Event, ...]) -> None:
        segment = self._segments[-1]
        segment.batches.append(batch)
        segment.times.append(self.state.t_ns)
        segment.events += len(batch)
        self._kept += len(batch)
        if segment.events >= SEGMENT_EVENTS:
            self._segments.append(Segment(self.end, self.events, self._now))
        while self._kept - self._segments[0].events >= EVENTS_KEPT:
            self._kept -= self._segments.popleft().events

    def batches(self, first: int = 0) -> Iterator[tuple[Event, ...]]:
        """Batches that are kept, from position ``first`` on."""
        for segment in list(self._segments):
            yield from segment.batches[max(0, first - segment.first) :]

    def at(self, position: int) -> Snapshot:
        """What was known at a position; the nearest that is kept."""
        position = max(self.first, min(position, self.end))
        segment = next(one for one in reversed(self._segments) if one.first <= position)
        found = segment.before
        for batch in segment.batches[: position - segment.first]:
            found = found.after(batch)
        return found

    def attach(self, sink: Sink) -> None:
        """Give every batch from now on to ``sink``; and first, if there were some already, what is known now."""
        if self.end or not self._from_nothing:
            sink.begin(self._now, self.events)
        self._sinks.append(sink)

    def detach(self, sink: Sink) -> None:
        self._sinks.remove(sink)

    def save(self, path: str | Path) -> RecordingWriter:
        """Begin to write what is kept to a recording; its `finished` and `failure` say how far that is.

        Does not wait for the disk. Raises WsgivizError when the file can't be written.
        """
        writer = RecordingWriter(path)
        oldest = self._segments[0]
        if oldest.first or not self._from_nothing:
            writer.begin(oldest.before, oldest.events_before)
        following = [segment.before for segment in list(self._segments)[1:]] + [self._now]
        for segment, after in zip(self._segments, following, strict=True):
            for batch in segment.batches[:-1]:
                writer.take(batch, None)
            for batch in segment.batches[-1:]:
                writer.take(batch, after)
        writer.finish()
        return writer
