"""The ledger's rows: one entry for each request. Pure.

queue wait = began - sent, service = ended - began, return = received - the last that the app gave for the answer
(`wsgiviz.analysis.stamps.left_ns`: an app may end after its client has the answer), total = received (or failed) -
planned: the total counts from the planned time, so that a client that is late to send hides nothing (coordinated
omission). All from `wsgiviz.analysis.stamps.stamps`, so that none is negative.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from wsgiviz.analysis.stamps import left_ns, stamps
from wsgiviz.events import request_number
from wsgiviz.state import Request, Side, State

RETURNING = "returning"
"""The state of a request whose app has ended, and whose client has neither the answer nor given up yet."""

AFTER_ANSWER = "after the answer"
"""The state of a request whose client has the answer, and whose app goes on."""

FOR_NOBODY = "for nobody"
"""The state of a request whose client has given up, and whose app goes on."""


class Entry(Struct, frozen=True):
    """One request in figures; None where not known (yet), "" in ``state`` once client and app are done with it."""

    req: int
    id: int  # its number within the run; negative for an external one
    side: str
    worker: int | None
    pid: int
    slot: int
    status: str  # "200", "500 ValueError", "reset"; from an app, so escape it before showing it
    state: str  # a value of `Activity` or `Task`, or RETURNING, AFTER_ANSWER, FOR_NOBODY
    failed: bool
    planned_s: float | None  # since the run's start
    queue_wait_s: float | None
    service_s: float | None
    return_s: float | None  # from the last that the app gave for the answer until the client had it
    target: str  # "GET /path", "" where not known (yet); from a request, so escape it before showing it
    order: int  # ours stand by their numbers, external ones by when they began
    client: str  # an external one's, "" where not known: from a request, so escape it before showing it
    total_s: float | None  # from planned until the client has its answer, or knows that there will be none


def rows(state: State, sides: Iterable[str]) -> list[Entry]:
    """An entry for every request that is kept of these sides."""
    return [entry for name in sides for entry in entries(state.sides[name], state.sides[name].ledger)]


def entries(side: Side, requests: Iterable[Request]) -> list[Entry]:
    """The entries of some requests of ``side``."""
    workers = side.server.workers.values()
    numbers = {worker.pid: worker.number for worker in workers}
    activity = {(worker.pid, worker.req): worker.activity.value for worker in workers if worker.req}
    return [
        _entry(request, side, numbers.get(request.pid), activity.get((request.pid, request.id)))
        for request in requests
    ]


def _entry(request: Request, side: Side, worker: int | None, activity: str | None) -> Entry:
    known = stamps(request)
    return Entry(
        req=request.id,
        id=request_number(request.id),
        side=side.name,
        worker=worker,
        pid=request.pid,
        slot=request.slot,
        status=_status(request),
        state=_state(request, activity),
        failed=bool(request.failed_ns or request.raised or request.shown_status >= 400),
        planned_s=_between(side.run.started_ns, known.planned_ns),
        queue_wait_s=_between(known.sent_ns, known.began_ns),
        service_s=_between(known.began_ns, known.ended_ns),
        return_s=_between(left_ns(request), known.received_ns),
        target=request.target,
        order=request.id if request.id > 0 else request.began_ns,
        client=request.peer,
        total_s=_between(known.planned_ns, known.finished_ns),
    )


def _between(first_ns: int, last_ns: int) -> float | None:
    return (last_ns - first_ns) / 1e9 if first_ns and last_ns else None


def _status(request: Request) -> str:
    """What the client saw (until then what the app said), and the exception which left the app."""
    seen = request.error or (str(request.shown_status) if request.shown_status else "")
    return f"{seen} {request.raised}".strip()


def _state(request: Request, activity: str | None) -> str:
    if request.over:
        return ""
    if request.in_app and request.finished:
        return AFTER_ANSWER if request.received_ns else FOR_NOBODY
    return RETURNING if request.ended_ns else activity or request.task.value
