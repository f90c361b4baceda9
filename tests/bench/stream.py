"""A stream of events as four sync workers and one event loop write it under a closed load, by number of request."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from wsgiviz.events import RUN_STRIDE, Event, Kind

MS = 1_000_000
PIDS = (101, 102, 103, 104)
LOOP_PID = 200
EVERY_NS = 2 * MS
"""A pair of requests, one to each side, begins every 2 ms: as many are in flight as their duration lets."""

LASTS_NS = 7 * MS
TASK_LASTS_NS = 100 * MS
STEPS = 3
"""Awaits of each task."""


def opening(requests: int) -> list[Event]:
    """Servers that are ready, and a run that has started on both sides."""
    events = []
    for side, pids in (("wsgi", PIDS), ("asgi", (LOOP_PID,))):
        events += [Event(1, Kind.WORKER_BOOTING, side, pid, a=at) for at, pid in enumerate(pids, 1)]
        events += [Event(2, Kind.WORKER_READY, side, pid) for pid in pids]
        events.append(Event(3, Kind.RUN_STARTED, side, 1, 0, 1, requests, 3, "closed"))
    return events


def requests(first: int = 1) -> Iterator[Event]:
    """Endlessly, from number ``first`` on; in order of time within a window of some dozens, as polls give them."""
    numbers = itertools.count(first)
    while True:
        window = [event for _ in range(128) for event in _pair(next(numbers))]
        window.sort(key=lambda event: event.t_ns)
        yield from window


def _pair(number: int) -> Iterator[Event]:
    req, at = RUN_STRIDE + number, number * EVERY_NS
    yield from _sync(req, at, PIDS[number % len(PIDS)])
    yield from _task(req, at)


def _sync(req: int, at: int, pid: int) -> Iterator[Event]:
    end = at + LASTS_NS
    cpu_ns = req * 100_000
    yield Event(at, Kind.SENT, "wsgi", 1, 0, req, at)
    yield Event(at + 100_000, Kind.CONNECTED, "wsgi", 1, 0, req)
    yield Event(at + 200_000, Kind.ACCEPTED, "wsgi", pid, a=40_000)
    yield Event(at + 300_000, Kind.BEGAN, "wsgi", pid, 0, req, at + 200_000, cpu_ns, "GET /")
    yield Event(at + 400_000, Kind.THREAD_SAMPLE, "wsgi", pid, a=cpu_ns + 20_000, text="S")
    yield Event(end, Kind.RESPONSE, "wsgi", pid, 0, req, 200)
    yield Event(end + 10_000, Kind.RETURNED, "wsgi", pid, 0, req, 1, 80_000)
    yield Event(end + 200_000, Kind.FIRST_BYTE, "wsgi", 1, 0, req)
    yield Event(end + 210_000, Kind.RECEIVED, "wsgi", 1, 0, req, 200, 6)
    yield Event(end + 220_000, Kind.CLOSED, "wsgi", pid, 0, req, 80_000, 1)
    yield Event(end + 300_000, Kind.RELEASED, "wsgi", pid)


def _task(req: int, at: int) -> Iterator[Event]:
    each = TASK_LASTS_NS // STEPS
    yield Event(at, Kind.SENT, "asgi", 1, 0, req, at)
    yield Event(at + 100_000, Kind.CONNECTED, "asgi", 1, 0, req)
    yield Event(at + 200_000, Kind.ACCEPTED, "asgi", LOOP_PID, a=40_000)
    yield Event(at + 300_000, Kind.BEGAN, "asgi", LOOP_PID, 0, req, at + 200_000, 0, "GET /")
    for step in range(STEPS):
        began = at + 310_000 + step * each
        yield Event(began, Kind.TASK_RUN, "asgi", LOOP_PID, 0, req)
        yield Event(began + 50_000, Kind.TASK_WAIT, "asgi", LOOP_PID, 0, req, 0, 50_000)
        yield Event(began + each - 100_000, Kind.TASK_READY, "asgi", LOOP_PID, 0, req)
    end = at + 310_000 + TASK_LASTS_NS
    yield Event(end, Kind.TASK_RUN, "asgi", LOOP_PID, 0, req)
    yield Event(end + 20_000, Kind.RESPONSE, "asgi", LOOP_PID, 0, req, 200)
    yield Event(end + 90_000, Kind.TASK_WAIT, "asgi", LOOP_PID, 0, req, 0, 90_000)
    yield Event(end + 100_000, Kind.CLOSED, "asgi", LOOP_PID, 0, req, 0, 1)
    yield Event(end + 200_000, Kind.FIRST_BYTE, "asgi", 1, 0, req)
    yield Event(end + 210_000, Kind.RECEIVED, "asgi", 1, 0, req, 200, 6)
