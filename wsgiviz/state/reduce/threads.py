"""Threads behind an event loop: what requests call in them, and the pools that they belong to."""

from __future__ import annotations

from msgspec.structs import replace

from wsgiviz.events import CallBegan, CallEnded, CallQueued, CallSampled, CallsCounted, CallThread, PoolSampled
from wsgiviz.state.activity import INSIDE_THREAD, OFF_LOOP, Activity, Task
from wsgiviz.state.calls import Calls
from wsgiviz.state.counters import WAITS_FOR_GIL, Counters
from wsgiviz.state.reduce.draft import Handlers, SideDraft
from wsgiviz.state.reduce.judging import done_between, queued_between, seen_in
from wsgiviz.state.reduce.tasks import gone_on, turned
from wsgiviz.state.request import STEPS_KEPT, Request, Step
from wsgiviz.state.thread_pool import POOLS_KEPT, UNLIMITED, PoolKind, ThreadPool

KINDS = frozenset(kind.value for kind in PoolKind)


def _call_queued(side: SideDraft, event: CallQueued) -> None:
    _count(side, event, queued=1, running=0, in_process=bool(event.process))


def _call_began(side: SideDraft, event: CallBegan) -> None:
    _count(side, event, queued=-1, running=1)


def _call_ended(side: SideDraft, event: CallEnded) -> None:
    if event.began:
        _count(side, event, queued=0, running=-1)
    else:
        _count(side, event, queued=-1, running=0)


def _count(
    side: SideDraft,
    event: CallQueued | CallBegan | CallEnded | CallsCounted,
    queued: int,
    running: int,
    in_process: bool | None = None,
) -> None:
    """So many calls of the request more."""
    request = side.ledger.get(event.req)
    if request is None or request.ended_ns:
        return
    calls = request.calls
    calls = replace(
        calls,
        queued=max(0, calls.queued + queued),
        running=max(0, calls.running + running),
        ended=calls.ended + max(0, -running),
        pool=event.pool,
        in_process=calls.in_process if in_process is None else in_process,
    )
    if not calls.running:
        calls = calls.in_new_thread(0)
    side.ledger.put(_turned_off_loop(replace(request, calls=calls), event.t_ns))


def _calls_counted(side: SideDraft, event: CallsCounted) -> None:
    request = side.ledger.get(event.req)
    if request is None or request.ended_ns:
        return
    queued, running = max(0, event.queued), max(0, event.running)
    if (queued, running) != (request.calls.queued, request.calls.running):
        _count(side, event, queued - request.calls.queued, running - request.calls.running)


def _call_thread(side: SideDraft, event: CallThread) -> None:
    request = side.ledger.get(event.req)
    if request is None or request.ended_ns or not request.calls.running:
        return
    calls = request.calls.in_new_thread(event.thread_id)
    side.ledger.put(_turned_to(replace(request, calls=calls), event.t_ns))


def _call_sampled(side: SideDraft, event: CallSampled) -> None:
    """Of the thread that works for a request: what it has mostly done since its last sample, or, as far as the first
    two can tell, since it has taken up the call."""
    request = side.ledger.get(event.req)
    if request is None or request.ended_ns or event.thread_id != request.calls.thread_id or not event.thread_id:
        return
    calls, sample = (
        request.calls,
        Counters(event.t_ns, event.cpu_ns, event.runq_ns, event.letter, event.slept, event.preempted),
    )
    mark = calls.mark
    if sample.t_ns <= mark.t_ns:
        return
    _note_gil(side, event)
    if not mark.t_ns:
        waits = seen_in(sample.letter, 0)
        side.ledger.put(replace(request, calls=replace(calls, mark=sample, waits=waits)))
        return
    waits = calls.waits.plus(seen_in(sample.letter, queued_between(mark, sample)))
    lacking = _gil_is_wanted(side, event)
    seen = _seen(replace(calls, waits=waits), mark, sample, lacking)
    since_ns = mark.t_ns if calls.judged else request.since_ns
    request = replace(request, calls=replace(calls, mark=sample, waits=waits, seen=seen, judged=True))
    side.ledger.put(_turned_to(request, since_ns))


def _seen(calls: Calls, mark: Counters, sample: Counters, lacking: bool) -> Task:
    """One that was met in its turn waited for what it has waited for at other times, or, where none of these is
    known, for what others wait for: ``lacking``, whether that is the GIL."""
    done, share = done_between(mark, sample), calls.waits.gil_share
    if done is None and share is None:
        return Task.THREAD_FOR_GIL if lacking else calls.seen
    usual = Activity.WAITING_FOR_GIL if (share or 0) >= 0.5 else Activity.BLOCKED
    return TASKS[done or usual]


