"""Threads that all wait at one line for what requests hold which wait for one of these threads. Pure.

Nothing moves then, and no statistics are needed: every thread of a pool is at that line, and a request that has had
its call there, since it has had more calls than those which are at it, waits for a thread of that very pool.
"""

from __future__ import annotations

from collections.abc import Sequence

from wsgiviz.analysis.passing import Visitor
from wsgiviz.state import INSIDE_THREAD, Request, Side, Task

LASTS_NS = 1_000_000_000
"""What is shorter may as well move in a moment."""


def held_by_those_without_thread(side: Side, visitors: Sequence[Visitor], now_ns: int) -> list[Request]:
    """Those who have passed the line, and wait for a thread of the pool whose threads all wait at it; nothing where
    that is not so, or for less than LASTS_NS."""
    there = [one for one in visitors if one.there and one.request.task in INSIDE_THREAD]
    pools = {(one.request.pid, one.request.calls.pool) for one in there}
    if len(pools) != 1 or any(now_ns - one.arrived_ns < LASTS_NS for one in there):
        return []
    pool = side.server.thread_pools.get(next(iter(pools)))
    if pool is None or not 0 < pool.size <= len(there):
        return []
    passed = max(one.request.calls.ended for one in there)
    past = [one.request for one in visitors if not one.there and one.request.calls.ended > passed]
    return [request for request in past if _waits_for(request, pool.key, now_ns)]


def _waits_for(request: Request, pool: tuple[int, int], now_ns: int) -> bool:
    waits = request.in_app and request.task is Task.FOR_THREAD and (request.pid, request.calls.pool) == pool
    return waits and now_ns - request.since_ns >= LASTS_NS
