"""Scenes for lints: sides made by hand, and pictures folded from what a worker and the driver write."""

from __future__ import annotations

from msgspec.structs import replace

from tests.unit.pictures import RUN, T0, S
from wsgiviz.events import Event, Kind
from wsgiviz.model.lints import LINTS, NAMES, Scene
from wsgiviz.model.reducer import reduce
from wsgiviz.model.state import (
    Doing,
    Picture,
    Place,
    Side,
    Slot,
    Span,
    Worker,
)

BLOCKING = Place("demo_apps/blocking.py", 12, "asgi_app", "time.sleep")
PID = 100


def scene(*sides: Side, at_s: float = 0.5, **more: object) -> Scene:
    picture = Picture(run=1, sides={side.name: side for side in sides})
    made = Scene(picture, "time.sleep(1)", "await asyncio.sleep(1)", 2, T0 + int(at_s * S))
    return replace(made, **more)


def says(name: str, shown: Scene) -> str | None:
    return LINTS[NAMES.index(name)].check(shown)


def side(name: str = "wsgi", kind: str = "sync", **more: object) -> Side:
    """One whose run of twenty is on."""
    return replace(Side(name, kind, run=1, planned=20, run_started_ns=T0, first_planned_ns=T0), **more)


def over(given: Side, took_s: float = 2.0) -> Side:
    end = T0 + int(took_s * S)
    return replace(given, run_ended_ns=end, last_finished_ns=end, completed=20)


def worker(pid: int, doing: Doing, since_s: float, slot: int = 0, req: int = 0, **more: object) -> Worker:
    since = T0 + int(since_s * S)
    spans = (Span(T0 - S, since, Doing.IDLE, 0), Span(since, 0, doing, req))
    return replace(Worker(pid, pid, doing, since, slot, req=req, spans=spans), **more)


def rows(*workers: Worker) -> dict[Slot, Worker]:
    return {one.key: one for one in workers}


def event(at_s: float, kind: Kind, n: int = 0, a: int = 0, b: int = 0, text: str = "", **more: object) -> Event:
    """Of WSGI's worker, ``at_s`` into the run."""
    made = Event(T0 + round(at_s * S), kind, "wsgi", PID, 0, RUN + n if n else 0, a, b, text)
    return made._replace(**more)  # type: ignore[arg-type]


def fold(events: list[Event], picture: Picture | None = None) -> Picture:
    return reduce(picture or Picture(), events)


def started(name: str = "wsgi", requests: int = 4) -> Event:
    return Event(T0, Kind.RUN_STARTED, name, 1, 0, 1, requests, T0, "burst")


BOOTED = [event(-2, Kind.WORKER_BOOTING, a=1), event(-1, Kind.WORKER_READY), started()]


def taken(n: int, at_s: float, pid: int = PID, slot: int = 0) -> list[Event]:
    """A worker takes up a request, and waits in it."""
    where = {"pid": pid, "slot": slot}
    return [
        event(0.001, Kind.SENT, n, a=T0),
        event(at_s, Kind.BEGAN, n, a=T0 + round(at_s * S), text="GET /", **where),
        event(at_s + 0.03, Kind.THREAD_SAMPLE, text="S", **where),
    ]
