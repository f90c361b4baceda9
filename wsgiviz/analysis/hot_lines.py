"""Hot lines: the lines of code at which requests are now, and who is there. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from wsgiviz.state import Location, Request, Side, Slot, Task

Line = tuple[str, int]
"""File and number."""


class HotLine(Struct, frozen=True):
    """One line, and who is at it: the names of the slots ("2", or "2.1" for a thread), or a number of tasks."""

    place: Location
    slots: tuple[str, ...]
    tasks: int

    @property
    def many(self) -> int:
        return len(self.slots) + self.tasks

    @property
    def words(self) -> str:
        """As it stands beside the line: "workers 1 2 4", "20 requests"."""
        if self.slots:
            return f"worker{'s' if len(self.slots) > 1 else ''} {' '.join(self.slots)}"
        return f"{self.tasks} request{'s' if self.tasks > 1 else ''}"


def hot_lines(side: Side, in_flight: Iterable[Request] | None = None) -> tuple[HotLine, ...]:
    """The lines with somebody at them: first the one that holds a loop, then the most crowded.

    ``in_flight``: the side's requests in flight, where they are known already. (Lines are sampled: requests of a few
    milliseconds are never seen at one.)
    """
    inside = side.ledger.in_flight() if in_flight is None else in_flight
    located = [(request, request.where) for request in inside if request.where is not None and request.in_app]
    numbers = {worker.key: (worker.number, worker.slot) for worker in side.server.living()}
    places: dict[Line, Location] = {}
    slots: dict[Line, list[Slot]] = {}
    tasks: dict[Line, int] = {}
    held: Line | None = None
    for request, where in located:
        line = _line(where)
        places[line] = where
        if side.is_loop and request.task is Task.RUNNING:
            held = line
        holder = numbers.get((request.pid, request.slot))
        if side.is_loop or holder is None:
            tasks[line] = tasks.get(line, 0) + 1
        else:
            slots.setdefault(line, []).append(holder)
    found = [HotLine(place, _names(slots.get(line, ())), tasks.get(line, 0)) for line, place in places.items()]
    return tuple(sorted(found, key=lambda at: (_line(at.place) != held, -at.many, _line(at.place))))


def _line(place: Location) -> Line:
    return place.file, place.line


def _names(slots: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    return tuple(f"{number}.{slot}" if slot else str(number) for number, slot in sorted(slots))
