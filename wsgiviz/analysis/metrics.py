"""Figures of a side: latencies, fractions, per worker. Pure; seconds unless named otherwise; None: unknown.

Figures are of our driver's requests; external ones are counted apart (`wsgiviz.state.Run.external`). Latency is
counted from the *planned* time of a request, so that a driver or a queue that delays the sending does not make the
figures better (coordinated omission). An answer counts as soon as the client has it, whatever the app does then.

Counts are of all requests of a run. Distributions are of the requests that are kept (`wsgiviz.state.LEDGER_KEPT`, the
newest), made of their `wsgiviz.analysis.stamps.stamps`; every percentile of wsgiviz is one by `nearest_rank`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from wsgiviz.analysis import loop_times
from wsgiviz.analysis.stamps import Stamps, stamps
from wsgiviz.state import BUSY, IN_APP, Activity, Side, Worker
from wsgiviz.state.request import WORKER_DIED

Number = TypeVar("Number", int, float)


class Quantiles(Struct, frozen=True):
    """Mean, percentiles and maximum, in seconds."""

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    max: float


class AfterAnswer(Struct, frozen=True):
    """Requests whose app went on after their client had the answer, and for how long in all."""

    count: int
    seconds: float


class HeldTimes(Struct, frozen=True):
    """For how long gthread's accepting threads waited for clients to hang up: in all, and the longest."""

    seconds: float
    max_s: float


class WorkerTimes(Struct, frozen=True):
    """How one worker spent this run. ``computing_s`` includes waiting for a CPU; None where nobody knows.

    Of the time in the app, what is neither computing nor waiting for the GIL is blocked; where it is not known which
    of the two a wait was, it is blocked too. What samples have found of waiting for the GIL while it reads or writes
    is no reading or writing. A worker with an event loop is busy while the loop is not in its selector; what of that
    is reading, writing and waiting for the GIL is not known.
    """

    pid: int
    slot: int
    requests: int
    busy_s: float | None
    reading_s: float | None
    writing_s: float | None
    blocked_s: float | None
    computing_s: float | None
    gil_wait_s: float | None = None


class Fractions(Struct, frozen=True):
    """Busy: of all workers' (or loops') time. The others: of the busy time. Each is between 0 and 1, or None where
    nobody knows."""

    busy: float | None
    blocked: float | None
    computing: float | None
    reading: float | None = None
    writing: float | None = None
    gil_wait: float | None = None


