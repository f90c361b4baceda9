"""What a player moves over: the batches of a recording, or those that the log of this session keeps."""

from __future__ import annotations

from bisect import bisect_right
from typing import Protocol

from wsgiviz.events import Event, RunRequested
from wsgiviz.log.event_log import EventLog, Segment
from wsgiviz.log.snapshot import Snapshot
from wsgiviz.state import State, reduce

NEARBY_EVENTS = 500
"""So far apart are the snapshots that are kept from the last jump, so that steps back take no time."""


class Timeline(Protocol):
    """Batches by position, and what was known at each. A position is a number of batches; `first` is the earliest.

    Times are those of the events, CLOCK_MONOTONIC nanoseconds where they happened. `wsgiviz.log.Recording` is one.
    """

    @property
    def first(self) -> int: ...

    @property
    def end(self) -> int:
        """The position after the last batch."""

    @property
    def events(self) -> int:
        """How many there are."""

    @property
    def start_ns(self) -> int:
        """When it begins."""

    @property
    def end_ns(self) -> int:
        """When the newest event was."""

    @property
    def fired_ns(self) -> int | None:
        """When the run was requested that playback begins with; None when nobody asked for one."""

    def batch(self, position: int) -> tuple[Event, ...]:
        """The batch that leads from ``position`` to the next; empty when it could not be read."""

    def t_ns(self, position: int) -> int:
        """The time of the newest event before ``position``, which is after the first. It never falls."""

    def position_at(self, t_ns: int) -> int:
        """The position at a time: after all batches up to it."""

    def events_before(self, position: int) -> int:
        """How many of its events there are before a position."""

    def at(self, position: int) -> Snapshot:
        """What was known at a position; the nearest that is kept."""

    def forward(self, position: int, snapshot: Snapshot, target: int) -> Snapshot:
        """What was known at ``target``, from what was at ``position`` before it."""

    def after(self, position: int, snapshot: Snapshot) -> Snapshot:
        """One batch on from ``snapshot``, which is that of ``position``."""

    def state_after(self, position: int, state: State) -> State:
        """The same of the State alone: lints take longer than the batch itself."""


class LogTimeline:
    """What ``log`` keeps, until now. It stays so while the log goes on, unless it is asked to `grow`."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._nearby: dict[int, Snapshot] = {}
        self._segments: tuple[Segment, ...] = ()
        self._firsts: list[int] = []
        self.end = 0
        self.events = 0
        self.grow()

    def grow(self) -> None:
        """Take in what has come since. What the log does not keep any more goes."""
        self._segments = self._log.segments
        self._firsts = [segment.first for segment in self._segments]
        self.end = self._log.end
        self.events = self._log.events - self._segments[0].events_before

    @property
    def first(self) -> int:
        return self._firsts[0]

    @property
    def start_ns(self) -> int:
        if self.end == self.first:
            return self._segments[0].before.state.t_ns
        return min(self.batch(self.first)[0].t_ns, self.t_ns(self.first + 1))

    @property
    def end_ns(self) -> int:
        return self.t_ns(self.end)

    @property
    def fired_ns(self) -> int | None:
        """Of the newest run that a person asked for."""
        for position in range(self.end - 1, self.first - 1, -1):
            for event in self.batch(position):
                if isinstance(event, RunRequested) and not event.calibration:
                    return event.t_ns
        return None

    def batch(self, position: int) -> tuple[Event, ...]:
        if position < self.first:  # it is not kept any more
            return ()
        segment = self._segment(position)
        return segment.batches[position - segment.first]

    def t_ns(self, position: int) -> int:
        if position <= self.first:
            return self._segments[0].before.state.t_ns
        segment = self._segment(position - 1)
        return segment.times[position - 1 - segment.first]

    def position_at(self, t_ns: int) -> int:
        ends = bisect_right(self._segments, t_ns, key=lambda one: one.times[-1] if one.times else t_ns)
        at = min(ends, len(self._segments) - 1)
        segment = self._segments[at]
        return min(self.end, segment.first + bisect_right(segment.times, t_ns))

    def events_before(self, position: int) -> int:
        segment = self._segment(position)
        passed = sum(map(len, segment.batches[: position - segment.first]))
        return segment.events_before - self._segments[0].events_before + passed

    def at(self, position: int) -> Snapshot:
        position = max(self.first, min(position, self.end))
        segment = self._segment(position)
        near = max((one for one in self._nearby if segment.first <= one <= position), default=-1)
        start, snapshot = (near, self._nearby[near]) if near >= 0 else (segment.first, segment.before)
        self._nearby = {one: known for one, known in self._nearby.items() if segment.first <= one <= position}
        since = 0
        for one in range(start, position):
            snapshot = self.after(one, snapshot)
            since += len(self.batch(one))
            if since >= NEARBY_EVENTS:
                self._nearby[one + 1], since = snapshot, 0
        return snapshot

    def forward(self, position: int, snapshot: Snapshot, target: int) -> Snapshot:
        if self._segment(target).first > position:
            return self.at(target)
        for one in range(position, target):
            snapshot = self.after(one, snapshot)
        return snapshot

    def after(self, position: int, snapshot: Snapshot) -> Snapshot:
        return snapshot.after(self.batch(position))

    def state_after(self, position: int, state: State) -> State:
        return reduce(state, self.batch(position))

    def _segment(self, position: int) -> Segment:
        """The one that the batch after ``position`` is in, or would be."""
        return self._segments[max(0, bisect_right(self._firsts, position) - 1)]
