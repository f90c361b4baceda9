"""Threads behind an event loop: what requests call in them, and the pools that they belong to."""

from __future__ import annotations

from msgspec.structs import replace

from wsgiviz.events import CallBegan, CallEnded, CallQueued, PoolSampled
from wsgiviz.state.activity import OFF_LOOP
from wsgiviz.state.reduce.draft import Handlers, SideDraft
from wsgiviz.state.reduce.tasks import gone_on, turned
from wsgiviz.state.request import Request
from wsgiviz.state.thread_pool import POOLS_KEPT, UNLIMITED, PoolKind, ThreadPool

KINDS = frozenset(kind.value for kind in PoolKind)


def _call_queued(side: SideDraft, event: CallQueued) -> None:
    _count(side, event, queued=1, running=0)


def _call_began(side: SideDraft, event: CallBegan) -> None:
    _count(side, event, queued=-1, running=1)


def _call_ended(side: SideDraft, event: CallEnded) -> None:
    if event.began:
        _count(side, event, queued=0, running=-1)
    else:
        _count(side, event, queued=-1, running=0)


def _count(side: SideDraft, event: CallQueued | CallBegan | CallEnded, queued: int, running: int) -> None:
    """So many calls of the request more."""
    request = side.ledger.get(event.req)
    if request is None or request.ended_ns:
        return
    calls = request.calls
    calls = replace(
        calls,
        queued=max(0, calls.queued + queued),
        running=max(0, calls.running + running),
        ended=calls.ended + (running < 0),
        pool=event.pool,
    )
    side.ledger.put(_turned_off_loop(replace(request, calls=calls), event.t_ns))


def _turned_off_loop(request: Request, t_ns: int) -> Request:
    """While it is off its loop, its calls say what it does; with that it is at another line."""
    if request.task not in OFF_LOOP or request.task is request.off_loop:
        return request
    return gone_on(turned(request, request.off_loop, t_ns), t_ns)


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
    PoolSampled: _pool_sampled,
}
