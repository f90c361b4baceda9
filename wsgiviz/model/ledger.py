"""The ledger: one entry for each request, and the parts of which its latency is made. Pure.

schedule lag = sent - planned, queue wait = began - sent, service = ended - began, return = received - ended.
Latency counts from planned (coordinated omission).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import pairwise

from msgspec import Struct

from wsgiviz.events import request_number
from wsgiviz.model.state import CHUNKS_KEPT, STEPS_KEPT, Picture, Request, Side, Task

RETURNING = "returning"
"""The state of a request which the app has ended and the client has not received yet."""


class Entry(Struct, frozen=True):
    """One request in figures; None where not known (yet), "" in ``state`` once the client is through with it."""

    req: int
    id: int  # its number within the run; negative for one that is not the driver's
    side: str
    worker: int | None
    pid: int
    slot: int
    status: str  # "200", "500 ValueError", "reset"; from an app, so escape it before showing it
    state: str  # a value of `Doing` or `Task`, or RETURNING
    failed: bool
    planned_s: float | None  # since the run's start
    queue_wait_s: float | None
    service_s: float | None
    return_s: float | None  # may be negative: a client can have its answer before close() has returned
    total_s: float | None  # from planned until the client has its answer, or knows that there will be none


def rows(picture: Picture, sides: Iterable[str]) -> list[Entry]:
    """An entry for every request that is kept of these sides."""
    shown = [picture.sides[name] for name in sides]
    return [entry for side in shown for entry in entries(side, kept(side).values())]


def kept(side: Side) -> dict[int, Request]:
    """The requests of a side by id, those which finished first."""
    return {**{request.id: request for request in side.finished}, **side.in_flight}


def entries(side: Side, requests: Iterable[Request]) -> list[Entry]:
    """The entries of some requests of ``side``."""
    numbers = {worker.pid: worker.number for worker in side.workers.values()}
    doing = {(worker.pid, worker.req): worker.doing.value for worker in side.workers.values()}
    return [
        _entry(request, side, numbers.get(request.pid), doing.get((request.pid, request.id))) for request in requests
    ]


def _entry(request: Request, side: Side, worker: int | None, doing: str | None) -> Entry:
    planned, finished = request.planned_ns, request.finished_ns
    return Entry(
        req=request.id,
        id=request_number(request.id),
        side=side.name,
        worker=worker,
        pid=request.pid,
        slot=request.slot,
        status=_status(request),
        state=_state(request, doing),
        failed=bool(request.failed_ns or request.raised or request.status >= 400),
        planned_s=_between(side.run_started_ns, planned),
        queue_wait_s=_between(request.sent_ns, request.began_ns),
        service_s=_between(request.began_ns, request.ended_ns),
        return_s=_between(request.ended_ns, request.received_ns),
        total_s=_between(planned, finished),
    )


def _between(first_ns: int, last_ns: int) -> float | None:
    return (last_ns - first_ns) / 1e9 if first_ns and last_ns else None


def _status(request: Request) -> str:
    """What the client saw, and the exception which left the app."""
    seen = request.error or (str(request.status) if request.status else "")
    return f"{seen} {request.raised}".strip()


def _state(request: Request, doing: str | None) -> str:
    if request.finished or (request.id < 0 and request.ended_ns):
        return ""
    if request.ended_ns:
        return RETURNING
    return doing or request.task.value


# --- the waterfall -----------------------------------------------------------------------------------------------


class Stage(StrEnum):
    """What a part of a request's time is spent on."""

    LAG = "schedule lag"
    CONNECTING = "connecting"
    QUEUE = "kernel queue"
    READING = "reading"
    APP = "app"
    RUNNING = "running"
    READY = "ready"
    AWAITING = "awaiting"
    RETURN = "return"
    UNKNOWN = "unknown"
    AFTER = "after it"


class Part(Struct, frozen=True):
    """A stretch of one request's time: ``name`` is the step that begins it, ``what`` says more."""

    name: str
    start_ns: int
    end_ns: int
    what: str
    stage: Stage = Stage.UNKNOWN

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns


class _Mark(Struct, frozen=True):
    """From ``t_ns`` on it is this that takes the time; 0 when that moment is not known."""

    t_ns: int
    name: str
    what: str
    stage: Stage


def parts(request: Request, now_ns: int = 0) -> list[Part]:
    """The waterfall of a request, without gaps; of one in flight until ``now_ns``.

    The parts up to its end for the client add up to its latency, whichever stamps are missing and whatever
    their order. What the app does when nobody waits for it any more is a part of its own after that.
    """
    outer = _outer(request)
    start = next((mark.t_ns for mark in outer if mark.t_ns), 0)
    end = request.finished_ns or (request.ended_ns if request.id < 0 else 0) or now_ns
    if not start:
        return []
    made = _tiled(_marks(outer, request, start, end), end) if end > start else []
    return made + _after(request, now_ns)


