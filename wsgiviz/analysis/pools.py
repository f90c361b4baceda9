"""The pools of threads behind event loops, each kind for itself, all processes together. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from wsgiviz.state import INSIDE_THREAD, Location, PoolKind, Request, Side, Task, ThreadPool


class PoolUse(Struct, frozen=True):
    """What pools of one kind and name do, in all processes of a side. ``size`` is that of each (-1: any number).

    ``requests`` have a call that waits and none that runs; ``waiting`` are calls, which may be others' too. ``at``:
    the line at which most threads are, or were a moment ago; ``all_at``: all of them, as far as is known.
    """

    kind: PoolKind
    name: str
    pools: int
    size: int
    running: int
    waiting: int
    most_running: int
    most_waiting: int
    requests: int = 0
    at: Location | None = None
    all_at: bool = False

    @property
    def full(self) -> bool:
        """Something waits, and where there is but one pool, all its threads are taken."""
        return self.waiting > 0 and (self.pools > 1 or self.running >= self.size >= 0)


def pool_uses(side: Side, requests: Sequence[Request]) -> list[PoolUse]:
    """Those that the present run has used. ``requests`` are those in the app, and those that were there a moment
    ago."""
    return [use for use in known_pools(side, requests) if use.most_running or use.most_waiting]


def known_pools(side: Side, requests: Sequence[Request]) -> list[PoolUse]:
    """All that are known, in the order of their kinds."""
    found: dict[tuple[PoolKind, str], list[ThreadPool]] = {}
    for pool in side.server.thread_pools.values():
        found.setdefault((pool.kind, pool.name), []).append(pool)
    order = list(PoolKind)
    return [_use(found[key], requests) for key in sorted(found, key=lambda key: (order.index(key[0]), key[1]))]


def _use(pools: list[ThreadPool], requests: Sequence[Request]) -> PoolUse:
    keys = {pool.key for pool in pools}
    of_pool = [request for request in requests if (request.pid, request.calls.pool) in keys]
    at, all_at = in_threads(of_pool)
    living = [pool for pool in pools if not pool.gone] or pools
    return PoolUse(
        kind=pools[0].kind,
        name=pools[0].name,
        pools=len(living),
        size=max(pool.size for pool in living),
        running=sum(pool.running for pool in pools),
        waiting=sum(pool.waiting for pool in pools),
        most_running=max(pool.most_running for pool in pools),
        most_waiting=max(pool.most_waiting for pool in pools),
        requests=sum(one.in_app and one.calls.queued > 0 and not one.calls.running for one in of_pool),
        at=at,
        all_at=all_at,
    )


def in_threads(requests: Sequence[Request]) -> tuple[Location | None, bool]:
    """The line at which most of those are that are in threads, or were last, and whether all are there."""
    places = Counter(filter(None, (one.where for one in requests if one.task in INSIDE_THREAD)))
    if not places:
        places = Counter(filter(None, map(_last_in_thread, requests)))
    return (places.most_common(1)[0][0], len(places) == 1) if places else (None, False)


def _last_in_thread(request: Request) -> Location | None:
    return next((stay.where for stay in reversed(request.stays) if stay.task is Task.IN_THREAD), None)
