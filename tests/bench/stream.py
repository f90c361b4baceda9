"""A stream of events as four sync workers and one event loop write it under a closed load, by number of request."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from wsgiviz.events import (
    RUN_STRIDE,
    Connected,
    ConnectionAccepted,
    Event,
    FirstByte,
    LineSeen,
    RequestBegan,
    RequestEnded,
    RequestSent,
    ResponseReceived,
    ResponseStarted,
    RunRequested,
    RunStarted,
    ServerStarted,
    SettingsChanged,
    StepBegan,
    StepEnded,
    TaskReady,
    ThreadSampled,
    WorkerBooting,
    WorkerReady,
)

MS = 1_000_000
PIDS = (101, 102, 103, 104)
LOOP_PID = 200
DRIVER = 1
EVERY_NS = 2 * MS
"""A pair of requests, one to each side, begins every 2 ms: as many are in flight as their duration lets."""

LASTS_NS = 7 * MS
TASK_LASTS_NS = 100 * MS
STEPS = 3
"""Awaits of each task."""


def opening(requests: int) -> list[Event]:
    """Servers that are ready, and a run that has started on both sides."""
    events: list[Event] = [SettingsChanged(1, "", 0, {"scenario": "sleep"})]
    for side, pids, kind in (("wsgi", PIDS, "sync"), ("asgi", (LOOP_PID,), "asgi")):
        events.append(ServerStarted(1, side, 99, kind, "http://127.0.0.1:1"))
        events += [WorkerBooting(1, side, pid, at, pid, 1, kind) for at, pid in enumerate(pids, 1)]
        events += [WorkerReady(2, side, pid) for pid in pids]
    events.append(RunRequested(3, "", 0, 1, requests, ("wsgi", "asgi")))
    events += [RunStarted(3, side, DRIVER, 1, requests, 3) for side in ("wsgi", "asgi")]
    return events


def requests(first: int = 1) -> Iterator[Event]:
    """Endlessly, from number ``first`` on; in order of time within a window of some dozens, as polls give them."""
    numbers = itertools.count(first)
    while True:
        window = [event for _ in range(128) for event in _pair(next(numbers))]
        window.sort(key=lambda event: event.t_ns)
        yield from window


def _pair(number: int) -> Iterator[Event]:
    req, at = RUN_STRIDE + number % RUN_STRIDE, number * EVERY_NS
    yield from _sync(req, at, PIDS[number % len(PIDS)])
    yield from _task(req, at)


def _sync(req: int, at: int, pid: int) -> Iterator[Event]:
    end, began = at + LASTS_NS, at + 300_000
    cpu_ns = req * 100_000
    yield RequestSent(at, "wsgi", DRIVER, req, at)
    yield Connected(at + 100_000, "wsgi", DRIVER, req, 40_000)
    yield RequestBegan(began, "wsgi", pid, 0, req, at + 200_000, cpu_ns, "GET /")
    yield ThreadSampled(at + 400_000, "wsgi", pid, 0, cpu_ns + 20_000, 0, "S")
    yield LineSeen(at + 500_000, "wsgi", pid, 0, req, 14, "sleep.py|wsgi_app|time.sleep")
    yield FirstByte(end + 200_000, "wsgi", DRIVER, req)
    yield ResponseReceived(end + 210_000, "wsgi", DRIVER, req, 200, 6)
    yield RequestEnded(end + 300_000, "wsgi", pid, 0, req, 80_000, began, end, end + 10_000, end + 10_000, 200, 1, "")


def _task(req: int, at: int) -> Iterator[Event]:
    each, began = TASK_LASTS_NS // STEPS, at + 300_000
    yield RequestSent(at, "asgi", DRIVER, req, at)
    yield Connected(at + 100_000, "asgi", DRIVER, req, 40_000)
    yield ConnectionAccepted(at + 200_000, "asgi", LOOP_PID, 0, 40_000)
    yield RequestBegan(began, "asgi", LOOP_PID, 0, req, at + 200_000, 0, "GET /")
    for step in range(STEPS):
        begins = at + 310_000 + step * each
        yield StepBegan(begins, "asgi", LOOP_PID, req)
        yield StepEnded(begins + 50_000, "asgi", LOOP_PID, req, 50_000)
        yield TaskReady(begins + each - 100_000, "asgi", LOOP_PID, req)
    end = at + 310_000 + TASK_LASTS_NS
    yield StepBegan(end, "asgi", LOOP_PID, req)
    yield ResponseStarted(end + 20_000, "asgi", LOOP_PID, 0, req, 200)
    yield StepEnded(end + 90_000, "asgi", LOOP_PID, req, 90_000)
    yield RequestEnded(end + 100_000, "asgi", LOOP_PID, 0, req, 0, began, end + 20_000, 0, end + 100_000, 200, 1, "")
    yield FirstByte(end + 200_000, "asgi", DRIVER, req)
    yield ResponseReceived(end + 210_000, "asgi", DRIVER, req, 200, 6)
