"""Worker slots as a person sees them: what lasts some milliseconds is passed over."""

from __future__ import annotations

from wsgiviz.analysis import metrics
from wsgiviz.analysis.lints.context import SETTLED_NS, LintContext
from wsgiviz.state import Activity, Side, Worker

SHORTEST_SEEN_NS = 20_000_000
"""What lasts less is too short to be seen by anyone."""

SLOW_CLIENT_NS = 300_000_000
"""A client that keeps a worker reading, writing or closing for longer is slow."""

CLIENTS = frozenset({Activity.READING, Activity.WRITING, Activity.CLOSING})
"""A worker in one of these waits for its client, and has nothing in the app."""

RECENT_SPANS = 8
"""So many of the newest spans of a worker are looked at."""


def count(context: LintContext, side: Side, *activities: Activity) -> int:
    """How many slots do one of these."""
    return len(slots_in(context, side, *activities))


MOSTLY = 0.5
"""Where requests have waited for a smaller share of their time, by their own CPU time, one sample that says so now is
no evidence: it finds a thread off the CPU wherever it lacks a core, or the lock. Then it has to last `SETTLED_NS`."""


def slots_in(context: LintContext, side: Side, *activities: Activity) -> list[Worker]:
    """The slots that do one of these: while a run is on, as they are seen."""
    workers = side.server.living()
    if Activity.BLOCKED in activities and any(map(_just_blocked, workers)) and _hardly_blocked(context, side):
        workers = [worker for worker in workers if not _just_blocked(worker)]
    if not side.run.running:
        return [worker for worker in workers if worker.activity in activities]
    return [worker for worker in workers if as_seen(worker, context.now_ns) in activities]


def _hardly_blocked(context: LintContext, side: Side) -> bool:
    """By the CPU time of its requests, those in progress too."""
    blocked = metrics.fractions(side, context.now_ns).blocked if side.run.running else None
    return blocked is not None and blocked < MOSTLY


def _just_blocked(worker: Worker) -> bool:
    """When it was sampled last: on a busy machine, that may be long ago."""
    return worker.activity is Activity.BLOCKED and worker.sample.t_ns - worker.since_ns < SETTLED_NS


def as_seen(worker: Worker, now_ns: int) -> Activity:
    """What it does, or did a moment ago: the few milliseconds between two requests are passed over."""
    if worker.activity in (Activity.BLOCKED, Activity.BOOTING, Activity.STOPPING):
        return worker.activity
    for span in reversed(worker.spans[-RECENT_SPANS:]):
        end_ns = span.end_ns or now_ns
        if now_ns - end_ns > SETTLED_NS:
            break
        if end_ns - span.start_ns >= SHORTEST_SEEN_NS:
            return span.activity
    return worker.activity


def with_clients(side: Side, now_ns: int) -> list[Activity]:
    """What slow clients hold slots in, one for each, or held them in until a moment ago. Not silent ones.

    A thread may read and write slowly because it lacks the GIL: where some wait for that, only what is on counts, and
    only since its thread was last seen to wait for it.
    """
    living, slow_ns = side.server.living(), slow_client_ns(side)
    contended = {worker.pid for worker in living if lacked_gil(worker, now_ns)}
    return list(filter(None, (_with_client(worker, now_ns, slow_ns, worker.pid in contended) for worker in living)))


def slow_client_ns(side: Side) -> int:
    """From when on a client is slow: our own are late by as much as the load driver is, and that is not slowness."""
    return SLOW_CLIENT_NS + side.run.max_driver_late_ns


def lacked_gil(worker: Worker, now_ns: int) -> bool:
    """It waits for the GIL, or did a moment ago, in the app or with its client."""
    if worker.gil_seen_ns and _recent(worker.gil_seen_ns, now_ns):
        return True
    spans = worker.spans[-RECENT_SPANS:]
    return any(span.activity is Activity.WAITING_FOR_GIL and _recent(span.end_ns or now_ns, now_ns) for span in spans)


def _recent(t_ns: int, now_ns: int) -> bool:
    return now_ns - t_ns <= SLOW_CLIENT_NS + SETTLED_NS


def _with_client(worker: Worker, now_ns: int, slow_ns: int, contended: bool) -> Activity | None:
    for span in reversed(worker.spans[-RECENT_SPANS:]):
        end_ns = span.end_ns or now_ns
        if not _recent(end_ns, now_ns) or (contended and span.end_ns):
            break
        if span.activity is Activity.READING and span.start_ns == worker.silent_since_ns:
            continue
        if span.activity in CLIENTS and end_ns - max(span.start_ns, worker.gil_seen_ns) > slow_ns:
            return span.activity
    return None


def busy(worker: Worker, now_ns: int) -> bool:
    """It serves, or did a moment ago."""
    return worker.busy or now_ns - worker.since_ns < SETTLED_NS


def longest_of_short(context: LintContext, side: Side) -> int:
    """The longest service time of the latest requests (ns), when all were too short to be seen; else 0."""
    last = [r.ended_ns - r.began_ns for r in context.latest[side.name][-8:] if r.began_ns and r.ended_ns]
    return max(1, *last) if len(last) >= 4 and max(last) < SHORTEST_SEEN_NS else 0
