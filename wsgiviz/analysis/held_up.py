"""Who waits for what inside a server now, as far as the probe knows: threads, lines, the GIL, event loops. Pure.

What waits in the kernel to be accepted is not here: who looks at somebody else's server asks the kernel for that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from wsgiviz.analysis.contention import Contention, Known, contention
from wsgiviz.analysis.hot_lines import LOOP_HELD_NS
from wsgiviz.analysis.lints import wording
from wsgiviz.analysis.lints.context import LintContext
from wsgiviz.analysis.lints.pools import threads_of
from wsgiviz.analysis.loop_times import living
from wsgiviz.analysis.pools import PoolUse, pool_uses
from wsgiviz.analysis.waits import Waits
from wsgiviz.state import OFF_LOOP, Activity, Location, Loop, Request, Side, Task

RECENT = 200
"""So many of the requests that are over show how a line moves."""

MOST_PLACES = 5
"""So many of the lines at which most requests wait are named."""


class HeldUp(Struct, frozen=True):
    """``waiting`` of them wait for ``what``, which ``holders`` have (None: not known).

    ``what``: "thread" (of a gthread worker), "pool" (threads or processes behind a loop), "line" (what others hold
    there), "elsewhere" (something outside the interpreter, at a line), "gil", "loop". ``pids``: processes in which
    they wait; ``threads``: native ids of the threads that do, where each has one. ``place``: the line at which they
    wait, ``held_at`` that of the holders; escape both, as ``words``.
    """

    what: str
    waiting: int
    words: str
    pids: tuple[int, ...] = ()
    holders: int | None = None
    place: str | None = None
    held_at: str | None = None
    threads: tuple[int, ...] = ()


def held_up(context: LintContext, side: Side) -> list[HeldUp]:
    """First what holds up most at once: loops, the GIL; then the queues; then the lines."""
    inside = [request for request in context.in_flight[side.name] if request.in_app]
    found = [*_loops(context, side, inside), *_gil(side, inside), *_threads(side), *_pools(context, side, inside)]
    known = Known(side, context.in_flight[side.name], context.latest[side.name][-RECENT:],
                  Waits(context.state.sources, side.is_loop), context.now_ns)  # fmt: skip
    line = contention(known)
    if line is not None:
        found.append(_line(line, inside))
    return found + _elsewhere(side, inside, line.place if line is not None else None)


# --- event loops --------------------------------------------------------------------------------------------------


def _loops(context: LintContext, side: Side, inside: Sequence[Request]) -> Iterator[HeldUp]:
    for _, loop in living(side) if side.is_loop else ():
        held_ns = _held_ns(loop, context.now_ns)
        others = [
            one for one in inside if one.pid == loop.pid and one.id != loop.running and one.task not in OFF_LOOP
        ]
        stuck = [one for one in inside if one.pid == loop.pid and one.id != loop.running]
        if held_ns < LOOP_HELD_NS or not stuck:
            continue
        at = loop.held.where.words if loop.held is not None else None
        holder = wording.request_name(side, loop.running) if loop.running else "what is no request's step"
        words = (
            f"{wording.requests(len(stuck))} on the event loop of worker {loop.pid}: {holder} has held it for "
            f"{held_ns / 1e9:.1f} s{f' at {at}' if at else ''}, and nothing else runs there"
        )
        yield HeldUp("loop", len(others) or len(stuck), words, (loop.pid,), 1, held_at=at)


def _held_ns(loop: Loop, now_ns: int) -> int:
    if loop.running:
        return now_ns - loop.since_ns
    return loop.held.held_ns if loop.held is not None else 0


# --- the GIL ------------------------------------------------------------------------------------------------------


def _gil(side: Side, inside: Sequence[Request]) -> Iterator[HeldUp]:
    """By process: threads that wait for its lock, as they were last seen."""
    workers = side.server.living()
    waiting = Counter(one.pid for one in workers if one.activity is Activity.WAITING_FOR_GIL)
    waiting.update(one.pid for one in inside if one.task is Task.THREAD_FOR_GIL)
    for pid, count in waiting.items():
        computing = [one.req for one in workers if one.pid == pid and one.activity is Activity.COMPUTING and one.req]
        computing += [one.id for one in inside if one.pid == pid and one.task in (Task.THREAD_COMPUTES, Task.RUNNING)]
        at = _most(one.where for one in inside if one.id in computing)
        holds = f", which {wording.request_name(side, computing[0])} has" if len(computing) == 1 else ""
        where = f" at {at}" if at and holds else ""
        threads = "1 thread waits" if count == 1 else f"{count} threads wait"
        words = f"{threads} for the GIL of worker {pid}{holds}{where}"
        yield HeldUp("gil", count, words, (pid,), len(computing) or None, held_at=at)


# --- queues -------------------------------------------------------------------------------------------------------


def _threads(side: Side) -> Iterator[HeldUp]:
    """gthread: connections that a process has accepted, and that wait for one of its threads."""
    if side.is_loop:
        return
    for pid, depth in side.server.pools.items():
        slots = [worker for worker in side.server.living() if worker.pid == pid]
        if depth > 0 and slots:
            busy = [worker for worker in slots if worker.busy]
            where = Counter(worker.activity.value for worker in busy).most_common(1)
            do = f", {len(busy)} of them {'is' if len(busy) == 1 else 'are'} busy" if busy else ""
            most = f" (most {where[0][0]})" if where and len(busy) > 1 else f" ({where[0][0]})" if where else ""
            wait = "connection waits" if depth == 1 else "connections wait"
            threads = "its only thread" if len(slots) == 1 else f"one of its {len(slots)} threads"
            words = f"{depth} {wait} inside worker {pid} for {threads}{do}{most}"
            yield HeldUp("thread", depth, words, (pid,), len(busy))


def _pools(context: LintContext, side: Side, inside: Sequence[Request]) -> Iterator[HeldUp]:
    for use in pool_uses(side, inside) if side.server.thread_pools else ():
        if use.waiting:
            waits = f"{use.waiting} {'call waits' if use.waiting == 1 else 'calls wait'}"
            place = f", {'' if use.all_at else 'most '}at {use.at.words}" if use.at is not None else ""
            runs = f"{use.running} {'runs' if use.running == 1 else 'run'}{place}"
            words = f"{waits} for {threads_of(context, side, use)}: {runs}"
            at = use.at.words if use.at is not None else None
            yield HeldUp("pool", use.waiting, words, _pids(side, use), use.running, held_at=at)


def _pids(side: Side, use: PoolUse) -> tuple[int, ...]:
    pools = side.server.thread_pools.values()
    return tuple(
        sorted({pool.pid for pool in pools if pool.waiting and (pool.kind, pool.name) == (use.kind, use.name)})
    )


# --- lines --------------------------------------------------------------------------------------------------------


def _line(found: Contention, inside: Sequence[Request]) -> HeldUp:
    base = f"{wording.wait(found.waiting)} at {found.place.words}"
    at = found.at.words if found.at is not None else None
    if found.holders:
        hold = "1 other holds" if found.holders == 1 else f"{found.holders} others hold"
        where = f", {'' if found.all_at else 'most '}at {at}" if at else ""
        stuck = ", and wait themselves: nobody gets through" if found.stuck else ""
        words = f"{base} for what {hold}{where}{stuck}"
    elif found.moves:
        words = (
            f"{base}, and get through {found.through or 'one after the other'}{' at a time' * bool(found.through)}"
        )
    else:
        words = f"{base}; no request is past that line: it is held elsewhere, or was never given back"
    pids = tuple(sorted({one.pid for one in inside if one.where == found.place}))
    return HeldUp("line", found.waiting, words, pids, found.holders or None, found.place.words, at)


def _elsewhere(side: Side, inside: Sequence[Request], but: Location | None) -> list[HeldUp]:
    """Lines at which requests wait for something outside the interpreter: a database, a socket, a timer."""
    places: dict[Location, list[Request]] = {}
    for request in inside:
        if request.where is not None and request.where != but and _waits(side, request):
            places.setdefault(request.where, []).append(request)
    most = sorted(places.items(), key=lambda one: -len(one[1]))[:MOST_PLACES]
    return [_at_place(side, place, requests) for place, requests in most]


def _at_place(side: Side, place: Location, requests: Sequence[Request]) -> HeldUp:
    pids = tuple(sorted({request.pid for request in requests}))
    words = f"{wording.wait(len(requests))} at {place.words}"
    slots = () if side.is_loop else [side.server.workers.get((one.pid, one.slot)) for one in requests]
    threads = tuple(slot.thread_id for slot in slots if slot is not None and slot.thread_id)
    return HeldUp("elsewhere", len(requests), words, pids, place=place.words, threads=threads)


def _waits(side: Side, request: Request) -> bool:
    if side.is_loop:
        return request.task in (Task.AWAITING, Task.IN_THREAD)
    worker = side.server.workers.get((request.pid, request.slot))
    return worker is not None and worker.activity is Activity.BLOCKED


def _most(places: Iterator[Location | None]) -> str | None:
    found = Counter(place.words for place in places if place is not None).most_common(1)
    return found[0][0] if found else None
