"""The death of a worker by its records: of what, by whom, and with which requests. Pure.

What ``wsgiviz dump --last`` reports and what the screens show of a death are made of this.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from wsgiviz.analysis import deaths
from wsgiviz.state import Request, Side, Worker
from wsgiviz.state.request import WORKER_DIED

MOST_REQUESTS = 50
MOST_DEATHS = 20


class LostRequest(Struct, frozen=True):
    """What a worker had when it died: for how long its app had been at it, the ``line`` where it was seen last, and
    since when; None where not known. ``target`` may hold anything."""

    id: int
    target: str
    age_ns: int
    line: str | None = None
    line_ns: int | None = None


class DeathReport(Struct, frozen=True):
    """``at_ns``: when it was known to be dead. ``silent_ns``: from its last record until then; ``heartbeat_ns``: from
    its last heartbeat, of one that was killed for having none; None where not known. ``line``: where it was seen last
    in loading its app, of one that died ``booting``."""

    pid: int
    number: int
    at_ns: int
    cause: deaths.Cause
    booting: bool = False
    silent_ns: int | None = None
    heartbeat_ns: int | None = None
    line: str | None = None
    requests: tuple[LostRequest, ...] = ()


def report(side: Side, worker: Worker, heard_ns: int = 0) -> DeathReport:
    """Of a dead worker of ``side``, whose last record is of ``heard_ns``; 0 for what the State knows of that."""
    at_ns, heard_ns = worker.death.t_ns if worker.death is not None else 0, heard_ns or worker.heard_ns
    where = worker.boot_where if not worker.ready_ns else None
    requests = tuple(lost(one, at_ns) for one in held_at_death(side, worker))
    return DeathReport(
        pid=worker.pid,
        number=worker.number,
        at_ns=at_ns,
        cause=deaths.cause(worker, side),
        booting=worker.died_booting,
        silent_ns=max(0, at_ns - heard_ns) if heard_ns else None,
        line=where.words if where is not None else None,
        requests=requests,
        heartbeat_ns=_heartbeat_ns(side, worker, at_ns, requests),
    )


def _heartbeat_ns(side: Side, worker: Worker, at_ns: int, requests: Sequence[LostRequest]) -> int | None:
    """A loop's is the timer that the probe has on it; gunicorn's sync worker gives one before each request, and none
    during it. (gthread's comes from a thread that serves none.)"""
    if worker.died_of != "timeout":
        return None
    if side.is_loop:
        loop = side.server.dead_loops.get(worker.pid)
        return max(0, at_ns - loop.beat_ns) if loop is not None and loop.beat_ns else None
    return max((one.age_ns for one in requests), default=None) if side.kind == "sync" else None


def reports(side: Side) -> list[DeathReport]:
    """Of the newest deaths out of order, the newest first."""
    return [report(side, worker) for worker in deaths.dead(side)[: -MOST_DEATHS - 1 : -1]]


def report_of(side: Side, request: Request) -> DeathReport | None:
    """Of the worker that took the request along; None where none did."""
    for worker in reversed(deaths.dead(side)):
        if worker.pid == request.pid and any(one.id == request.id for one in held_at_death(side, worker)):
            return report(side, worker)
    return None


def lost(request: Request, at_ns: int) -> LostRequest:
    """As it was at ``at_ns``, when its worker died."""
    where, stay = request.where, request.stays[-1] if request.stays else None
    return LostRequest(
        request.id,
        request.target,
        max(0, at_ns - request.began_ns),
        where.words if where is not None else None,
        max(0, at_ns - stay.since_ns) if stay is not None else None,
    )


def held_at_death(side: Side, worker: Worker) -> list[Request]:
    """What a process had when it died, the oldest first."""
    found = {one.id: one for one in side.ledger.external.values() if one.pid == worker.pid}
    found |= {one.id: one for one in side.ledger.in_flight() if one.pid == worker.pid}
    held = [one for one in found.values() if one.began_ns and _lost(one, side, worker)]
    return sorted(held, key=lambda one: one.began_ns)[:MOST_REQUESTS]


def _lost(request: Request, side: Side, worker: Worker) -> bool:
    """On SIGABRT gunicorn raises SystemExit in what a worker is at: there the app has ended, and then it may wait for
    the client to hang up."""
    if request.in_app or request.raised == WORKER_DIED:
        return True
    timeout = worker.died_of == "timeout"
    return timeout and (request.raised == "SystemExit" or not (side.is_loop or request.released_ns))
