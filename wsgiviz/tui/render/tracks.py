"""Which lane each request of a loop is drawn in.

A request keeps its lane from when it is sent until it is answered; then the lane is free for a later one.
There are as many lanes as requests were ever under way at once: a burst of 20 has 20, twenty users in a loop
have 20 for as long as they go on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import islice

from wsgiviz.model.state import Request, Side

HISTORY = 200
"""Finished requests kept of a lane."""

LONG_LANES = 128
"""Lanes beyond these are off any screen and keep only their last request."""


def begin_ns(request: Request) -> int:
    """When a request set out, as far as is known."""
    return request.sent_ns or request.accepted_ns or request.began_ns or request.planned_ns


def end_ns(request: Request) -> int:
    """When it was over for the client; for a stranger's, when the app was through. 0 before."""
    return request.finished_ns or (request.ended_ns if request.id < 0 else 0)


class Tracks:
    """The lanes of one run, filled as its requests come. The same sequence of sides gives the same lanes."""

    def __init__(self) -> None:
        self._run = -1
        self._clear()

    def _clear(self) -> None:
        self._track: dict[int, int] = {}
        self._over: set[int] = set()
        self._free: list[int] = []
        self._freed_ns: list[int] = []
        self._past: list[deque[Request]] = []
        self._present: list[int] = []
        self._over_in: list[int] = []

    def __len__(self) -> int:
        return len(self._present)

    def requests(self, track: int, side: Side) -> Iterator[Request]:
        """The requests of a lane, oldest first; the present one as it is in ``side``."""
        yield from self._past[track]
        present = side.in_flight.get(self._present[track])
        if present is not None:
            yield present

    def present(self, track: int, side: Side) -> Request | None:
        """The request which is under way in a lane."""
        return side.in_flight.get(self._present[track])

    def newly_over(self, track: int, seen: int) -> tuple[list[Request], int]:
        """The requests of a lane that ended after the first ``seen``, and how many have ended by now.

        The oldest may not be kept any more.
        """
        count = self._over_in[track]
        past = self._past[track]
        return list(islice(past, max(0, len(past) - (count - seen)), None)), count

    def last(self, track: int, side: Side) -> Request | None:
        present = side.in_flight.get(self._present[track])
        return present or (self._past[track][-1] if self._past[track] else None)

    def update(self, side: Side) -> None:
        """Take in what has become of the run since the last call."""
        if side.run != self._run:
            self._run = side.run
            self._clear()
        over = self._newly_over(side)
        new = [request for request in side.in_flight.values() if request.id not in self._track]
        for request in over:
            if request.id in self._track:
                self._release(request)
        new += [request for request in over if request.id not in self._track]
        for request in sorted(new, key=begin_ns):
            self._place(request)
            if request.id in self._over:
                self._release(request)

    def _newly_over(self, side: Side) -> list[Request]:
        over = []
        for request in reversed(side.finished):
            if request.id in self._over:
                break
            self._over.add(request.id)
            over.append(request)
        return over[::-1]

    def _place(self, request: Request) -> None:
        track = self._lowest_free(begin_ns(request))
        self._track[request.id] = track
        self._present[track] = request.id

    def _lowest_free(self, t_ns: int) -> int:
        later = []
        found = -1
        while self._free and found < 0:
            track = heappop(self._free)
            if self._freed_ns[track] <= t_ns:
                found = track
            else:
                later.append(track)
        for track in later:
            heappush(self._free, track)
        return found if found >= 0 else self._new()

    def _new(self) -> int:
        track = len(self._present)
        self._present.append(0)
        self._freed_ns.append(0)
        self._over_in.append(0)
        self._past.append(deque(maxlen=HISTORY if track < LONG_LANES else 1))
        return track

    def _release(self, request: Request) -> None:
        track = self._track[request.id]
        self._present[track] = 0
        self._freed_ns[track] = end_ns(request)
        self._past[track].append(request)
        self._over_in[track] += 1
        heappush(self._free, track)