def _outer(request: Request) -> list[_Mark]:
    """The way through client, kernel and server, in its order. What is not known has no time."""
    # Nobody accepts a connection before it is asked for: then it is a kept-alive one's stamp.
    accepted = request.accepted_ns if request.accepted_ns >= request.sent_ns else 0
    return [
        _Mark(request.planned_ns, "schedule lag", "the driver is late", Stage.LAG),
        _Mark(request.sent_ns, "connecting", "the client connects and sends", Stage.CONNECTING),
        _Mark(request.connected_ns, "kernel queue", "nobody has accepted it yet", Stage.QUEUE),
        _Mark(accepted, "reading", "read, or waiting for a thread", Stage.READING),
        _Mark(request.began_ns, "call", "the app is called", Stage.APP),
        _Mark(request.ended_ns, "return", "on its way to the client", Stage.RETURN),
    ]


def _marks(outer: list[_Mark], request: Request, start: int, end: int) -> list[_Mark]:
    """The marks whose times are known, never falling, between ``start`` and ``end``.

    Where two contradict each other the later step is right: a client may notice late that it is connected.
    """
    ordered: list[_Mark] = []
    unknown: list[str] = []
    until, known = end, bool(request.received_ns)  # one that is still on, or failed, is where it was seen last
    for mark in reversed(outer):
        if not mark.t_ns:
            unknown.insert(0, mark.name)
            continue
        begin = max(start, min(mark.t_ns, until))
        ordered[:0] = _within(mark, request, begin, until, unknown if known else [])
        until, known, unknown = begin, True, []
    return ordered


def _within(mark: _Mark, request: Request, start: int, end: int, unknown: Sequence[str]) -> list[_Mark]:
    """A mark at its time, the app's in detail; with the names of steps whose beginning behind it is not known."""
    inner = [_Mark(start, mark.name, mark.what, mark.stage)]
    if mark.stage is Stage.APP:
        inner = _app(request, start, end)
    if unknown:
        last = inner[-1]
        name = " + ".join([last.name, *unknown])
        inner[-1] = _Mark(last.t_ns, name, "their border is not known", Stage.UNKNOWN)
    return inner


def _app(request: Request, start: int, end: int) -> list[_Mark]:
    """The app's time: a task's steps, or those of PEP 3333, each from when it was reached."""
    reached = _steps(request, start) if request.steps else _calls(request, start)
    reached = [mark for mark in reached if mark.t_ns]
    return [
        _Mark(max(start, min(mark.t_ns, end)), mark.name, mark.what, mark.stage)
        for mark in sorted(reached, key=lambda mark: mark.t_ns)
    ]


def _calls(request: Request, start: int) -> list[_Mark]:
    where = request.where.words if request.where else "the app is called"
    return [
        _Mark(start, "call", where, Stage.APP),
        _Mark(_no_earlier(request.response_ns, start), "start_response", "it has been called", Stage.APP),
        _Mark(_no_earlier(request.returned_ns, start), "iterable", "returned; the server iterates", Stage.APP),
        *[
            _Mark(_no_earlier(t_ns, start), name, "written, the next one made", Stage.APP)
            for name, t_ns in chunks(request)
        ],
    ]


def chunks(request: Request) -> list[tuple[str, int]]:
    """The chunks whose times are kept, by name; where earlier ones may be gone they have no number."""
    numbered = len(request.chunks) < CHUNKS_KEPT
    return [(f"chunk {n}" if numbered else "a chunk", t_ns) for n, t_ns in enumerate(request.chunks, 1)]


def _no_earlier(t_ns: int, start: int) -> int:
    return max(t_ns, start) if t_ns else 0


STAGES = {Task.RUNNING: Stage.RUNNING, Task.READY: Stage.READY, Task.AWAITING: Stage.AWAITING}

WORDS = {
    Stage.RUNNING: "its step holds the loop",
    Stage.READY: "waits for the loop",
    Stage.AWAITING: "the loop serves others",
}


def _steps(request: Request, start: int) -> list[_Mark]:
    """A task's steps. Those that came first may not be kept."""
    steps, where = request.steps, request.where.words if request.where else ""
    first = "earlier steps" if len(steps) >= STEPS_KEPT - 1 else "call"
    marks = [_Mark(start, first, "", Stage.UNKNOWN if first != "call" else Stage.APP)]
    for step in steps:
        stage = STAGES.get(step.task, Stage.UNKNOWN)
        what = where if where and not step.end_ns else WORDS.get(stage, "")
        marks.append(_Mark(_no_earlier(step.start_ns, start), step.task.value, what, stage))
        marks.append(_Mark(_no_earlier(step.end_ns, start), "between steps", "", Stage.UNKNOWN))
    return marks


def _tiled(marks: Sequence[_Mark], end: int) -> list[Part]:
    """From each mark to the next, the last to ``end``; what takes no time is left out."""
    ends = [following.t_ns for _, following in pairwise(marks)] + [end]
    return [
        Part(mark.name, mark.t_ns, until, mark.what, mark.stage)
        for mark, until in zip(marks, ends, strict=True)
        if until > mark.t_ns
    ]


def _after(request: Request, now_ns: int) -> list[Part]:
    """What the app still does for a client that has its answer or has gone."""
    begin, end = request.finished_ns, request.ended_ns or now_ns
    if not begin or not request.began_ns or end <= begin:
        return []
    what = "the app ends after the answer" if request.received_ns else "nobody waits for it any more"
    return [Part("after it", begin, end, what, Stage.AFTER)]