def _note_gil(side: SideDraft, event: CallSampled) -> None:
    worker = side.workers.get((event.pid, 0))
    if worker is not None and event.letter == WAITS_FOR_GIL:
        side.put(replace(worker, calls_gil_ns=event.t_ns))


def _gil_is_wanted(side: SideDraft, event: CallSampled) -> bool:
    """The loop's thread, or one that works for another of its requests, waited for it a moment ago."""
    worker = side.workers.get((event.pid, 0))
    return worker is not None and (worker.lacks_gil or event.t_ns - worker.calls_gil_ns <= MOMENT_NS)


MOMENT_NS = 100_000_000
"""Threads behind loops are sampled as often, or half as often, where there are not too many."""

TASKS = {
    Activity.BLOCKED: Task.IN_THREAD,
    Activity.COMPUTING: Task.THREAD_COMPUTES,
    Activity.WAITING_FOR_GIL: Task.THREAD_FOR_GIL,
}


def _turned_to(request: Request, t_ns: int) -> Request:
    """While a thread works for it and it does nothing else, it does what that does, and stays at its line."""
    task = request.off_loop
    if request.task not in INSIDE_THREAD or task is request.task:
        return request
    if t_ns > request.since_ns:
        if len(request.steps) >= COARSER_FROM:
            request = replace(request, steps=coarser(request.steps))
        return turned(request, task, t_ns)
    steps = request.steps  # nothing but this stretch has been seen of it
    if steps and not steps[-1].end_ns:
        steps = (*steps[:-1], Step(steps[-1].start_ns, 0, task))
    return replace(request, task=task, steps=steps)


def _turned_off_loop(request: Request, t_ns: int) -> Request:
    """While it is off its loop, its calls say what it does; with that it is at another line."""
    if request.task not in OFF_LOOP or request.task is request.off_loop:
        return request
    return gone_on(turned(request, request.off_loop, t_ns), t_ns)


COARSER_FROM = STEPS_KEPT - 8
"""A thread that takes turns with the GIL does something else 20 times a second."""


def coarser(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """With two neighbouring stretches in a thread as one, which the longer one names; the last is as it was."""
    kept: list[Step] = []
    fresh = False  # the last that is kept is whole, and may take up its neighbour
    for step in steps[:-1]:
        one = kept[-1] if fresh else None
        fresh = step.task in INSIDE_THREAD
        if one is not None and fresh and one.end_ns == step.start_ns:
            longer = max(one, step, key=lambda each: each.end_ns - each.start_ns)
            kept[-1] = Step(one.start_ns, step.end_ns, longer.task)
            fresh = False
        else:
            kept.append(step)
    return (*kept, steps[-1])


def _pool_sampled(side: SideDraft, event: PoolSampled) -> None:
    key = event.pid, event.pool
    kind, _, name = event.name.partition("|")
    if kind not in KINDS:
        return
    before = side.thread_pools.get(key) or ThreadPool(*key, PoolKind(kind))
    if not event.size:
        side.thread_pools[key] = replace(before, running=0, waiting=0, gone=True)
        return
    running, waiting = max(0, event.running), max(0, event.waiting)
    side.thread_pools[key] = ThreadPool(
        *key,
        PoolKind(kind),
        name,
        max(UNLIMITED, event.size),
        running,
        waiting,
        max(before.most_running, running),
        max(before.most_waiting, waiting),
    )
    if len(side.thread_pools) > POOLS_KEPT:
        _drop_one(side)


def _drop_one(side: SideDraft) -> None:
    pools = side.thread_pools.values()
    del side.thread_pools[min(pools, key=lambda pool: (not pool.gone, pool.most_waiting, pool.key)).key]


def reset_peaks(side: SideDraft) -> None:
    """At the start of a run: peaks begin anew, and what is gone is forgotten."""
    side.thread_pools = {
        key: replace(pool, most_running=pool.running, most_waiting=pool.waiting)
        for key, pool in side.thread_pools.items()
        if not pool.gone
    }


HANDLERS: Handlers = {
    CallQueued: _call_queued,
    CallBegan: _call_began,
    CallEnded: _call_ended,
    CallsCounted: _calls_counted,
    CallThread: _call_thread,
    CallSampled: _call_sampled,
    PoolSampled: _pool_sampled,
}
