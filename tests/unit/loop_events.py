"""What event loops and their requests emit, in few words."""

from __future__ import annotations

from collections.abc import Sequence

from tests.unit.lint_contexts import DRIVER, PID, at, booted, fired, opened
from tests.unit.states import MS, RUN, T0
from wsgiviz.events import (
    Connected,
    ConnectionAccepted,
    Event,
    LoopBeat,
    LoopHeld,
    RequestBegan,
    RequestEnded,
    RequestSent,
    StepBegan,
    StepEnded,
)

OTHER = PID + 1
TWO_LOOPS = [
    *opened("", "asgi", async_workers=2),
    *booted("asgi", PID, 1, kind="asgi"),
    *booted("asgi", OTHER, 2, kind="asgi"),
    *fired("asgi"),
]
ONE_LOOP = [*opened("", "asgi"), *booted("asgi", kind="asgi"), *fired("asgi")]


def beat(at_s: float, selector_s: float, pid: int = PID, late_ms: int = 0) -> Event:
    return LoopBeat(at(at_s), "asgi", pid, late_ms * MS, round(selector_s * 1e9) if selector_s >= 0 else -1)


def began(n: int, at_s: float, pid: int = PID) -> list[Event]:
    return [
        RequestSent(at(0.001), "asgi", DRIVER, RUN + n, T0),
        RequestBegan(at(at_s), "asgi", pid, 0, RUN + n, 0, 0, "GET /"),
        StepBegan(at(at_s), "asgi", pid, RUN + n),
    ]


def stepped(n: int, at_s: float, held_ms: int, pid: int = PID) -> list[Event]:
    ended_ns = at(at_s)
    done = RequestEnded(ended_ns, "asgi", pid, 0, RUN + n, -1, ended_ns, ended_ns, 0, ended_ns, 200, 1, "")
    return [StepEnded(at(at_s), "asgi", pid, RUN + n, held_ms * MS), done]


def held(at_s: float, req: int, held_ms: int, line: int = 9, pid: int = PID) -> Event:
    return LoopHeld(at(at_s), "asgi", pid, req, held_ms * MS, line, "app.py|view|time.sleep")


def accepted(numbers: Sequence[int], pid: int = PID) -> list[Event]:
    """Connections that this loop has accepted, and read nothing from."""
    found: list[Event] = []
    for n in numbers:
        found.append(RequestSent(at(0.001), "asgi", DRIVER, RUN + n, T0))
        found.append(Connected(at(0.002), "asgi", DRIVER, RUN + n, 4000 + n))
        found.append(ConnectionAccepted(at(0.003), "asgi", pid, 0, 4000 + n))
    return found
