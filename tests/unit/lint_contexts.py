"""Contexts for lints: sides made by hand, and states reduced from what a worker and the driver emit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from tests.unit.states import RUN, T0, S, ledger_of
from wsgiviz.analysis.captions import Caption
from wsgiviz.analysis.lints import BY_NAME, LintContext
from wsgiviz.events import (
    Event,
    MasterReady,
    PhaseChanged,
    QueueSampled,
    RequestBegan,
    RequestSent,
    RunEnded,
    RunRequested,
    RunStarted,
    SessionOpened,
    SettingsChanged,
    ThreadSampled,
    WorkerBooting,
    WorkerReady,
)
from wsgiviz.settings import make
from wsgiviz.state import Activity, Location, Phase, Request, Run, Server, Side, Slot, Span, State, Worker, reduce
from wsgiviz.tui.render.fitting import lines_of
from wsgiviz.tui.widgets.caption import BAR, caption_text

BLOCKING = Location("demo_apps/blocking.py", 12, "asgi_app", "time.sleep")
PID = 100
DRIVER = 1
CORES = 2


# --- states made by hand -----------------------------------------------------------------------------------------


def state_of(*sides: Side, **more: Any) -> State:
    """A State whose first run is on at these sides, of scenario sleep unless other settings are given."""
    host = {"usable_cores": more.pop("cores", CORES)}
    given = {"settings": make(), "phase": Phase.RUNNING, "run": 1, "fired": 1, "host": host, **more}
    return State(sides={side.name: side for side in sides}, **given)


def context(*sides: Side, at_s: float = 0.5, **more: Any) -> LintContext:
    """What lints look at, ``at_s`` into the run; ``more`` are fields of it."""
    return replace(LintContext.of(state_of(*sides), T0 + int(at_s * S)), **more)


def says(name: str, shown: LintContext) -> str | None:
    """What a lint says of the first side that it applies to. With any line of code it has to fit on small screens."""
    said = _says(name, shown)
    if said is not None:
        assert_fits(said)
        words, long_words = Location.words, property(lambda line: f"{LONG_FILE}:{line.line} {LONG_CALL}")
        Location.words = long_words  # type: ignore[method-assign, assignment]
        try:
            assert_fits(_says(name, shown) or said)
        finally:
            Location.words = words  # type: ignore[method-assign]
    return said


LONG_FILE, LONG_CALL = "warehouse_orders.py", "connection_pool.acquire"


def _says(name: str, shown: LintContext) -> str | None:
    lint = BY_NAME[name]
    return next(filter(None, (lint.of(shown, side) for side in shown.sides)), None)


SMALL = 78, 2
"""Cells and lines that a sentence has at 80x24."""


def assert_fits(message: str) -> None:
    """It can be read to its end at 80x24: what has no room there is left out by whole clauses."""
    text = caption_text(Caption(message), *SMALL, ascii_only=False)
    assert lines_of(text, SMALL[0] - BAR) <= SMALL[1], text
    assert text.endswith("."), text
    assert "…" not in text


def side(name: str = "wsgi", kind: str = "sync", requests: Iterable[Request] = (), **more: Any) -> Side:
    """One whose run of twenty is on; ``more`` are fields of its run or server."""
    of_run = {name: more.pop(name) for name in list(more) if name in Run.__struct_fields__}
    run = replace(Run(1, 20, requested_ns=T0, started_ns=T0, first_planned_ns=T0), **of_run)
    return Side(name, kind, Server(**more), run, ledger_of(requests))


def but(given: Side, **more: Any) -> Side:
    """The same side with other fields of its run or server, or other requests."""
    if "requests" in more:
        given = replace(given, ledger=ledger_of(more.pop("requests")))
    of_run = {name: more.pop(name) for name in list(more) if name in Run.__struct_fields__}
    of_server = {name: more.pop(name) for name in list(more) if name in Server.__struct_fields__}
    return replace(given, run=replace(given.run, **of_run), server=replace(given.server, **of_server), **more)


def over(given: Side, took_s: float = 2.0) -> Side:
    """The same side after its run."""
    end = T0 + int(took_s * S)
    return but(given, ended_ns=end, last_finished_ns=end, completed=20)


def worker(pid: int, activity: Activity, since_s: float, slot: int = 0, req: int = 0, **more: Any) -> Worker:
    since = T0 + int(since_s * S)
    spans = (Span(T0 - S, since, Activity.IDLE, 0), Span(since, 0, activity, req))
    return replace(Worker(pid, pid, activity, since, slot, req=req, spans=spans), **more)


def rows(*workers: Worker) -> dict[Slot, Worker]:
    return {one.key: one for one in workers}


# --- states reduced from events ----------------------------------------------------------------------------------


def at(at_s: float) -> int:
    """The time so many seconds into the run."""
    return T0 + round(at_s * S)


def opened(wsgi: str = "sync", asgi: str = "", /, **settings: Any) -> list[Event]:
    """What the controller says first: a side for each kind of server that is named."""
    given = {"left": wsgi or "sync", "right": asgi or "asgi", **settings}
    if not (wsgi and asgi):
        given["only"] = "wsgi" if wsgi else "asgi"
    return [
        SessionOpened(at(-4), "", 0, "2026-01-01T00:00:00+00:00", {"usable_cores": CORES}),
        SettingsChanged(at(-4), "", 0, given),
        PhaseChanged(at(-4), "", 0, "starting"),
    ]


def booted(side: str = "wsgi", pid: int = PID, number: int = 1, threads: int = 1, kind: str = "sync") -> list[Event]:
    return [
        MasterReady(at(-3), side, DRIVER),
        WorkerBooting(at(-2), side, pid, number, pid, threads, kind),
        WorkerReady(at(-1), side, pid),
    ]


def fired(*sides: str, requests: int = 4) -> list[Event]:
    """A run is asked for, and begins."""
    names = sides or ("wsgi",)
    begun = [RunStarted(at(0), name, DRIVER, 1, requests, T0) for name in names]
    return [PhaseChanged(at(0), "", 0, "running"), RunRequested(at(0), "", 0, 1, requests, names), *begun]


def taken(n: int, at_s: float, pid: int = PID, slot: int = 0) -> list[Event]:
    """A worker takes up a request, and waits in it."""
    return [
        RequestSent(at(0.001), "wsgi", DRIVER, RUN + n, T0),
        RequestBegan(at(at_s), "wsgi", pid, slot, RUN + n, at(at_s), 0, "GET /"),
        ThreadSampled(at(at_s + 0.03), "wsgi", pid, slot, 0, 0, "S"),
    ]


def queued(at_s: float, depth: int, limit: int = 2048) -> QueueSampled:
    return QueueSampled(at(at_s), "wsgi", DRIVER, depth, limit)


def ended(at_s: float, side: str = "wsgi") -> list[Event]:
    return [RunEnded(at(at_s), side, DRIVER, 1, 0)]


def reduced(*batches: Iterable[Event], before: State | None = None) -> State:
    state = before or State()
    for batch in batches:
        state = reduce(state, list(batch))
    return state


def seen(state: State, at_s: float = 0.5, **more: Any) -> LintContext:
    """The context of a reduced state."""
    return replace(LintContext.of(state, at(at_s)), **more)


BOOTED = [*opened(), *booted(), *fired()]
"""One sync worker, and a run that has begun."""
