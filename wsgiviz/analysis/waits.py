"""What a request waits in, by the line that it is at: a lock, a signal that may be anything's, a timer. Pure.

The innermost Python frame says most: a pool of connections, whichever library's, ends up in one of the standard
library's primitives. A lock that is written in C has no frame of its own; then the call, or the source line, says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache

from wsgiviz.state import Location, Stay


class Wait(Enum):
    """Acquiring: of a lock, a semaphore, a pool. Signal: a condition, an event or a queue, with which pools are made,
    and much else: a task's result, a message, data from the network."""

    ACQUIRING = "acquiring"
    SIGNAL = "signal"
    TIMER = "timer"
    OTHER = "other"


PRIMITIVES = (
    "asyncio/locks.py",
    "asyncio/queues.py",
    "threading.py",
    "queue.py",
    "logging/__init__.py",
    "multiprocessing/synchronize.py",
    "multiprocessing/queues.py",
    "gevent/lock.py",
    "gevent/queue.py",
    "gevent/thread.py",
    "gevent/event.py",
    "anyio/_core/_synchronization.py",
)
"""Files whose functions wait until somebody else does something. Of logging's, only those that have to do with its
locks (`ACQUIRES`): a handler that writes is no wait for another request."""

ACQUIRES = frozenset({"acquire", "__enter__", "__aenter__", "_acquire_restore", "acquire_on_behalf_of"})
"""Functions in them that give their caller something which it has to give back."""

CALLS = frozenset({"acquire", "lock", "flock", "lockf", "getconn", "checkout"})
"""What such a function is called in an app's own line."""

POOLS = frozenset({"get", "get_connection", "connection", "connect"})
"""What a pool's may be called, and much else."""

SLEEPS = frozenset({"sleep", "sleep_until", "sleep_forever", "__sleep0"})


@lru_cache(maxsize=4096)
def wait_of(where: Location, within: Location | None, text: str = "") -> Wait:
    """What a request waits in that is at ``where`` and, innermost, ``within``; ``text`` is the line of source."""
    called = where.call.rpartition(".")[2]
    if called in SLEEPS or (within is not None and within.function in SLEEPS):
        return Wait.TIMER
    acquires = called in CALLS or enters(where, text)
    if within is not None:
        return _wait_within(acquires, within)
    if acquires:
        return Wait.ACQUIRING
    return Wait.SIGNAL if called in POOLS or not where.call else Wait.OTHER


def _wait_within(acquires: bool, within: Location) -> Wait:
    primitive = next((file for file in PRIMITIVES if within.file.endswith(file)), "")
    if not primitive:
        return Wait.OTHER
    if primitive.startswith("logging/"):
        return Wait.ACQUIRING if within.function in ACQUIRES else Wait.OTHER
    if acquires or within.function in ACQUIRES:
        return Wait.ACQUIRING
    return Wait.SIGNAL


def enters(where: Location, text: str) -> bool:
    """It waits in the `with` of that line itself, and in nothing that is called in it."""
    statement = text.strip()
    if not statement.startswith(("with ", "async with ")):
        return False
    return not where.call or f"{where.call}(" not in statement


def source_line(where: Location, sources: Mapping[str, str]) -> str:
    """That line of the app, where its text is known; else ""."""
    text = next((text for path, text in sources.items() if path.endswith(where.file)), "")
    return _nth_line(text, where.line)


@lru_cache(maxsize=1024)
def _nth_line(text: str, number: int) -> str:
    lines = text.split("\n", number)
    return lines[number - 1] if 0 < number <= len(lines) else ""


def wait_in(stay: Stay, sources: Mapping[str, str]) -> Wait:
    """What it waits in while it stays there."""
    return wait_of(stay.where, stay.within, source_line(stay.where, sources))
