"""Requests that pass from one line of their app to the next, as events: as a loop's steps tell it, and as the looks
of a line sampler at threads do."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heapreplace
from itertools import pairwise
from typing import NamedTuple

from tests.unit.lint_contexts import DRIVER, PID, at, booted, fired, opened
from tests.unit.states import MS, RUN, T0
from wsgiviz.events import (
    Event,
    InnerLineSeen,
    LineSeen,
    RequestBegan,
    RequestEnded,
    RequestSent,
    ResponseReceived,
    SlotThread,
    SourceRead,
    StepBegan,
    StepEnded,
    ThreadSampled,
)

LOOK_S = 0.02
STEP_S = 0.0003
"""A step of a request on the loop takes so long."""

SOURCE = "\n".join(["import app"] * 8 + ["    with lock:"] + ["pass"] * 30)


class Place(NamedTuple):
    """A line of app.py; ``within``: "file|function" of the innermost frame, or ""."""

    line: int
    call: str
    within: str = ""


LOCK = Place(9, "with lock", "asyncio/locks.py|acquire")
THREAD_LOCK = Place(9, "with lock")
POOL = Place(12, "pool.get", "threading.py|wait")
UPSTREAM = Place(14, "client.get", "asyncio/locks.py|wait")
HIDDEN = Place(16, "database.execute", "driver/protocol.py|execute")
QUERY = Place(20, "query", "driver/protocol.py|read")
RENDER = Place(22, "render")
SLEEP = Place(24, "asyncio.sleep", "asyncio/tasks.py|sleep")


class Stretch(NamedTuple):
    """At ``place`` from ``begin_s`` to ``end_s`` of the run."""

    place: Place
    begin_s: float
    end_s: float


Way = list[Stretch]
"""What one request does, from its beginning to its end."""


def through_a_pool(
    requests: int,
    size: int,
    hold_s: float,
    wait: Place = LOCK,
    hold: Sequence[Place] = (QUERY,),
    after_s: float = 0,
    apart_s: float = 0.0004,
) -> list[Way]:
    """Each waits until one of ``size`` is free, and has it for ``hold_s``; ``after_s`` it goes on without it. They
    begin ``apart_s`` one after the other."""
    free = [0.0] * size
    heapify(free)
    ways = []
    for n in range(requests):
        came_s = 0.01 + n * apart_s
        begin_s = max(came_s, free[0] + STEP_S)
        heapreplace(free, begin_s + hold_s)
        way = [Stretch(wait, came_s, begin_s)] if begin_s > came_s else []
        marks = [begin_s + hold_s * part / len(hold) for part in range(len(hold) + 1)]
        way += [Stretch(place, *times) for place, times in zip(hold, pairwise(marks), strict=True)]
        ways.append([*way, *([Stretch(RENDER, begin_s + hold_s, begin_s + hold_s + after_s)] if after_s else [])])
    return ways


def each_for_itself(waits_s: Sequence[float], wait: Place, after_s: float = 0.1, after: Place = QUERY) -> list[Way]:
    """Each waits so long for something that nobody else holds, and goes on for ``after_s``."""
    found = []
    for n, wait_s in enumerate(waits_s):
        came_s = 0.01 + n * 0.0004
        left_s = came_s + wait_s
        found.append([Stretch(wait, came_s, left_s), Stretch(after, left_s, left_s + after_s)])
    return found


def on_a_loop(ways: Sequence[Way]) -> list[Event]:
    """As one loop tells it: exactly, with a look at each line that lasts long enough."""
    events: list[Event] = []
    for n, way in enumerate(ways, 1):
        begin_s, req = way[0].begin_s, RUN + n
        events.append(RequestSent(at(0.001), "asgi", DRIVER, req, T0))
        events.append(RequestBegan(at(begin_s - STEP_S), "asgi", PID, 0, req, 0, 0, "GET /"))
        for place, from_s, to_s in way:
            events.append(StepBegan(at(from_s - STEP_S), "asgi", PID, req))
            events.append(StepEnded(at(from_s), "asgi", PID, req, int(STEP_S * 1e9)))
            seen_s = _look(from_s) + LOOK_S
            events += _seen("asgi", 0, req, place, seen_s) if seen_s < to_s - STEP_S else []
        events.append(StepBegan(at(way[-1].end_s - STEP_S), "asgi", PID, req))
        events += _ended("asgi", 0, req, begin_s, way[-1].end_s)
    return [
        *opened("", "asgi"),
        SourceRead(at(-3), "asgi", 0, "app.py", SOURCE),
        *booted("asgi", kind="asgi"),
        *fired("asgi", requests=len(ways)),
        *sorted(events, key=lambda event: event.t_ns),
    ]


def in_threads(ways: Sequence[Way]) -> list[Event]:
    """As the looks at so many threads tell it."""
    events: list[Event] = []
    for n, way in enumerate(ways, 1):
        begin_s, end_s, req = way[0].begin_s, way[-1].end_s, RUN + n
        events.append(SlotThread(at(-1), "wsgi", PID, n, 1000 + n))
        events.append(RequestSent(at(0.001), "wsgi", DRIVER, req, T0))
        events.append(RequestBegan(at(begin_s), "wsgi", PID, n, req, 0, 0, "GET /"))
        looks = [_look(begin_s) + LOOK_S * look for look in range(1, int((end_s - begin_s) / LOOK_S) + 1)]
        last: Place | None = None
        for look_s in (look_s for look_s in looks if look_s < end_s):
            place = next(stretch.place for stretch in way if look_s < stretch.end_s)
            events.append(ThreadSampled(at(look_s), "wsgi", PID, n, 0, 0, "S"))
            events += _seen("wsgi", n, req, place, look_s) if place != last else []
            last = place
        events += _ended("wsgi", n, req, begin_s, end_s)
    return [
        *opened("gthread", threads=len(ways)),
        SourceRead(at(-3), "wsgi", 0, "app.py", SOURCE),
        *booted(threads=len(ways), kind="gthread"),
        *fired(requests=len(ways)),
        *sorted(events, key=lambda event: event.t_ns),
    ]


def _look(at_s: float) -> float:
    """The first look after that."""
    return (int(at_s / LOOK_S) + 1) * LOOK_S


def _seen(side: str, slot: int, req: int, place: Place, at_s: float) -> list[Event]:
    found: list[Event] = [LineSeen(at(at_s), side, PID, slot, req, place.line, f"app.py|view|{place.call}")]
    if place.within:
        found.append(InnerLineSeen(at(at_s) + 1000, side, PID, slot, req, 100, f"{place.within}|fut"))
    return found


def _ended(side: str, slot: int, req: int, begin_s: float, end_s: float) -> list[Event]:
    times = at(begin_s), at(end_s) - MS // 10, 0, at(end_s)
    return [
        RequestEnded(at(end_s), side, PID, slot, req, 0, *times, 200, 1, ""),
        ResponseReceived(at(end_s) + MS, side, DRIVER, req, 200, 2),
    ]
