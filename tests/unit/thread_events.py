"""Threads behind a loop, as a worker emits them, in few words."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from tests.unit.lint_contexts import DRIVER, PID, at, booted, fired, opened
from tests.unit.states import MS, RUN, T0, S
from wsgiviz.events import (
    CallBegan,
    CallEnded,
    CallQueued,
    CallSampled,
    CallThread,
    Event,
    InnerLineSeen,
    LineSeen,
    PoolSampled,
    RequestBegan,
    RequestEnded,
    RequestSent,
    ResponseReceived,
    StepBegan,
    StepEnded,
    TaskReady,
)

ASGI = [*opened("", "asgi"), *booted("asgi", kind="asgi")]
POOL = 1


def run(requests: int) -> list[Event]:
    return [*ASGI, *fired("asgi", requests=requests)]


def asked(n: int, at_s: float, first: bool = True, pool: int = POOL) -> list[Event]:
    """A step of the request that asks for a thread; the first one begins it."""
    began = [
        RequestSent(at(0.001), "asgi", DRIVER, RUN + n, T0),
        RequestBegan(at(at_s), "asgi", PID, 0, RUN + n, 0, 0, "GET /"),
    ]
    return [
        *(began if first else [TaskReady(at(at_s), "asgi", PID, RUN + n)]),
        StepBegan(at(at_s), "asgi", PID, RUN + n),
        CallQueued(at(at_s + 0.0001), "asgi", PID, pool, RUN + n),
        StepEnded(at(at_s + 0.0002), "asgi", PID, RUN + n, MS // 5),
    ]


def entered(n: int, at_s: float, pool: int = POOL) -> list[Event]:
    return [CallBegan(at(at_s), "asgi", PID, pool, RUN + n)]


def process_asked(n: int, at_s: float, pool: int = POOL) -> list[Event]:
    """A step of the request that asks for a process."""
    return [
        replace(event, process=1) if isinstance(event, CallQueued) else event for event in asked(n, at_s, pool=pool)
    ]


def sampled(n: int, at_s: float, cpu_s: float, letter: str, runq_s: float = 0.0, thread_id: int = 77) -> list[Event]:
    """A sample of the thread that works for the request."""
    return [CallSampled(at(at_s), "asgi", PID, RUN + n, thread_id, int(cpu_s * S), int(runq_s * S), letter)]


def in_thread_77(n: int, at_s: float) -> list[Event]:
    return [CallThread(at(at_s), "asgi", PID, RUN + n, 77)]


def left(n: int, at_s: float, pool: int = POOL, began: int = 1) -> list[Event]:
    return [CallEnded(at(at_s), "asgi", PID, pool, RUN + n, began)]


def seen(n: int, at_s: float, line: int, call: str, within: str = "") -> list[Event]:
    """``within``: "file|function" of the innermost frame."""
    found: list[Event] = [LineSeen(at(at_s), "asgi", PID, 0, RUN + n, line, f"app.py|view|{call}")]
    if within:
        found.append(InnerLineSeen(at(at_s) + 1000, "asgi", PID, 0, RUN + n, 100, f"{within}|wait"))
    return found


def answered(n: int, began_s: float, at_s: float, raised: str = "") -> list[Event]:
    times = at(began_s), at(at_s) - MS, 0, at(at_s)
    return [
        TaskReady(at(at_s) - 3 * MS, "asgi", PID, RUN + n),
        StepBegan(at(at_s) - 2 * MS, "asgi", PID, RUN + n),
        StepEnded(at(at_s), "asgi", PID, RUN + n, 2 * MS),
        RequestEnded(at(at_s), "asgi", PID, 0, RUN + n, -1, *times, 200, 1, raised),
        ResponseReceived(at(at_s) + MS, "asgi", DRIVER, RUN + n, 200, 2),
    ]


def pool(
    at_s: float, running: int, waiting: int, size: int = 40, name: str = "anyio|", number: int = POOL, pid: int = PID
) -> list[Event]:
    return [PoolSampled(at(at_s), "asgi", pid, number, size, running, waiting, name)]


def in_order(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda event: event.t_ns)


def full_limiter(threads: int, waiting: int, until_s: float = 0.6) -> list[Event]:
    """So many requests in threads at a line, and others that wait for one, until ``until_s``."""
    events = run(threads + waiting)
    for n in range(1, threads + 1):
        events += [*asked(n, 0.01), *entered(n, 0.02), *seen(n, 0.06, 7, "time.sleep")]
    for n in range(threads + 1, threads + waiting + 1):
        events += [*asked(n, 0.01), *seen(n, 0.06, 6, "")]
    return in_order([*events, *pool(0.05, threads, waiting, threads), *pool(until_s, threads, waiting, threads)])
