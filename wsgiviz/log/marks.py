"""What is worth a jump in a log: when a run was fired, when all workers were blocked first, and the like.

They are found by going through the log once, a few milliseconds at a time, so that a long one holds nothing up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from wsgiviz.events import Event, QueueSampled, RunRequested
from wsgiviz.log.timeline import Timeline
from wsgiviz.state import Activity, Side, State, reduce


class MarkType(StrEnum):
    """The order is that in which they come in a run."""

    FIRED = "fired"
    ALL_BLOCKED = "all workers blocked first"
    DEEPEST = "queue deepest"
    FIRST_ANSWER = "first answer"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a log: after ``position`` batches and ``within`` events of the next. ``side`` is "" for all.

    ``count`` belongs to its words: workers blocked, connections in the queue, requests that ended.
    """

    type: MarkType
    side: str
    run: int
    t_ns: int
    position: int
    within: int
    count: int = 0


class MarkFinder:
    """Goes through ``timeline``; `marks` are those of the part that it has gone through."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self._position = timeline.first
        self._state = timeline.at(timeline.first).state
        self._found: dict[tuple[int, str, MarkType], Mark] = {}
        self._sorted: tuple[Mark, ...] = ()

    @property
    def finished(self) -> bool:
        return self._position >= self.timeline.end

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        whole = self.timeline.end - self.timeline.first
        return (self._position - self.timeline.first) / whole if whole else 1.0

    @property
    def marks(self) -> tuple[Mark, ...]:
        """In the order of time. The same object as long as no other is found."""
        if not self._sorted:
            found = self._found.values()
            self._sorted = tuple(sorted(found, key=lambda mark: (mark.t_ns, mark.position, mark.within)))
        return self._sorted

    def search(self, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Go on, batch by batch, for as long as ``may_go_on`` says so; one batch at least."""
        while not self.finished:
            self._take_batch()
            if not may_go_on():
                return

    def _take_batch(self) -> None:
        if self._position < self.timeline.first:  # what is between is not kept any more
            self._position = self.timeline.first
            self._state = self.timeline.at(self._position).state
        position, before = self._position, self._state
        after = self.timeline.state_after(position, before)
        for mark in _marks_of(before, after, self.timeline.batch(position), position):
            key = mark.run, mark.side, mark.type
            known = self._found.get(key)
            if known is None or (mark.type is MarkType.DEEPEST and mark.count > known.count):
                self._found[key] = mark
                self._sorted = ()
        self._position, self._state = position + 1, after


def _marks_of(before: State, after: State, batch: Sequence[Event], position: int) -> Iterator[Mark]:
    """Of one batch. Of calibrations there are none."""
    for within, event in enumerate(batch, 1):
        if isinstance(event, RunRequested) and not event.calibration:
            yield Mark(MarkType.FIRED, "", event.run, event.t_ns, position, within, event.planned)
    for name, side in after.sides.items():
        if side is before.sides.get(name) or side.run.calibration or not side.run.number:
            continue
        yield from _deepest(side, batch, position)
        for type, count in COUNTS.items():
            if (found := count(side)) and not _held(before, side, count):
                within, t_ns = _first_event(before, name, batch, count, after.t_ns)
                yield Mark(type, name, side.run.number, t_ns, position, within, found)


def _held(before: State, side: Side, count: Callable[[Side], int]) -> bool:
    """It was so before, in the same run."""
    known = before.sides.get(side.name)
    return known is not None and known.run.number == side.run.number and bool(count(known))


def _first_event(
    before: State, name: str, batch: Sequence[Event], count: Callable[[Side], int], t_ns: int
) -> tuple[int, int]:
    """After which event of the batch it is so, and when that is; after all of them where no single one makes it."""
    state = before
    for within, event in enumerate(batch, 1):
        state = reduce(state, (event,))
        side = state.sides.get(name)
        if side is not None and count(side) and not _held(before, side, count):
            return within, max(event.t_ns, before.t_ns)
    return len(batch), t_ns


def _deepest(side: Side, batch: Sequence[Event], position: int) -> Iterator[Mark]:
    """The deepest sample of its accept queue in this batch, while a run is on."""
    if not side.run.started_ns:
        return
    samples = [
        (event.depth, -within, event)
        for within, event in enumerate(batch, 1)
        if isinstance(event, QueueSampled) and event.side == side.name
    ]
    if samples and (deepest := max(samples, key=lambda sample: sample[:2]))[0] > 0:
        depth, within, event = deepest
        yield Mark(MarkType.DEEPEST, side.name, side.run.number, event.t_ns, position, -within, depth)


def _all_blocked(side: Side) -> int:
    """How many workers there are when each of them is blocked; else 0. On a loop nobody is."""
    living = side.server.living()
    blocked = all(worker.activity is Activity.BLOCKED for worker in living)
    return len(living) if blocked and not side.is_loop else 0


def _answered(side: Side) -> int:
    return min(1, side.run.completed)


def _done(side: Side) -> int:
    return side.run.done if side.run.ended_ns else 0


COUNTS: dict[MarkType, Callable[[Side], int]] = {
    MarkType.ALL_BLOCKED: _all_blocked,
    MarkType.FIRST_ANSWER: _answered,
    MarkType.DONE: _done,
}
"""What is marked when it first is more than 0 in a run."""


def mark_after(marks: Sequence[Mark], t_ns: int) -> Mark | None:
    """The newest one up to a time."""
    return next((mark for mark in reversed(marks) if mark.t_ns <= t_ns), None)
