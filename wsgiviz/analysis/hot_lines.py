"""Hot lines: the lines of code at which requests are now, and who is there. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from wsgiviz.state import Activity, Location, Request, Side, Slot, Task

Line = tuple[str, int]
"""File and number."""


class HotLine(Struct, frozen=True):
    """One line, and who is at it: the names of the slots ("2", or "2.1" for a thread), or a number of tasks."""

    place: Location
    slots: tuple[str, ...]
    tasks: int
    state: str = ""
    """What most of them do there: the value of an `Activity` or a `Task`."""

    @property
    def many(self) -> int:
        return len(self.slots) + self.tasks

    @property
    def words(self) -> str:
        """As it stands beside the line: "workers 1 2 4", "threads 1.1 1.2", "20 requests"."""
        if self.slots:
            return f"{self._slot} {' '.join(self.slots)}"
        return f"{self.tasks} request{'s' if self.tasks > 1 else ''}"

    @property
    def brief(self) -> str:
        """The same in fewer words: "3 workers"."""
        return f"{len(self.slots)} {self._slot}" if self.slots else self.words

    @property
    def _slot(self) -> str:
        noun = "thread" if "." in self.slots[0] else "worker"
        return f"{noun}s" if len(self.slots) > 1 else noun


LOOP_HELD_NS = 100_000_000
"""A step on the loop longer than this blocks it."""


def hot_lines(
    side: Side, in_flight: Iterable[Request] | None = None, now_ns: int = 0, computing: frozenset[int] = frozenset()
) -> tuple[HotLine, ...]:
    """The lines with somebody at them: first the one that holds a loop, then the most crowded.

    ``computing``: processes whose loops compute while they are held; those of others are blocked.
    ``in_flight``: the side's requests in flight, where they are known already. (Lines are sampled: requests of a few
    milliseconds are never seen at one.)
    """
    inside = side.ledger.in_flight() if in_flight is None else in_flight
    holders = {} if side.is_loop else {worker.key: worker for worker in side.server.living()}
    crowd: Counter[tuple[Location, str]] = Counter()
    states: dict[Line, Counter[str]] = {}
    places: dict[Line, Location] = {}
    slots: dict[Line, list[Slot]] = {}
    tasks: dict[Line, int] = {}
    held: Line | None = None
    waiting: Counter[tuple[Location, Task]] = Counter()
    for request in inside:
        where, task = request.where, request.task
        if where is None or not request.in_app:
            continue
        holder = holders.get((request.pid, request.slot)) if holders else None
        if holder is not None:
            slots.setdefault(_line(where), []).append((holder.number, holder.slot))
            crowd[where, holder.activity] += 1
        elif task is Task.RUNNING:
            tasks[_line(where)] = tasks.get(_line(where), 0) + 1
            held = _line(where) if side.is_loop else held
            holds = 0 < request.since_ns <= now_ns - LOOP_HELD_NS
            held_as = Activity.COMPUTING if request.pid in computing else Activity.BLOCKED
            crowd[where, held_as if holds else task] += 1
        else:
            waiting[where, task] += 1
    for (where, task), many in waiting.items():
        tasks[_line(where)] = tasks.get(_line(where), 0) + many
        crowd[where, task] += many
    for (where, state), many in crowd.items():
        places[_line(where)] = where
        states.setdefault(_line(where), Counter())[state] += many
    found = [
        HotLine(place, _names(slots.get(line, ())), tasks.get(line, 0), str(states[line].most_common(1)[0][0]))
        for line, place in places.items()
    ]
    return tuple(sorted(found, key=lambda at: (_line(at.place) != held, -at.many, _line(at.place))))


def _line(place: Location) -> Line:
    return place.file, place.line


def _names(slots: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    return tuple(f"{number}.{slot}" if slot else str(number) for number, slot in sorted(slots))