def nearest_rank(ordered: Sequence[Number], percent: int) -> Number:
    """The percentile of sorted values by nearest rank: the smallest that at least ``percent`` % of all do not exceed.

    So it is a value that was measured, never one between two. Raises IndexError when there is no value.
    """
    return ordered[max(0, -(-percent * len(ordered) // 100) - 1)]


def quantiles(values: Iterable[float]) -> Quantiles | None:
    """The quantiles of what was measured; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    p50, p90, p95, p99 = (nearest_rank(ordered, percent) for percent in (50, 90, 95, 99))
    return Quantiles(math.fsum(ordered) / len(ordered), p50, p90, p95, p99, ordered[-1])


def _between(side: Side, begin: Callable[[Stamps], int], end: Callable[[Stamps], int]) -> list[float]:
    """Seconds from one stamp to another, of the requests which have both."""
    pairs = ((begin(known), end(known)) for known in map(stamps, side.ledger.ours()))
    return [(last - first) / 1e9 for first, last in pairs if first and last]


def latency(side: Side) -> list[float]:
    """Planned to received."""
    return _between(side, lambda r: r.planned_ns, lambda r: r.received_ns)


def latency_from_sent(side: Side) -> list[float]:
    """Sent to received."""
    return _between(side, lambda r: r.sent_ns, lambda r: r.received_ns)


def queue_wait(side: Side) -> list[float]:
    """Sent to the app's begin."""
    return _between(side, lambda r: r.sent_ns, lambda r: r.began_ns)


def service(side: Side) -> list[float]:
    """The app's begin to its end, which may be after the answer."""
    return _between(side, lambda r: r.began_ns, lambda r: r.ended_ns)


def schedule_lag(side: Side) -> list[float]:
    """Planned to sent."""
    return _between(side, lambda r: r.planned_ns, lambda r: r.sent_ns)


def thread_wait(side: Side) -> list[float]:
    """For how long requests waited for threads, of those that are over and called something in one."""
    over = (request for request in side.ledger.ours() if request.ended_ns)
    return [request.calls.waited_ns / 1e9 for request in over if request.calls.all or request.calls.waited_ns]


def raised(side: Side) -> dict[str, int]:
    """Exceptions which left the app, by name. A worker that died took its requests along without one."""
    return {name: count for name, count in sorted(side.run.raised.items()) if name != WORKER_DIED}


def statuses(side: Side) -> dict[str, int]:
    """Requests that were answered, by the status that the client saw."""
    return {str(status): count for status, count in sorted(side.run.statuses.items())}


def redirects(side: Side) -> dict[str, int]:
    """Requests that were sent elsewhere, by status and place: "302 /login/". From an app: escape before showing."""
    return dict(sorted(side.run.redirects.items()))


def unobserved(side: Side) -> int:
    """Answers that no worker is known to have given, of the requests that are kept: those of a process that the app
    has forked and that has returned into the server, and errors that the server answers with by itself."""
    return sum(1 for request in side.ledger.ours() if request.received_ns and not request.began_ns)


def after_answer(side: Side, now_ns: int) -> AfterAnswer:
    """Of the requests that are kept, those whose app went on, or goes on, after their client had the answer."""
    longer_ns = [longer for request in side.ledger.ours() if (longer := request.after_answer_ns(now_ns))]
    return AfterAnswer(len(longer_ns), sum(longer_ns) / 1e9)


def accepting_threads_held(side: Side, now_ns: int) -> HeldTimes:
    """What has ended, and what still lasts."""
    living, began_ns = side.server.processes(), side.run.requested_ns
    since = [t_ns for pid, t_ns in side.server.acceptors.items() if pid in living]
    lasting_ns = [max(0, now_ns - max(t_ns, began_ns)) for t_ns in since]
    most_ns = max(side.run.acceptor_most_ns, *lasting_ns, 0)
    return HeldTimes((side.run.acceptor_ns + sum(lasting_ns)) / 1e9, most_ns / 1e9)


def makespan_ns(side: Side) -> int:
    """From the first planned request to the last that ended for its client; 0 before there is one."""
    run = side.run
    return max(0, run.last_finished_ns - run.first_planned_ns) if run.done else 0


def elapsed_ns(side: Side, now_ns: int) -> int:
    """How long the run takes so far, or took."""
    run = side.run
    if not run.started_ns:
        return 0
    if run.ended_ns or run.added:
        return makespan_ns(side) or max(0, run.ended_ns - run.started_ns)
    return max(0, now_ns - run.started_ns)


def throughput(side: Side, now_ns: int) -> float | None:
    """Completed requests a second, so far; without those that were added when it had ended."""
    span_ns = elapsed_ns(side, now_ns)
    return (side.run.completed - side.run.added_completed) / (span_ns / 1e9) if span_ns else None


def per_worker(side: Side, now_ns: int) -> list[WorkerTimes]:
    """Every worker's run, those that died included: what lies between the run's start and its end."""
    end_ns = _end_ns(side, now_ns)
    times = _loop_times if side.is_loop else _worker_times
    return [
        _within(times(worker, side, end_ns), _lived_ns(worker, side, end_ns) / 1e9)
        for worker in side.server.workers.values()
    ]


def _end_ns(side: Side, now_ns: int) -> int:
    run = side.run
    return (run.last_finished_ns or run.ended_ns) if run.ended_ns or run.added else now_ns


def _lived_ns(worker: Worker, side: Side, end_ns: int) -> int:
    """For how much of the run it was there."""
    begin_ns = max(side.run.started_ns or side.run.requested_ns, worker.booted_ns)
    until_ns = end_ns if worker.alive else min(end_ns, worker.since_ns)
    return max(0, until_ns - begin_ns)


def _within(times: WorkerTimes, lived_s: float) -> WorkerTimes:
    """The same, no longer than the worker was there: its clocks and ours may differ by what one reading takes."""
    if times.busy_s is None or times.busy_s <= lived_s:
        return times
    parts = {name: getattr(times, name) for name in PARTS}
    share = lived_s / times.busy_s
    return replace(times, **{name: None if part is None else part * share for name, part in parts.items()})


PARTS = tuple(name for name in WorkerTimes.__struct_fields__ if name.endswith("_s"))


def _worker_times(worker: Worker, side: Side, end_ns: int) -> WorkerTimes:
    """One worker's run until ``end_ns``, what it holds now included."""
    tally, spent = worker.tally, _held_ns(worker, side, end_ns)
    spent.subtract(_beyond_ns(worker, end_ns))
    app = max(0, tally.app_ns + sum(spent[activity] for activity in IN_APP))
    reading = max(0, tally.reading_ns + spent[Activity.READING])
    writing = max(0, tally.writing_ns + spent[Activity.WRITING] + spent[Activity.CLOSING])
    known = not tally.waits.unknown and not worker.waits.unknown
    gil = _gil_ns(worker, app) if known else 0
    elsewhere = min(reading + writing, max(0, tally.gil_sampled_ns - gil)) if known else 0
    left = 1 - elsewhere / (reading + writing) if elsewhere else 1.0
    computing = _computing_ns(worker, app - gil)
    return WorkerTimes(
        pid=worker.pid,
        slot=worker.slot,
        requests=tally.requests,
        busy_s=(app + reading + writing) / 1e9,
        reading_s=reading * left / 1e9,
        writing_s=writing * left / 1e9,
        blocked_s=None if computing is None else (app - gil - computing) / 1e9,
        computing_s=None if computing is None else computing / 1e9,
        gil_wait_s=None if computing is None or not known else (gil + elsewhere) / 1e9,
    )


def _held_ns(worker: Worker, side: Side, end_ns: int) -> Counter[Activity]:
    """How it spent its time since it took up what it holds now, or held when it died: its tally counts that only when
    it has ended, but for the reading, which it counts when the app is called."""
    spent: Counter[Activity] = Counter()
    begin_ns = side.run.requested_ns or side.run.started_ns
    if not worker.busy and not worker.req:
        return spent
    for span in reversed(worker.spans):
        if span.req not in (0, worker.req):
            break
        if span.activity in BUSY and not (worker.req and span.activity is Activity.READING):
            spent[span.activity] += max(0, min(span.end_ns or end_ns, end_ns) - max(span.start_ns, begin_ns))
        elif span.activity not in BUSY | {Activity.DEAD, Activity.STOPPING}:
            break
    return spent


def _beyond_ns(worker: Worker, end_ns: int) -> Counter[Activity]:
    """How much of what its tally holds lies after ``end_ns``: apps go on when the last client has its answer."""
    beyond: Counter[Activity] = Counter()
    for span in reversed(worker.spans):
        if not span.end_ns:
            continue
        if span.end_ns <= end_ns:
            break
        if span.activity in BUSY and not (worker.req and span.req == worker.req):
            beyond[span.activity] += span.end_ns - max(span.start_ns, end_ns)
    return beyond


def _gil_ns(worker: Worker, app_ns: int) -> int:
    """Waiting for the GIL inside the app, in the requests that ended and in the one that is on."""
    tally, waited_ns = worker.tally, worker.tally.gil_ns
    if worker.req:
        waited_ns += worker.gil_ns(app_ns - tally.app_ns, max(0, _on_cpu_ns(worker) - tally.cpu_ns))
    return max(0, min(app_ns, waited_ns))


def _on_cpu_ns(worker: Worker) -> int:
    """On the CPU since the start of the run, wherever, as far as it was sampled."""
    return worker.sample.cpu_ns - worker.tally.first.cpu_ns


def _computing_ns(worker: Worker, app_ns: int) -> int | None:
    """On the CPU inside the app, or runnable and waiting for one: of ``app_ns`` in which it did not wait for the GIL.

    The first is exact for requests that ended (the thread's own clock); of one that is still on, and of the
    run queue, the kernel's counters since the start of the run are what is known, but for what was outside the app.
    """
    now, then, tally = worker.sample, worker.tally.first, worker.tally
    if not now.t_ns:
        return max(0, min(app_ns, tally.cpu_ns)) if tally.requests else None
    on_cpu = max(0, tally.cpu_ns)
    if worker.req:
        on_cpu = max(on_cpu, _on_cpu_ns(worker))
    return min(app_ns, on_cpu + max(0, now.runq_ns - then.runq_ns - tally.runq_outside_ns))


def _loop_times(worker: Worker, side: Side, end_ns: int) -> WorkerTimes:
    """Busy: not in the selector. Computing: its thread is on the CPU or waits for one; else it is blocked."""
    loop = side.server.loops.get(worker.pid) or side.server.dead_loops.get(worker.pid)
    busy_ns = loop_times.busy_ns(loop, loop_times.until_ns(worker, loop, end_ns)) if loop is not None else None
    now, then = worker.sample, worker.tally.first
    computing_ns = None
    if busy_ns is not None and then.t_ns:
        active_ns = max(0, now.cpu_ns - then.cpu_ns) + max(0, now.runq_ns - then.runq_ns)
        computing_ns = min(busy_ns, active_ns)
    return WorkerTimes(
        pid=worker.pid,
        slot=worker.slot,
        requests=worker.tally.requests,
        busy_s=None if busy_ns is None else busy_ns / 1e9,
        reading_s=None,
        writing_s=None,
        blocked_s=None if busy_ns is None or computing_ns is None else (busy_ns - computing_ns) / 1e9,
        computing_s=None if computing_ns is None else computing_ns / 1e9,
    )


MOSTLY = 0.5
"""A loop that is on a CPU, or waits for one, for this share of its busy time computes."""


def computing_loops(side: Side, now_ns: int) -> frozenset[int]:
    """The processes whose loops compute while they are held; those of others are blocked."""
    if not side.is_loop:
        return frozenset()
    times = per_worker(side, now_ns)
    return frozenset(each.pid for each in times if each.busy_s and (each.computing_s or 0.0) >= MOSTLY * each.busy_s)


def fractions(side: Side, now_ns: int) -> Fractions:
    """How a side as a whole spent its run: sums over its workers, those that died included."""
    times, whole_s = per_worker(side, now_ns), _whole_s(side, now_ns)
    busy_s = _sum([time.busy_s for time in times])
    if busy_s is None or not whole_s:
        return Fractions(None, None, None)

    def of_busy(parts: list[float | None]) -> float | None:
        part_s = _sum(parts)
        return min(1.0, max(0.0, part_s / busy_s)) if part_s is not None and busy_s else None

    return Fractions(
        busy=min(1.0, max(0.0, busy_s / whole_s)),
        blocked=of_busy([time.blocked_s for time in times]),
        computing=of_busy([time.computing_s for time in times]),
        reading=of_busy([time.reading_s for time in times]),
        writing=of_busy([time.writing_s for time in times]),
        gil_wait=of_busy([time.gil_wait_s for time in times]),
    )


def with_clients(side: Side, now_ns: int) -> float | None:
    """Share of the busy time of its slots in which they read and wrote; None where nobody knows."""
    spent = fractions(side, now_ns)
    return None if side.is_loop or spent.writing is None else (spent.reading or 0.0) + spent.writing


def with_client_s(side: Side, now_ns: int) -> float:
    """For how long a request kept its slot reading and writing, on average, in seconds: a client is slow by this, and
    not by the share that reading and writing have of what a server does with a short request."""
    times = per_worker(side, now_ns)
    with_clients_s = sum((each.reading_s or 0.0) + (each.writing_s or 0.0) for each in times)
    return with_clients_s / max(1, sum(each.requests for each in times))


def _whole_s(side: Side, now_ns: int) -> float:
    """The time of all workers together."""
    end_ns = _end_ns(side, now_ns)
    return sum(_lived_ns(worker, side, end_ns) for worker in side.server.workers.values()) / 1e9


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if known else None
