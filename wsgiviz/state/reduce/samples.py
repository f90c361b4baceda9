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
from wsgiviz.state.counters import WAITS_FOR_GIL, Counters
from wsgiviz.state.reduce.draft import Handlers, SideDraft
from wsgiviz.state.reduce.judging import done_between, queued_between, seen_in
from wsgiviz.state.worker import Worker

ENDED = frozenset("ZX")
"""Letters of a thread that has ended: it does nothing any more, and its process will be reported as gone."""

LONGEST_GAP_NS = 50_000_000
"""Samples of a busy slot come more often; a longer time between two of them says nothing of all of it."""


def _thread_sampled(side: SideDraft, event: ThreadSampled) -> None:
    worker = side.worker(event)
    if worker is None or not worker.alive or (event.letter in ENDED and not side.is_loop):
        return
    sample = Counters(event.t_ns, event.cpu_ns, event.runq_ns, event.letter, event.slept, event.preempted)
    outside_ns = _queued_outside(worker, sample)
    if worker.activity in IN_APP and not side.is_loop:
        worker = _judge(side, worker, sample)
    else:
        worker = _note_gil(worker, sample)
    tally = worker.tally
    if not tally.first.t_ns:
        tally = replace(tally, first=sample)
    if outside_ns:
        tally = replace(tally, runq_outside_ns=tally.runq_outside_ns + outside_ns)
    if event.letter == WAITS_FOR_GIL:
        passed_ns = min(LONGEST_GAP_NS, max(0, sample.t_ns - worker.sample.t_ns))
        tally = replace(tally, gil_sampled_ns=tally.gil_sampled_ns + passed_ns)
    side.put(replace(worker, sample=sample, mark=sample, tally=tally))


def _queued_outside(worker: Worker, sample: Counters) -> int:
    """Of the time on the run queue since the last sample (ns), how much was surely outside the app: all of it while
    nothing has happened, and of a request's first stretch what is longer than that."""
    before = worker.sample
    if not before.t_ns:
        return 0
    queued_ns = max(0, sample.runq_ns - before.runq_ns)
    if worker.activity in IN_APP:
        return queued_ns - queued_between(worker.mark, sample) if worker.mark.t_ns > before.t_ns else 0
    return queued_ns if worker.since_ns <= before.t_ns else 0


def _note_gil(worker: Worker, sample: Counters) -> Worker:
    """Outside the app, or in a loop's thread, which serves many requests."""
    if sample.t_ns > worker.mark.t_ns:
        done = done_between(worker.mark, sample)
        lacks = worker.lacks_gil if done is None else done is Activity.WAITING_FOR_GIL
        if lacks != worker.lacks_gil:
            worker = replace(worker, lacks_gil=lacks)
    return replace(worker, gil_seen_ns=sample.t_ns) if sample.letter == WAITS_FOR_GIL else worker


def _judge(side: SideDraft, worker: Worker, sample: Counters) -> Worker:
    """What it has mostly done since the last mark: computed, or waited, and for what."""
    mark = worker.mark
    if sample.t_ns <= mark.t_ns:
        return worker
    worker = replace(worker, waits=worker.waits.plus(seen_in(sample.letter, queued_between(mark, sample))))
    activity = _activity(side, worker, sample)
    if activity is worker.activity:
        return worker
    if mark.t_ns <= worker.since_ns:  # nothing but this stretch has been seen of it
        return side.relabel(worker, activity)
    return side.turn(worker, activity, mark.t_ns, worker.req)


def _activity(side: SideDraft, worker: Worker, sample: Counters) -> Activity:
    """Since the last mark.

    One that runs now, and did not for most of that time, waited meanwhile for what it has waited for at other times:
    threads that take turns with the GIL are not blocked, and do not compute, because a sample meets one of them in
    its turn.
    """
    found = done_between(worker.mark, sample)
    return found if found is not None else _usual_wait(side, worker, sample.t_ns)


def _usual_wait(side: SideDraft, worker: Worker, t_ns: int) -> Activity:
    """For what it waits when it does: by other samples of this request, by threads beside it that wait for the GIL
    or have it, or by the requests before it. Where nothing says that, it is taken to go on with what it was at."""
    share = worker.waits.gil_share
    if share is None and worker.slot and _gil_is_wanted(side, worker, t_ns):
        return Activity.WAITING_FOR_GIL
    share = worker.tally.waits.gil_share if share is None else share
    if share is None:
        return worker.activity
    return Activity.WAITING_FOR_GIL if share > 0.5 else Activity.BLOCKED


def _gil_is_wanted(side: SideDraft, worker: Worker, t_ns: int) -> bool:
    """A thread beside it waited for the GIL a moment ago, or does what needs it, all the time that this one did not
    run. On a busy machine, those who wait for it are mostly found on the run queue, on their way to ask for it."""
    others = [other for other in side.slots(worker.pid) if other.slot != worker.slot]
    if any(one.sample.letter == WAITS_FOR_GIL and t_ns - one.sample.t_ns <= LONGEST_GAP_NS for one in others):
        return True
    return t_ns - worker.mark.t_ns >= CERTAIN_NS and any(one.activity in WANT_GIL for one in others)


WANT_GIL = frozenset({Activity.COMPUTING, Activity.WAITING_FOR_GIL})

CERTAIN_NS = 20_000_000
"""The kernel's CPU time of a thread that runs is old by a tick, up to 10 ms: over so long, most of it is known."""


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
