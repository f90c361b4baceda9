"""Which lane each request of a loop is drawn in.

A request keeps its lane from when it is sent until client and app are through with it; then the lane is free for a
later one. There are as many lanes as requests were ever in progress at once: a burst of 20 has 20, twenty users in
a loop have 20 for as long as they go on.

A request that its client gives up before a worker has begun it leaves its lane; when a worker begins it nevertheless
it takes one again, for the time that it is served for nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from itertools import islice, zip_longest

from msgspec.structs import replace

from wsgiviz.state import Ledger, Request, Side, Task
from wsgiviz.state.ledger import Chunk

HISTORY = 200
"""Requests that are over kept of a lane."""

LONG_LANES = 128
"""Lanes beyond these are off any screen and keep only their last request."""

NOTHING = Ledger()


def given_up_before(request: Request) -> bool:
    """Its client had given it up before a worker began it."""
    return 0 < request.failed_ns < request.began_ns


def begin_ns(request: Request) -> int:
    """When a request set out, as far as is known; when it was begun, if its client had given it up by then."""
    if given_up_before(request):
        return request.began_ns
    return request.sent_ns or request.accepted_ns or request.began_ns or request.planned_ns


def end_ns(request: Request) -> int:
    """When client and app were both through with it; 0 before."""
    return max(request.finished_ns, request.ended_ns) if request.over else 0


class Tracks:
    """The lanes of one run, filled as its requests come. The same sequence of sides gives the same lanes."""

    def __init__(self) -> None:
        self._run = -1
        self._clear()

    def _clear(self) -> None:
        self._ledger = NOTHING
        self._track: dict[int, int] = {}  # of each request that is kept: its newest
        self._free: list[int] = []  # a heap
        self._freed_ns: list[int] = []
        self._past: list[deque[Request]] = []
        self._present: list[Request | None] = []
        self._over_in: list[int] = []
        self._redrawn: list[int] = []

    def __len__(self) -> int:
        return len(self._present)

    def requests(self, track: int) -> Iterator[Request]:
        """The requests of a lane, oldest first."""
        yield from self._past[track]
        present = self._present[track]
        if present is not None:
            yield present

    def present(self, track: int) -> Request | None:
        """The request that is in progress in a lane."""
        return self._present[track]

    def last(self, track: int) -> Request | None:
        """The one that is in progress, else the one that was the last."""
        return self._present[track] or (self._past[track][-1] if self._past[track] else None)

    def is_shared(self, track: int) -> bool:
        """It has had other requests before its last."""
        past, last = self._past[track], self.last(track)
        return bool(past) and last is not None and past[0].id != last.id

    def redrawn(self, track: int) -> int:
        """Changes when what was over in a lane has changed, and is to be drawn anew."""
        return self._redrawn[track]

    def newly_over(self, track: int, seen: int) -> tuple[list[Request], int]:
        """The requests of a lane that ended after the first ``seen``, and how many have ended by now.

        The oldest may not be kept any more.
        """
        count = self._over_in[track]
        past = self._past[track]
        return list(islice(past, max(0, len(past) - (count - seen)), None)), count

    def update(self, side: Side) -> None:
        """Take in what has become of the run since the last call."""
        if side.run.number != self._run:
            self._clear()
            self._run = side.run.number
        before, self._ledger = self._ledger, side.ledger
        if before is self._ledger:
            return
        new: list[Request] = []
        for request in _changed(before, self._ledger):
            if request.id not in self._track:
                new += _stays(request)
            elif not self._update(request):
                new.append(request)
        for request in sorted(new, key=begin_ns):
            self._place(request)
        for req in _dropped(before, self._ledger):
            self._forget(req)

    def _update(self, request: Request) -> bool:
        """Take in a request that has had a lane already; False when it needs one again."""
        track = self._track[request.id]
        present = self._present[track]
        if present is not None and present.id == request.id:
            self._enter(track, request)
            return True
        past = self._past[track]
        at = next((at for at in reversed(range(len(past))) if past[at].id == request.id), -1)
        if at < 0:
            return request.over
        if given_up_before(request) and not past[at].began_ns:
            return False
        self._redrawn[track] += 1
        if request.over:
            past[at] = request
            return True
        del past[at]
        self._over_in[track] -= 1
        return False

    def _place(self, request: Request) -> None:
        own = self._track.get(request.id)
        if own is not None and self._present[own] is None:
            self._free.remove(own)
            heapify(self._free)
            self._enter(own, request)
        else:
            self._enter(self._lowest_free(begin_ns(request)), request)

    def _forget(self, req: int) -> None:
        track = self._track.pop(req, None)
        present = self._present[track] if track is not None else None
        if track is not None and present is not None and present.id == req:
            self._release(track, present)

    def _enter(self, track: int, request: Request) -> None:
        self._track[request.id] = track
        self._present[track] = request
        if request.over:
            self._release(track, request)

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
        self._present.append(None)
        self._freed_ns.append(0)
        self._over_in.append(0)
        self._redrawn.append(0)
        self._past.append(deque(maxlen=HISTORY if track < LONG_LANES else 1))
        return track

    def _release(self, track: int, request: Request) -> None:
        self._present[track] = None
        self._freed_ns[track] = end_ns(request)
        self._past[track].append(request)
        self._over_in[track] += 1
        heappush(self._free, track)


def _stays(request: Request) -> list[Request]:
    """A request once for each time that it is in a lane: until its client gave it up, and again when it was begun."""
    if not given_up_before(request):
        return [request]
    return [replace(request, began_ns=0, ended_ns=0, steps=(), task=Task.QUEUED, where=None), request]


def _changed(before: Ledger, now: Ledger) -> Iterator[Request]:
    """The requests that are not as they were. Ledgers share the chunks in which nothing has changed."""
    for at, chunk in now.chunks.items():
        known = before.chunks.get(at)
        if known is not chunk:
            yield from _differing(known.requests if known else (), chunk.requests)
    if now.external is not before.external:
        for req, request in now.external.items():
            if before.external.get(req) is not request:
                yield request


def _differing(before: Iterable[Request | None], now: Iterable[Request | None]) -> Iterator[Request]:
    for old, new in zip_longest(before, now):
        if new is not old and new is not None:
            yield new


def _dropped(before: Ledger, now: Ledger) -> Iterator[int]:
    """Ids of the requests that the ledger does not keep any more."""
    gone: list[Chunk] = [chunk for at, chunk in before.chunks.items() if at not in now.chunks]
    for chunk in gone:
        yield from (request.id for request in chunk.requests if request is not None)
    if now.external is not before.external:
        yield from (req for req in before.external if req not in now.external)
