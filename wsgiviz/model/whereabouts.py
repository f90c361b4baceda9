"""Who is where: the lines of code at which requests are now, and by whom. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from wsgiviz.model.state import Place, Side, Task


class Whereabouts(Struct, frozen=True):
    """One line, and who is at it: the names of the slots ("2", or "2.1" for a thread), or a number of tasks."""

    place: Place
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


def whereabouts(side: Side) -> tuple[Whereabouts, ...]:
    """The lines with somebody at them: first the one that holds a loop, then the most crowded.

    (Requests of a few milliseconds are never seen at one.)
    """
    places: dict[tuple[str, int], Place] = {}
    slots: dict[tuple[str, int], list[tuple[int, int]]] = {}
    tasks: dict[tuple[str, int], int] = {}
    held: tuple[str, int] | None = None
    numbers = {worker.key: (worker.number, worker.slot) for worker in side.living()}
    for request in side.in_flight.values():
        if request.where is None or request.ended_ns:
            continue
        line = _line(request.where)
        if side.is_loop and request.task is Task.RUNNING:
            held = line
        places[line] = request.where
        holder = numbers.get((request.pid, request.slot))
        if side.is_loop or holder is None:
            tasks[line] = tasks.get(line, 0) + 1
        else:
            slots.setdefault(line, []).append(holder)
    found = [Whereabouts(place, _names(slots.get(line, ())), tasks.get(line, 0)) for line, place in places.items()]
    return tuple(sorted(found, key=lambda at: (_line(at.place) != held, -at.many, _line(at.place))))


def _line(place: Place) -> tuple[str, int]:
    return place.file, place.line


def _names(slots: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    return tuple(f"{number}.{slot}" if slot else str(number) for number, slot in sorted(slots))
