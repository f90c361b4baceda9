"""What a request waits in, by the line that it is at: a lock, a signal that may be anything's, a timer. Pure.

The innermost Python frame says most: a pool of connections, whichever library's, ends up in one of the standard
library's primitives. A lock that is written in C has no frame of its own; then the call, or the source line, says it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from wsgiviz.state import Location, Stay, Task


class Wait(Enum):
    """Acquiring: of a lock, a semaphore, a pool. Signal: a condition, an event or a queue, with which pools are made,
    and much else: a task's result, a message, data from the network. Thread: for one to be free, which is a line in
    front of a pool that is known by itself."""

    ACQUIRING = "acquiring"
    SIGNAL = "signal"
    TIMER = "timer"
    THREAD = "thread"
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

WRAPPERS = frozenset({"wait_for", "shield"})
"""What waits for another call, which stands in the same line."""

CALLED = re.compile(r"(\w+)\(")

WITH = "with ", "async with "

SLEEPS = frozenset({"sleep", "sleep_until", "sleep_forever", "__sleep0"})


def wait_of(where: Location, within: Location | None, text: str = "") -> Wait:
    """What a request waits in that is at ``where`` and, innermost, ``within``; ``text`` is the line of source."""
    called = _entered(where.call).rpartition(".")[2]
    if called in WRAPPERS:
        return _wrapped(text)
    if called in SLEEPS or (within is not None and within.function in SLEEPS):
        return Wait.TIMER
    acquires = called in CALLS or enters(where, text)
    if within is not None:
        return _wait_within(acquires, within)
    if acquires:
        return Wait.ACQUIRING
    return Wait.SIGNAL if called in POOLS or not where.call or where.call.startswith(WITH) else Wait.OTHER


def _wrapped(text: str) -> Wait:
    """The wait that stands inside another call, in the same line of source."""
    called = CALLED.findall(text)
    if CALLS.intersection(called):
        return Wait.ACQUIRING
    return Wait.SIGNAL if POOLS.intersection(called) else Wait.OTHER


def _wait_within(acquires: bool, within: Location) -> Wait:
    primitive = next((file for file in PRIMITIVES if within.file.endswith(file)), "")
    if not primitive:
        return Wait.OTHER
    if primitive.startswith("logging/"):
        entered = within.function in ACQUIRES or within.call.startswith(WITH)  # the latter from Python 3.13 on
        return Wait.ACQUIRING if entered else Wait.OTHER
    if acquires or within.function in ACQUIRES:
        return Wait.ACQUIRING
    return Wait.SIGNAL


def enters(where: Location, text: str) -> bool:
    """It waits in the `with` of that line itself, and in nothing that is called in it."""
    statement = text.partition("#")[0].strip()
    if not statement.startswith(WITH):
        return False
    entered = _entered(where.call)
    return not entered or re.search(rf"{re.escape(entered)}\w*\(", statement) is None  # its end may be cut off


def _entered(call: str) -> str:
    """ "lock" of "async with lock", and the call itself where it is none of a `with`."""
    return call.partition("with ")[2] if call.startswith(WITH) else call


def source_line(where: Location, sources: Mapping[str, str]) -> str:
    """That line of the app, where its text is known; else ""."""
    text = next((text for path, text in sources.items() if path.endswith(where.file)), "")
    return _nth_line(text, where.line)


@lru_cache(maxsize=1024)
def _nth_line(text: str, number: int) -> str:
    lines = text.split("\n", number)
    return lines[number - 1] if 0 < number <= len(lines) else ""


class Spot(NamedTuple):
    """A line of the app, and whether its requests wait in an acquisition there: others may be further on in it.

    ``inside`` tells apart what the same line waits for: a library may wait for a connection there, and later for an
    answer. It is the library's function that waits, where that is seen and no acquisition is.
    """

    file: str
    line: int
    function: str
    waits: bool
    inside: str = ""


class Waits:
    """What stays are waits in, with ``sources`` of the apps, each place judged once; ``of_loop``: on a loop."""

    def __init__(self, sources: Mapping[str, str], of_loop: bool) -> None:
        self.of_loop = of_loop
        self._sources = sources
        self._known: dict[tuple[Location, Location | None], Wait] = {}
        self._spots: dict[tuple[Location, Location | None, Task | None], Spot] = {}

    def of(self, stay: Stay) -> Wait:
        """What a request waits in that is there, if it waits."""
        if stay.task is Task.FOR_THREAD:
            return Wait.THREAD
        place = stay.where, stay.within
        found = self._known.get(place)
        if found is None:
            found = self._known[place] = wait_of(*place, source_line(stay.where, self._sources))
        return found

    def spot(self, stay: Stay) -> Spot:
        """Where that stay is."""
        place = stay.where, stay.within, stay.task
        found = self._spots.get(place)
        if found is None:
            found = self._spots[place] = self._spot(stay)
        return found

    def _spot(self, stay: Stay) -> Spot:
        where, within, wait = stay.where, stay.within, self.of(stay)
        inside = ""
        if within is not None and wait is not Wait.ACQUIRING:
            # Threads are sampled, and seen in whatever they call while they wait: only the user of a primitive lasts.
            exact = self.of_loop and stay.task is None
            inside = within.user or (within.function if exact and wait is Wait.OTHER else "")
        return Spot(where.file, where.line, where.function, wait in (Wait.ACQUIRING, Wait.SIGNAL), inside)
