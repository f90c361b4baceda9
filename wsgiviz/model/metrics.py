"""Figures of a side: latencies, fractions, per worker. Pure; seconds unless named otherwise; None: unknown.

Latency is counted from the *planned* time of a request, so that a driver or a queue that delays the sending
does not make the figures better (coordinated omission). Percentiles are by nearest rank: values that were
measured.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from wsgiviz.model.state import IN_APP, Doing, Loop, Request, Side, Worker


class Quantiles(Struct, frozen=True):
    """Mean, percentiles and maximum, in seconds."""

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    max: float


class WorkerTimes(Struct, frozen=True):
    """How one worker spent this run. ``computing_s`` includes waiting for a CPU; None where nobody knows.

    A worker with an event loop is busy while the loop is not in its selector; what of that is reading and
    writing can't be told.
    """

    pid: int
    slot: int
    requests: int
    busy_s: float | None
    reading_s: float | None
    writing_s: float | None
    blocked_s: float | None
    computing_s: float | None


class Fractions(Struct, frozen=True):
    """Busy: of all workers' (or loops') time. The others: of the busy time. None where nobody knows."""

    busy: float | None
    blocked: float | None
    computing: float | None
    reading: float | None = None
    writing: float | None = None


def quantiles(values: Iterable[float]) -> Quantiles | None:
    """The quantiles of what was measured; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None

    def at(percent: int) -> float:
        return ordered[max(0, -(-percent * len(ordered) // 100) - 1)]

    return Quantiles(math.fsum(ordered) / len(ordered), at(50), at(90), at(95), at(99), ordered[-1])


def _between(side: Side, begin: Callable[[Request], int], end: Callable[[Request], int]) -> list[float]:
    """Seconds from one stamp to another, of the requests which have both."""
    pairs = ((begin(request), end(request)) for request in side.finished)
    return [(last - first) / 1e9 for first, last in pairs if first and last]


def latency(side: Side) -> list[float]:
    """Planned to received."""
    return _between(side, lambda r: r.planned_ns, lambda r: r.received_ns)


def latency_from_sent(side: Side) -> list[float]:
    return _between(side, lambda r: r.sent_ns, lambda r: r.received_ns)


def queue_wait(side: Side) -> list[float]:
    """Sent to the app's begin."""
    return _between(side, lambda r: r.sent_ns, lambda r: r.began_ns)


def service(side: Side) -> list[float]:
    """The app's begin to its end."""
    return _between(side, lambda r: r.began_ns, lambda r: r.ended_ns)


def schedule_lag(side: Side) -> list[float]:
    """Planned to sent."""
    return _between(side, lambda r: r.planned_ns, lambda r: r.sent_ns)


def raised(side: Side) -> dict[str, int]:
    """Exceptions which left the app, by name."""
    return dict(Counter(request.raised for request in side.finished if request.raised))


def statuses(side: Side) -> dict[str, int]:
    """Requests that were answered, by status."""
    return dict(Counter(str(request.status) for request in side.finished if request.received_ns))


def makespan_ns(side: Side) -> int:
    """From the first planned request to the last that ended; 0 before there is one."""
    return max(0, side.last_finished_ns - side.first_planned_ns) if side.done else 0


def elapsed_ns(side: Side, now_ns: int) -> int:
    """How long the run takes so far, or took."""
    if not side.run_started_ns:
        return 0
    if side.done and not side.running:
        return makespan_ns(side)
    return max(0, now_ns - side.run_started_ns)


def throughput(side: Side, now_ns: int) -> float | None:
    """Completed requests a second, so far."""
    span_ns = makespan_ns(side) if side.run_ended_ns else elapsed_ns(side, now_ns)
    return side.completed / (span_ns / 1e9) if span_ns else None


def per_worker(side: Side, now_ns: int) -> list[WorkerTimes]:
    """Every worker's run, those that died included."""
    end_ns = side.last_finished_ns if side.run_ended_ns else now_ns
    times = _loop_times if side.is_loop else _worker_times
    return [times(worker, side, end_ns) for worker in side.workers.values()]


def _worker_times(worker: Worker, side: Side, end_ns: int) -> WorkerTimes:
    """One worker's run until ``end_ns``, its present state included."""
    open_ns = max(0, end_ns - max(worker.since_ns, side.run_started_ns))
    app = worker.app_ns + (open_ns if worker.doing in IN_APP else 0)
    reading = worker.reading_ns + (open_ns if worker.doing is Doing.READING else 0)
    writing = worker.writing_ns + (open_ns if worker.doing in (Doing.WRITING, Doing.CLOSING) else 0)
    computing = _computing_ns(worker, app)
    return WorkerTimes(
        pid=worker.pid,
        slot=worker.slot,
        requests=worker.requests,
        busy_s=(app + reading + writing) / 1e9,
        reading_s=reading / 1e9,
        writing_s=writing / 1e9,
        blocked_s=None if computing is None else (app - computing) / 1e9,
        computing_s=None if computing is None else computing / 1e9,
    )


def _computing_ns(worker: Worker, app_ns: int) -> int | None:
    """On the CPU inside the app, or runnable and waiting for one.

    The first is exact for requests that ended (the thread's own clock); of one that is still on, and of the
    run queue, the kernel's counters since the start of the run tell.
    """
    now, then = worker.sample, worker.run_sample
    if not now.t_ns:
        return min(app_ns, worker.cpu_ns) if worker.requests else None
    on_cpu = worker.cpu_ns
    if worker.doing in IN_APP:
        on_cpu = max(on_cpu, now.cpu_ns - then.cpu_ns)
    return min(app_ns, on_cpu + max(0, now.runq_ns - then.runq_ns))


def _loop_times(worker: Worker, side: Side, end_ns: int) -> WorkerTimes:
    """Busy: not in the selector. Computing: its thread is on the CPU or waits for one; else it is blocked.

    Counted until the newest heartbeat: after a run that is only the heartbeat's own, some microseconds each.
    """
    busy_ns = _loop_busy_ns(side.loops.get(worker.pid))
    now, then = worker.sample, worker.run_sample
    computing_ns = None
    if busy_ns is not None and then.t_ns:
        computing_ns = min(busy_ns, now.cpu_ns - then.cpu_ns + max(0, now.runq_ns - then.runq_ns))
    return WorkerTimes(
        pid=worker.pid,
        slot=worker.slot,
        requests=worker.requests,
        busy_s=None if busy_ns is None else busy_ns / 1e9,
        reading_s=None,
        writing_s=None,
        blocked_s=None if busy_ns is None or computing_ns is None else (busy_ns - computing_ns) / 1e9,
        computing_s=None if computing_ns is None else computing_ns / 1e9,
    )


def _loop_busy_ns(loop: Loop | None) -> int | None:
    if loop is None or loop.selector_ns < 0 or loop.run_selector_ns < 0 or loop.beat_ns <= loop.run_beat_ns:
        return None
    return max(0, loop.beat_ns - loop.run_beat_ns - (loop.selector_ns - loop.run_selector_ns))


def fractions(side: Side, now_ns: int) -> Fractions:
    """How a side as a whole spent its run: sums over its workers."""
    times = per_worker(side, now_ns)
    busy_s = _sum([time.busy_s for time in times])
    whole_s = max(1, len(side.living())) * elapsed_ns(side, now_ns) / 1e9
    if busy_s is None or not whole_s:
        return Fractions(None, None, None)

    def of_busy(parts: list[float | None]) -> float | None:
        part_s = _sum(parts)
        return part_s / busy_s if part_s is not None and busy_s else None

    return Fractions(
        busy=min(1.0, busy_s / whole_s),
        blocked=of_busy([time.blocked_s for time in times]),
        computing=of_busy([time.computing_s for time in times]),
        reading=of_busy([time.reading_s for time in times]),
        writing=of_busy([time.writing_s for time in times]),
    )


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if known else None
