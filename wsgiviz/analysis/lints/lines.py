"""A lint of what requests wait for in line, inside the app: a pool, a lock, a semaphore, a queue."""

from __future__ import annotations

from wsgiviz.analysis.contention import Contention, Known, contention, past_contention
from wsgiviz.analysis.lints import wording
from wsgiviz.analysis.lints.context import LintContext
from wsgiviz.analysis.lints.lint import Lint
from wsgiviz.state import Location, Side

LONGEST_TEXT = 40
"""A longer `with` is shown by its function, like any other line."""

THREAD_CALLS = frozenset({"run_sync", "to_thread", "run_in_executor", "run_in_threadpool", "sync_to_async"})
"""What waits in one of these waits for a thread, which has a lint of its own."""


def _waiting_in_line(context: LintContext, side: Side) -> str | None:
    known = Known(
        side, context.in_flight[side.name], context.latest[side.name], context.state.sources, context.now_ns
    )
    if side.run.ended_ns:
        past = past_contention(known)
        return _waited(context, side, past) if past is not None and not _for_thread(past.place) else None
    found = contention(known)
    return _wait(context, side, found) if found is not None and not _for_thread(found.place) else None


def _for_thread(place: Location) -> bool:
    return place.call.rpartition(".")[2] in THREAD_CALLS


def _wait(context: LintContext, side: Side, found: Contention) -> str:
    base = (
        f"{found.waiting} of {wording.requests(found.of)}{context.of_side(side)} "
        f"{'waits' if found.waiting == 1 else 'wait'} at {_words(found.place, found.text)}"
    )
    if found.holders:
        return f"{base} for what {_holders(found)}{_progress(found)}."
    if found.moves:
        return f"{base}, and get through {_at_a_time(found) or 'one after the other'}."
    return (
        f"{base}, and no request in the app is past that line: what they wait for is held elsewhere, "
        "or was never given back."
    )


def _holders(found: Contention) -> str:
    """ "5 others hold, at dbpool.py:11 time.sleep"."""
    count = len(found.holders)
    hold = "1 other holds" if count == 1 else f"{count} others hold"
    if found.at is None:
        return hold
    return f"{hold}, {'' if _all_there(found) else 'most '}at {found.at.words}"


def _all_there(found: Contention) -> bool:
    return all(request.where in (None, found.at) for request in found.holders)


def _progress(found: Contention) -> str:
    if found.stuck:
        thing = " for a thread" if found.at is not None and _for_thread(found.at) else ""
        they = "which waits itself" if len(found.holders) == 1 else "who wait themselves"
        return f", {they}{thing}: nobody gets through"
    at_a_time = _at_a_time(found)
    return f": {at_a_time} {'gets' if found.through == 1 else 'get'} through" if at_a_time else ""


def _at_a_time(found: Contention) -> str:
    if not found.through:
        return ""
    return "one at a time" if found.through == 1 else f"{found.through} at a time"


def _waited(context: LintContext, side: Side, past: Contention) -> str:
    through = f"and got through {_at_a_time(past)}" if past.through else "for what others held"
    return (
        f"Up to {wording.requests(past.waiting)}{context.of_side(side)} at once waited at "
        f"{_words(past.place, past.text)}, {through}."
    )


def _words(place: Location, text: str) -> str:
    """ "dbpool.py:9 pool.get", or "asynclock.py:9 async with lock" where there is no call."""
    statement = text.partition(" as ")[0].rstrip(":")
    if not statement or len(statement) > LONGEST_TEXT:
        return place.words
    return f"{place.file.rpartition('/')[2]}:{place.line} {statement}"


WAITING_IN_LINE = Lint(
    "waiting-in-line",
    _waiting_in_line,
    "Something inside the app can be had by only so many requests at a time: the connections of a pool, a lock, a "
    "semaphore, a logging handler. All others wait for it there, where more workers or threads, or an event loop, "
    "only change where they wait. Hold it as briefly as possible, and call nothing slow meanwhile; make a pool "
    "larger if what is behind it can take more; give every acquisition a timeout.",
    "asyncio docs, Synchronization Primitives; SQLAlchemy docs, Connection Pooling",
)
