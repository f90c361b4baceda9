"""How each event loop of a side spent its run: how late it was, its longest step, how much of the time it was busy.

What a loop has not finished counts with its length so far: one that is held to the end has no heartbeat, and ends no
step. Pure; the loop of a worker that died counts until then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from wsgiviz.state import Location, Loop, Request, Side, Worker


class LongestStep(Struct, frozen=True):
    """The longest step of a loop in this run. ``req`` is 0 when it was no request's; ``on``: it has not ended."""

    length_ns: int = 0
    req: int = 0
    where: Location | None = None
    on: bool = False


class LoopTimes(Struct, frozen=True):
    """One loop's run. ``number`` is its worker's; ``requests``: that it has taken, ended or not; ``gil_wait_s``: how
    long it waited for the GIL, by samples."""

    pid: int
    number: int
    requests: int
    max_lag_s: float
    longest_step_s: float
    busy_fraction: float | None
    gil_wait_s: float | None = None


def loops(side: Side) -> list[tuple[Worker | None, Loop]]:
    """All loops of this run, those of dead workers included, with their workers; in the order of their numbers."""
    server = side.server
    found = [*server.dead_loops.items(), *server.loops.items()]
    pairs = [(server.workers.get((pid, 0)), loop) for pid, loop in found]
    return sorted(pairs, key=lambda pair: (pair[0].number if pair[0] is not None else 0, pair[1].pid))


def living(side: Side) -> list[tuple[Worker | None, Loop]]:
    """The loops of workers that live."""
    return [(worker, loop) for worker, loop in loops(side) if loop.pid in side.server.loops and not is_gone(worker)]


def to_the_end(side: Side) -> list[tuple[Worker | None, Loop]]:
    """The loops that live; after the run, those that have lived to its end."""
    ended_ns = side.run.ended_ns
    if not ended_ns:
        return living(side)
    return [pair for pair in loops(side) if not is_gone(pair[0]) or until_ns(*pair, ended_ns) == ended_ns]


def loop_times(side: Side, now_ns: int) -> list[LoopTimes]:
    """Of each loop."""
    taken = requests_taken(side)
    return [_times(side, worker, loop, taken[loop.pid], now_ns) for worker, loop in loops(side)]


def _times(side: Side, worker: Worker | None, loop: Loop, requests: int, now_ns: int) -> LoopTimes:
    end_ns = until_ns(worker, loop, now_ns)
    return LoopTimes(
        pid=loop.pid,
        number=worker.number if worker is not None else 0,
        requests=requests,
        max_lag_s=max_lag_ns(loop, end_ns) / 1e9,
        longest_step_s=longest_step(loop, end_ns).length_ns / 1e9,
        busy_fraction=busy_fraction(side, loop, end_ns),
        gil_wait_s=worker.tally.gil_sampled_ns / 1e9 if worker is not None and worker.sample.t_ns else None,
    )


def requests_taken(side: Side) -> Counter[int]:
    """By pid: how many requests of this run its worker has taken, and accepted without beginning yet."""
    taken = Counter({worker.pid: worker.tally.requests for worker in side.server.workers.values()})
    taken.update(request.pid for request in _held(side.ledger.in_flight()))
    return taken


def _held(requests: list[Request]) -> Iterator[Request]:
    """Those that a worker has, and is not through with."""
    return (request for request in requests if request.pid and not request.ended_ns)


GONE = frozenset("ZX")
"""State letters of a thread that has ended (proc(5))."""


def is_gone(worker: Worker | None) -> bool:
    """It is dead, or the kernel says so, and its master has not found out yet."""
    return worker is not None and (not worker.alive or worker.sample.letter in GONE)


def until_ns(worker: Worker | None, loop: Loop, now_ns: int) -> int:
    """Until when a loop's times count: now, or the last time that its worker was seen alive."""
    if worker is None or not is_gone(worker):
        return now_ns
    sampled_ns = 0 if worker.sample.letter in GONE else worker.sample.t_ns
    return min(now_ns, max(sampled_ns, loop.since_ns, loop.beat_ns))


def max_lag_ns(loop: Loop, now_ns: int) -> int:
    """How late its heartbeat was at most, or is by now where a step is on."""
    late_ns = now_ns - loop.beat_ns - loop.every_ns if loop.beat_ns and loop.running else 0
    return max(loop.tally.max_lag_ns, late_ns)


def longest_step(loop: Loop, now_ns: int) -> LongestStep:
    """The longest step: one that has ended, one that was seen to hold the loop, or the one that is on."""
    tally, hold = loop.tally, loop.tally.longest_hold
    longest = LongestStep(tally.longest_step_ns, tally.longest_step_req)
    if hold is not None and hold.held_ns > longest.length_ns:
        longest = LongestStep(hold.held_ns, hold.req, on=loop.held is not None and loop.held.req == hold.req)
    if loop.running and now_ns - loop.since_ns > longest.length_ns:
        longest = LongestStep(now_ns - loop.since_ns, loop.running, on=True)
    return LongestStep(longest.length_ns, longest.req, _where(loop, longest), longest.on)


def _where(loop: Loop, step: LongestStep) -> Location | None:
    """Where it was seen: that of the longest hold, unless that was of another request."""
    for hold in (loop.held, loop.tally.longest_hold):
        if hold is not None and hold.req == step.req:
            return hold.mostly or hold.where
    longest = loop.tally.longest_hold
    return (longest.mostly or longest.where) if longest is not None else None


def busy_ns(loop: Loop, now_ns: int) -> int | None:
    """For how long it was not in its selector: by its own clock round that until the newest heartbeat, and since then
    by the steps of requests. Where there is no such clock (uvloop, gevent's hub), by steps alone, which leaves out
    the server's own work; None before there was a step."""
    tally = loop.tally
    has_clock = loop.selector_ns >= 0 and tally.first_selector_ns >= 0 and loop.beat_ns > tally.first_beat_ns
    if has_clock:
        until_beat = loop.beat_ns - tally.first_beat_ns - (loop.selector_ns - tally.first_selector_ns)
        known_ns, since_ns = max(0, until_beat) + loop.steps_ns - loop.beat_steps_ns, loop.beat_ns
    else:
        known_ns, since_ns = loop.steps_ns - tally.first_steps_ns, tally.first_beat_ns
    if loop.running:
        return known_ns + max(0, now_ns - max(loop.since_ns, since_ns))
    if loop.held is not None:
        return known_ns + loop.held.held_ns
    return known_ns if has_clock or known_ns else None


OCCUPIED = 0.5
"""A loop that is busy for this share of the run keeps what it has accepted waiting, rather than their clients do."""


def occupied(side: Side, now_ns: int) -> frozenset[int]:
    """The processes whose loops are. Of others, a request that is accepted and not begun is still being read."""
    loops = side.server.loops.values()
    return frozenset(loop.pid for loop in loops if (busy_fraction(side, loop, now_ns) or 0.0) >= OCCUPIED)


def busy_fraction(side: Side, loop: Loop, now_ns: int) -> float | None:
    """Share of the run that it was busy; None where nobody knows."""
    run = side.run
    begin_ns = max(run.started_ns, loop.tally.first_beat_ns)  # a worker may come during the run
    end_ns = min(run.last_finished_ns or now_ns, now_ns) if run.ended_ns else now_ns
    busy = busy_ns(loop, end_ns)
    if busy is None or not run.started_ns or end_ns <= begin_ns:
        return None
    return min(1.0, max(0.0, busy / (end_ns - begin_ns)))
