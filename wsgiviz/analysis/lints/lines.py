"""A lint of what requests wait for in line, inside the app: a pool, a lock, a semaphore, a queue."""

from __future__ import annotations

from wsgiviz.analysis.contention import Contention, Known, contention, past_contention
from wsgiviz.analysis.lints import wording
from wsgiviz.analysis.lints.context import LintContext
from wsgiviz.analysis.lints.lint import Lint
from wsgiviz.analysis.remembered import Remembered
from wsgiviz.analysis.waits import Waits
from wsgiviz.state import Location, Side

RECENT = 200
"""While a run is on, so many of the requests that are over show how a line moves."""

THREAD_CALLS = frozenset({"run_sync", "to_thread", "run_in_executor", "run_in_threadpool", "sync_to_async"})
"""What waits in one of these waits for a thread, which has a lint of its own."""


PAST: Remembered[Contention | None] = Remembered()


def _waiting_in_line(context: LintContext, side: Side) -> str | None:
    waits = Waits(context.state.sources, side.is_loop)
    in_flight, latest = context.in_flight[side.name], context.latest[side.name]
    if side.run.ended_ns:
        past = _past(context, side, waits)
        return _waited(context, side, past) if past is not None and not _for_thread(past.place) else None
    found = contention(Known(side, in_flight, latest[-RECENT:], waits, context.now_ns))
    return _wait(context, side, found) if found is not None and not _for_thread(found.place) else None


def _past(context: LintContext, side: Side, waits: Waits) -> Contention | None:
    """Once nothing is in flight any more, it is the same from now on."""
    known = Known(side, context.in_flight[side.name], context.latest[side.name], waits, context.now_ns)
    if known.in_flight:
        return past_contention(known)
    return PAST.of((side.ledger, context.state.sources, side.is_loop), lambda: past_contention(known))


def _for_thread(place: Location) -> bool:
    return place.call.rpartition(".")[2] in THREAD_CALLS


def _wait(context: LintContext, side: Side, found: Contention) -> str:
    who = f"{found.waiting} of {wording.requests(found.of)}{context.of_side(side)}"
    if found.waiting == found.of:
        who = f"All {wording.requests(found.of)}{context.of_side(side)} in the app"
    where = f"{_in_threads(found)} at {found.place.words}"
    base = f"{who} {'waits' if found.waiting == 1 else 'wait'}{where}"
    if found.holders:
        return f"{base} for what {_holders(found)}{_progress(found)}."
    if found.moves:
        return f"{base}, and get through {_at_a_time(found) or 'one after the other'}."
    return (
        f"{base}, and no request in the app is past that line: what they wait for is held elsewhere, "
        "or was never given back."
    )


def _in_threads(found: Contention) -> str:
    if not found.in_threads:
        return ""
    return " in a thread" if found.waiting == 1 else " in threads"


def _holders(found: Contention) -> str:
    """ "5 others hold, at dbpool.py:11 time.sleep"."""
    count = found.holders
    hold = "1 other holds" if count == 1 else f"{count} others hold"
    if found.at is None:
        return hold
    where = "further on in that line" if found.at == found.place else f"at {found.at.words}"
    return f"{hold}, {'' if found.all_at else 'most '}{where}"


def _progress(found: Contention) -> str:
    if found.stuck:
        they = "which waits itself" if found.holders == 1 else "who wait themselves"
        return f", {they}{' for a thread' if found.for_thread else ''}: nobody gets through"
    if not found.through:
        return ""
    return f": {'one gets' if found.through == 1 else f'{found.through} get'} through at a time"


def _at_a_time(found: Contention) -> str:
    if not found.through:
        return ""
    return "one at a time" if found.through == 1 else f"{found.through} at a time"


def _waited(context: LintContext, side: Side, past: Contention) -> str:
    through = f"and got through {_at_a_time(past)}" if past.through else "for what others held"
    if past.stood_ns and past.at is not None:
        held = f"those who held it waited themselves{' for a thread' if past.for_thread else ''} at {past.at.words}"
        through = f"and nobody got through for {wording.length(past.stood_ns)}: {held}"
    return (
        f"Up to {wording.requests(past.waiting)}{context.of_side(side)} at once waited{_in_threads(past)} at "
        f"{past.place.words}, {through}."
    )


WAITING_IN_LINE = Lint(
    "waiting-in-line",
    _waiting_in_line,
    "Something inside the app can be had by only so many requests at a time: the connections of a pool, a lock, a "
    "semaphore, a logging handler. All others wait for it there, where more workers or threads, or an event loop, "
    "only change where they wait. Hold it as briefly as possible, and call nothing slow meanwhile; make a pool "
    "larger if what is behind it can take more; give every acquisition a timeout.",
    "asyncio docs, Synchronization Primitives; SQLAlchemy docs, Connection Pooling",
)
