"""The waterfall of a request: the intervals that its time is made of, from the plan to the answer and after. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise

from msgspec import Struct

from wsgiviz.analysis.stamps import Stamps, stamps
from wsgiviz.state import Request, Task
from wsgiviz.state.request import CHUNKS_KEPT, STEPS_KEPT


class Stage(StrEnum):
    """What an interval of a request's time is spent on."""

    LAG = "schedule lag"
    CONNECTING = "connecting"
    QUEUE = "kernel queue"
    READING = "reading"
    APP = "app"
    RUNNING = "running"
    READY = "ready"
    AWAITING = "awaiting"
    IN_THREAD = "in a thread"
    THREAD_COMPUTES = "computing in a thread"
    THREAD_FOR_GIL = "waiting for the GIL in a thread"
    FOR_THREAD = "waiting for a thread"
    IN_PROCESS = "in a process"
    FOR_PROCESS = "waiting for a process"
    RETURN = "return"
    UNKNOWN = "unknown"
    AFTER = "after the answer"


class Interval(Struct, frozen=True):
    """A stretch of one request's time: ``name`` is the step that begins it, ``what`` says more.

    ``what`` may hold words from an app: escape it before it is shown.
    """

    name: str
    start_ns: int
    end_ns: int
    what: str
    stage: Stage = Stage.UNKNOWN

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns


class _Mark(Struct, frozen=True):
    """From ``t_ns`` on this is what takes the time; 0 when that time is not known."""

    t_ns: int
    name: str
    what: str
    stage: Stage


def intervals(request: Request, now_ns: int = 0) -> list[Interval]:
    """The waterfall of a request, without gaps; of one in flight until ``now_ns``.

    The intervals up to its end for the client add up to its latency, whichever stamps are missing and whatever
    their order. What the app does when nobody waits for it any more is an interval of its own after that.
    """
    outer = _outer(stamps(request), request.reused)
    start = next((mark.t_ns for mark in outer if mark.t_ns), 0)
    end = request.finished_ns or (request.ended_ns if request.external else 0) or now_ns
    if not start:
        return []
    made = _tiled(_marks(outer, request, start, end), end) if end > start else []
    return made + _after(request, now_ns)


def _outer(known: Stamps, reused: bool) -> list[_Mark]:
    """The way through client, kernel and server, in its order. What is not known has no time."""
    if reused:
        connection = [_Mark(known.sent_ns, "kernel", "sent over a kept connection, not read yet", Stage.QUEUE)]
    else:
        connection = [
            _Mark(known.sent_ns, "connecting", "the client connects and sends", Stage.CONNECTING),
            _Mark(known.connected_ns, "kernel queue", "nobody has accepted it yet", Stage.QUEUE),
        ]
    return [
        _Mark(known.planned_ns, "schedule lag", "the driver is late", Stage.LAG),
        *connection,
        _Mark(known.accepted_ns, "reading", "read, or waiting for a thread", Stage.READING),
        _Mark(known.began_ns, "call", "the app is called", Stage.APP),
        _Mark(known.ended_ns, "return", "on its way to the client", Stage.RETURN),
    ]


def _marks(outer: list[_Mark], request: Request, start: int, end: int) -> list[_Mark]:
    """The marks whose times are known, never falling, between ``start`` and ``end``."""
    ordered: list[_Mark] = []
    unknown: list[str] = []
    # One that is still in the app, or failed, is where it was seen last: no later step of it is missing.
    until, known = end, bool(request.received_ns) and not request.in_app
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
        inner[-1] = _Mark(last.t_ns, name, "where one ends and the next begins is not known", Stage.UNKNOWN)
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
            _Mark(_no_earlier(t_ns, start), name, "written; the next one is made", Stage.APP)
            for name, t_ns in chunks(request)
        ],
    ]


def chunks(request: Request) -> list[tuple[str, int]]:
    """The chunks whose times are kept, by name; where earlier ones may be gone they have no number."""
    numbered = len(request.chunks) < CHUNKS_KEPT
    return [(f"chunk {n}" if numbered else "a chunk", t_ns) for n, t_ns in enumerate(request.chunks, 1)]


def _no_earlier(t_ns: int, start: int) -> int:
    return max(t_ns, start) if t_ns else 0


STAGES = {
    Task.RUNNING: Stage.RUNNING,
    Task.READY: Stage.READY,
    Task.AWAITING: Stage.AWAITING,
    Task.IN_THREAD: Stage.IN_THREAD,
    Task.THREAD_COMPUTES: Stage.THREAD_COMPUTES,
    Task.THREAD_FOR_GIL: Stage.THREAD_FOR_GIL,
    Task.FOR_THREAD: Stage.FOR_THREAD,
    Task.IN_PROCESS: Stage.IN_PROCESS,
    Task.FOR_PROCESS: Stage.FOR_PROCESS,
}

WORDS = {
    Stage.RUNNING: "its step holds the loop",
    Stage.READY: "waits for the loop",
    Stage.AWAITING: "the loop serves others",
    Stage.IN_THREAD: "a thread works for it",
    Stage.THREAD_COMPUTES: "a thread computes for it",
    Stage.THREAD_FOR_GIL: "its thread lacks the GIL",
    Stage.FOR_THREAD: "all threads of a pool are taken",
    Stage.IN_PROCESS: "a process computes for it",
    Stage.FOR_PROCESS: "all processes of a pool are taken",
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


def _tiled(marks: Sequence[_Mark], end: int) -> list[Interval]:
    """From each mark to the next, the last to ``end``; what takes no time is left out."""
    ends = [following.t_ns for _, following in pairwise(marks)] + [end]
    return [
        Interval(mark.name, mark.t_ns, until, mark.what, mark.stage)
        for mark, until in zip(marks, ends, strict=True)
        if until > mark.t_ns
    ]


def _after(request: Request, now_ns: int) -> list[Interval]:
    """What the app still does for a client that has its answer or has given up."""
    begin, end = request.finished_ns, request.ended_ns or now_ns
    if not begin or not request.began_ns or end <= begin:
        return []
    if request.received_ns:
        return [Interval("after answer", begin, end, "the app goes on after the answer", Stage.AFTER)]
    return [Interval("for nobody", begin, end, "its client has given up", Stage.AFTER)]
