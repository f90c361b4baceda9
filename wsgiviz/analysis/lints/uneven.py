"""A lint of servers with several event loops: one of them has taken most of the requests."""

from __future__ import annotations

from collections import Counter

from wsgiviz.analysis import loop_times, metrics
from wsgiviz.analysis.lints import wording
from wsgiviz.analysis.lints.context import SETTLED_NS, LintContext
from wsgiviz.analysis.lints.lint import Lint
from wsgiviz.analysis.loop_times import LoopTimes
from wsgiviz.state import Side

UNEVEN_FROM = 1.5
"""From so many times its share on, a loop has more than chance gives it."""

OCCUPIED = 0.5
"""A loop that is busy for less of the time has no need of another one's help."""


def _uneven(context: LintContext, side: Side) -> str | None:
    if not side.is_loop or metrics.elapsed_ns(side, context.now_ns) < SETTLED_NS:
        return None
    pids = {loop.pid for _, loop in loop_times.to_the_end(side)}
    loops = [times for times in loop_times.loop_times(side, context.now_ns) if times.pid in pids]
    whole = sum(times.requests for times in loops)
    if len(loops) < 2 or whole < 2 * len(loops):
        return None
    most, fewest = max(loops, key=lambda one: one.requests), min(loops, key=lambda one: one.requests)
    busy, idle = most.busy_fraction or 0.0, fewest.busy_fraction or 0.0
    if most.requests * len(loops) < UNEVEN_FROM * whole or busy < max(OCCUPIED, 2 * idle):
        return None
    return _was_uneven(context, side, most, fewest) if side.run.ended_ns else _is_uneven(context, side, most, fewest)


def _is_uneven(context: LintContext, side: Side, most: LoopTimes, fewest: LoopTimes) -> str | None:
    """While requests wait for the loop that has most, and the other has none."""
    held = Counter(request.pid for request in context.in_flight[side.name] if not request.ended_ns)
    if held[most.pid] < 2 or held[fewest.pid]:
        return None
    return (
        f"Worker {most.number}{context.of_side(side)} has {wording.requests(held[most.pid])} on its event loop, "
        f"worker {fewest.number} none: a connection stays with the loop that has accepted it."
    )


def _was_uneven(context: LintContext, side: Side, most: LoopTimes, fewest: LoopTimes) -> str:
    whole = sum(loop_times.requests_taken(side).values())
    share = f"all {whole} requests" if most.requests == whole else f"{most.requests} of {wording.requests(whole)}"
    other = f"worker {fewest.number} {fewest.requests or 'none'}"
    return (
        f"Worker {most.number}{context.of_side(side)} took {share}, {other}: "
        f"its event loop was busy {_percent(most)} of the time, the other {_percent(fewest)}, "
        "and a connection stays with the loop that has accepted it."
    )


def _percent(times: LoopTimes) -> str:
    return f"{(times.busy_fraction or 0.0) * 100:.0f} %"


UNEVEN_LOOPS = Lint(
    "uneven-loops",
    _uneven,
    "Each event loop accepts for itself: the one that wakes first takes all connections that wait at that time, "
    "and keeps them until they end, even if another loop has nothing to do. Where requests compute or block, one "
    "process works while others idle. Put a proxy in front that gives each worker as many (least connections), let "
    "the kernel spread them (SO_REUSEPORT), or keep what computes out of the loop.",
    "asyncio docs, Event Loop: backlog; gunicorn settings: reuse_port; socket(7): SO_REUSEPORT",
)
