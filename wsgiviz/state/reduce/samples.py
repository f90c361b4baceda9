"""What the viewer adds: the kernel's counters, and what was lost."""

from __future__ import annotations

from msgspec.structs import replace

from wsgiviz.events import (
    EventsLost,
    OverflowsSampled,
    ProcessSampled,
    QueueSampled,
    SelfCallsSampled,
    ThreadSampled,
)
from wsgiviz.state.activity import IN_APP, Activity
from wsgiviz.state.reduce.draft import Handlers, SideDraft
from wsgiviz.state.worker import SLEEPS, WAITS_FOR_GIL, Counters, WaitSamples, Worker

COMPUTES_FROM = 0.5
"""From this share of a stretch on the CPU (or runnable) on, the stretch counts as computing."""

ENDED = frozenset("ZX")
"""Letters of a thread that has ended: it does nothing any more, and its process will be reported as gone."""

SHORTEST_STRETCH_NS = 2_000_000
"""Below this, the kernel's CPU counters are too coarse for a share; the thread's state letter decides."""

LONGEST_GAP_NS = 50_000_000
"""Samples of a busy slot come more often; a longer time between two of them says nothing of all of it."""


def _thread_sampled(side: SideDraft, event: ThreadSampled) -> None:
    worker = side.worker(event)
    if worker is None or not worker.alive or (event.letter in ENDED and not side.is_loop):
        return
    sample = Counters(event.t_ns, event.cpu_ns, event.runq_ns, event.letter)
    if worker.activity in IN_APP and not side.is_loop:
        worker = _judge(side, worker, sample)
    elif event.letter == WAITS_FOR_GIL:
        worker = replace(worker, gil_seen_ns=event.t_ns)
    tally = worker.tally
    if not tally.first.t_ns:
        tally = replace(tally, first=sample)
    if event.letter == WAITS_FOR_GIL:
        passed_ns = min(LONGEST_GAP_NS, max(0, sample.t_ns - worker.sample.t_ns))
        tally = replace(tally, gil_sampled_ns=tally.gil_sampled_ns + passed_ns)
    side.put(replace(worker, sample=sample, mark=sample, tally=tally))


def _judge(side: SideDraft, worker: Worker, sample: Counters) -> Worker:
    """What it has mostly done since the last mark: computed, or waited, and for what."""
    mark = worker.mark
    elapsed_ns = sample.t_ns - mark.t_ns
    if elapsed_ns <= 0:
        return worker
    runq_ns = min(elapsed_ns, max(0, sample.runq_ns - mark.runq_ns))
    worker = replace(worker, waits=worker.waits.plus(_seen(sample.letter, runq_ns)))
    activity = _activity(side, worker, sample, runq_ns)
    if activity is worker.activity:
        return worker
    if mark.t_ns <= worker.since_ns:  # nothing but this stretch has been seen of it
        return side.relabel(worker, activity)
    return side.turn(worker, activity, mark.t_ns, worker.req)


def _seen(letter: str, runq_ns: int) -> WaitSamples:
    """What one sample saw. Who waits for the GIL wakes up often to ask for it: its time on the run queue is part of
    that wait, and no work."""
    if letter == WAITS_FOR_GIL:
        return WaitSamples(gil=1)
    if letter == "R":
        return WaitSamples(runq_ns=runq_ns)
    return WaitSamples(blocked=1, unknown=letter == SLEEPS, runq_ns=runq_ns)


def _activity(side: SideDraft, worker: Worker, sample: Counters, runq_ns: int) -> Activity:
    """By the CPU time and run-queue time that passed since the last mark, and by what the thread does just now.

    One that runs now, and did not for most of that time, waited meanwhile for what it has waited for at other times:
    threads that take turns with the GIL are not blocked, and do not compute, because a sample meets one of them in
    its turn. Who waited for the GIL at the mark has stood on the run queue to ask for that, and not to compute.
    """
    elapsed_ns, active_ns = sample.t_ns - worker.mark.t_ns, sample.cpu_ns - worker.mark.cpu_ns
    if elapsed_ns < SHORTEST_STRETCH_NS:
        return Activity.COMPUTING if sample.letter == "R" else _wait_of(sample)
    if active_ns >= COMPUTES_FROM * elapsed_ns:
        return Activity.COMPUTING
    for_gil = WAITS_FOR_GIL in (sample.letter, worker.mark.letter)
    if not for_gil and active_ns + runq_ns >= COMPUTES_FROM * elapsed_ns:
        return Activity.COMPUTING
    return _wait_of(sample) if sample.letter != "R" else _usual_wait(side, worker, sample.t_ns)


def _wait_of(sample: Counters) -> Activity:
    return Activity.WAITING_FOR_GIL if sample.letter == WAITS_FOR_GIL else Activity.BLOCKED


def _usual_wait(side: SideDraft, worker: Worker, t_ns: int) -> Activity:
    """For what it waits when it does: by other samples of this request, by threads beside it that wait for the GIL
    just now, or by the requests before it. Where nothing says that, it is taken to go on with what it was at."""
    share = worker.waits.gil_share
    if (
        share is None
        and worker.slot
        and any(
            other.sample.letter == WAITS_FOR_GIL and t_ns - other.sample.t_ns <= LONGEST_GAP_NS
            for other in side.slots(worker.pid)
        )
    ):
        return Activity.WAITING_FOR_GIL
    share = worker.tally.waits.gil_share if share is None else share
    if share is None:
        return worker.activity
    return Activity.WAITING_FOR_GIL if share > 0.5 else Activity.BLOCKED


def _queue_sampled(side: SideDraft, event: QueueSampled) -> None:
    """The peak is counted over two samples in a row: what idle workers are about to take is no queue."""
    stood = min(side.server.queue_depth, event.depth)
    if stood > side.run.max_queue:
        side.run = replace(side.run, max_queue=stood)
    side.server = replace(side.server, queue_depth=event.depth, queue_limit=event.limit)


def _overflows_sampled(side: SideDraft, event: OverflowsSampled) -> None:
    side.server = replace(side.server, overflows=event.total)
    if side.run.overflows_before < 0:
        side.run = replace(side.run, overflows_before=event.total)


def _process_sampled(side: SideDraft, event: ProcessSampled) -> None:
    for worker in side.slots(event.pid):
        side.put(replace(worker, rss_bytes=event.rss_bytes, cpu_permille=event.cpu_permille))


def _self_calls_sampled(side: SideDraft, event: SelfCallsSampled) -> None:
    side.self_calls.pop(event.pid, None)
    if event.connections > 0:
        side.self_calls[event.pid] = event.connections
        now, run = sum(side.self_calls.values()), side.run
        stuck = max(run.self_calls_stuck, now) if _nobody_free(side) else run.self_calls_stuck
        side.run = replace(run, self_calls=max(run.self_calls, now), self_calls_stuck=stuck)


def _nobody_free(side: SideDraft) -> bool:
    """No slot, or no loop, could answer a request of the app's own now."""
    if side.is_loop:
        return bool(side.loops) and all(loop.held is not None for loop in side.loops.values())
    living = [worker for worker in side.workers.values() if worker.alive]
    return bool(living) and all(worker.busy for worker in living)


def _events_lost(side: SideDraft, event: EventsLost) -> None:
    side.server = replace(side.server, lost=side.server.lost + max(0, event.count))


HANDLERS: Handlers = {
    ThreadSampled: _thread_sampled,
    QueueSampled: _queue_sampled,
    OverflowsSampled: _overflows_sampled,
    ProcessSampled: _process_sampled,
    SelfCallsSampled: _self_calls_sampled,
    EventsLost: _events_lost,
}
