"""Lints of workers that died although nobody had asked them to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from wsgiviz.analysis import deaths
from wsgiviz.analysis.lints import wording
from wsgiviz.analysis.lints.context import LintContext
from wsgiviz.analysis.lints.lint import Lint
from wsgiviz.state import Request, Side, Worker
from wsgiviz.state.request import WORKER_DIED

DEATH_SHOWN_NS = 5_000_000_000
"""For so long after a death it is said, while a run is on."""


def _worker_died(context: LintContext, side: Side) -> str | None:
    dead = [worker for worker in deaths.dead(side) if worker.died_of != "timeout"]
    if not dead or (not side.run.ended_ns and context.now_ns - _death_ns(dead[-1]) > DEATH_SHOWN_NS):
        return None
    if len(dead) == 1:
        return f"{death(context, side, dead[0])}."
    causes = Counter(deaths.cause(worker, side) for worker in dead)
    if len(causes) == 1:
        died = deaths.of_many(next(iter(causes)))
    else:
        died = "died: " + ", ".join(f"{count} × {found.brief}" for found, count in causes.most_common(4))
    last = lost_with(context, side, dead[-1])
    return f"{len(dead)} workers{context.of_side(side)} {died}" + (f", the last{last}." if last else ".")


def _death_ns(worker: Worker) -> int:
    return worker.death.t_ns if worker.death is not None else 0


def death(context: LintContext, side: Side, worker: Worker) -> str:
    """ "Worker 2 crashed with SIGSEGV while it held #5, last seen at segv.py:5 time.sleep"."""
    found = deaths.cause(worker, side)
    return f"Worker {worker.number}{context.of_side(side)} {found.words}{lost_with(context, side, worker)}"


def lost_with(context: LintContext, side: Side, worker: Worker) -> str:
    """What was in a process when it died: " while it held #2 at report.py:9 time.sleep". The line may be one that it
    had left: then it was "last seen at" it."""
    pid = worker.pid
    slots = [other for other in side.server.workers.values() if other.pid == pid]
    held = {other.req for other in slots if other.req}
    lost = _taken_along(context, side, pid)
    held.update(request.id for request in lost)
    where = deaths.last_seen(worker, [*lost, *(side.ledger.get(req) for req in held)])
    loading = " while it loaded the app" if worker.died_booting else _silence(slots)
    if where is None:
        return f" while it held {wording.held(side, held)}" if held else loading
    at = f", last seen at {where.words}" if deaths.stale(worker) else f" at {where.words}"
    return f" while it held {wording.held(side, held)}{at}" if held else f"{loading}{at}"


def _silence(slots: Iterable[Worker]) -> str:
    """Nothing was in it, but for a client that had not said anything."""
    for worker in slots:
        client = worker.client
        if not worker.alive and client is not None and client.silent:
            who = f"a client ({client.address})" if client.address else "a client"
            silent = wording.length(worker.since_ns - client.since_ns)
            return f" while {who} held it that had sent no byte for {silent}"
    return ""


def _taken_along(context: LintContext, side: Side, pid: int) -> list[Request]:
    known = (*context.latest[side.name], *context.in_flight[side.name], *side.ledger.external.values())
    return [request for request in known if request.pid == pid and request.raised == WORKER_DIED]


WORKER_DIED_LINT = Lint(
    "worker-died",
    _worker_died,
    "A worker that dies takes its requests along, and their clients get a broken connection. SIGSEGV and the like "
    "are faults of native code: python -X faulthandler shows the line. SIGKILL that the server has not sent comes "
    "from outside, often from a memory limit; an exit status comes from the app, which calls os._exit or sys.exit.",
    "signal(7); gunicorn docs, FAQ: Why are my workers killed?",
)
