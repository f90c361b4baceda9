"""Which external requests of this process are over: for a viewer that has missed the ends of some.

A viewer that is slower than the server finds records overwritten. The beginning of a request that lasts is announced
again (`wsgiviz.probe.line_sampler`); an end is not, so that of whoever has missed it a request would stay in the app
for ever. While a viewer is attached, ranges of numbers are emitted here once a second, in the sampler's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic_ns

from wsgiviz.probe.request_ids import RequestIds
from wsgiviz.recorder.emitter import Emitter

EVERY_NS = 1_000_000_000
MOST_RANGES = 64
"""So many at a time: between a thousand requests that last there may be as many gaps. The others come next time."""

LOWEST = -(1 << 62)
"""Below any number that is given out."""


class OverNumbers:
    """Emits ranges without any of the numbers that ``in_flight`` give."""

    def __init__(self, emit: Emitter, ids: RequestIds, in_flight: Iterable[Callable[[], Iterable[int]]]) -> None:
        self._emit = emit
        self._ids = ids
        self._in_flight = tuple(in_flight)
        self._emitted_ns = self._emitted_next = self._first = 0
        self._next = LOWEST

    def look(self) -> None:
        """Emit them if it is time, and if there are new ones.

        A number that was given a second ago is surely where ``in_flight`` finds it; a newer one may not be yet.
        """
        now = monotonic_ns()
        if now - self._emitted_ns < EVERY_NS:
            return
        self._emitted_ns = now
        below, self._next = self._next, self._ids.next_number()
        if below == self._emitted_next:
            return
        inside = {req for find in self._in_flight for req in find()}
        ranges = gaps(inside, below)
        self._first = self._first if self._first < len(ranges) else 0
        for low, high in ranges[self._first :][:MOST_RANGES]:
            self._emit.requests_over(low, high)
        self._first += MOST_RANGES
        if self._first >= len(ranges):
            self._first, self._emitted_next = 0, below


def gaps(numbers: Iterable[int], below: int) -> list[tuple[int, int]]:
    """Ranges (from, up to but not with) of all numbers ``below`` that are not among these, the highest first."""
    found, low = [], LOWEST
    for number in [*sorted(number for number in numbers if number < below), below]:
        if low < number:
            found.append((low, number))
        low = number + 1
    return found[::-1]
