"""How many events a second the reducer folds, and whether its picture stays as large as it is."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice

import psutil

from tests.bench import stream
from tests.bench.figure import Figure
from wsgiviz.events import Event
from wsgiviz.model.reducer import reduce
from wsgiviz.model.state import LEDGER_KEPT, Picture

EVENTS_PER_S = 200_000
BATCHES = (64, 1024)
"""A poll at 30 a second gives some dozens of events in a calm run, and a thousand in a busy one."""

MEASURED = 100_000
HOUR = 2_000_000
"""Events of an hour at 550 a second."""

FLAT_MB = 2.0


def figures() -> Iterator[Figure]:
    warm = _full_picture()
    for size in BATCHES:
        yield _speed(warm, size)
    yield from _memory()


def _full_picture() -> Picture:
    """As late in a run as it gets: with the ledgers full, and so with all that is copied for each batch."""
    return _fold(reduce(Picture(), stream.opening(10**6)), islice(stream.requests(), LEDGER_KEPT * 40), 4096)


def _fold(picture: Picture, events: Iterable[Event], size: int) -> Picture:
    for batch in batched(events, size):
        picture = reduce(picture, batch)
    return picture


def batched(events: Iterable[Event], size: int) -> Iterator[list[Event]]:
    rest = iter(events)
    while batch := list(islice(rest, size)):
        yield batch


def _speed(warm: Picture, size: int) -> Figure:
    """The best of some runs: what the reducer itself takes, without what the machine does beside it."""
    batches = list(batched(islice(stream.requests(10**5), MEASURED), size))
    rates = []
    for _ in range(5):
        began = time.perf_counter()
        picture = warm
        for batch in batches:
            picture = reduce(picture, batch)
        rates.append(MEASURED / (time.perf_counter() - began))
    note = f"best of {len(rates)}, slowest {min(rates):,.0f}; ledgers full ({LEDGER_KEPT:,} requests a side)"
    name = f"reducer, batches of {size}"
    return Figure(name, max(rates), "events/s", f"≥ {EVENTS_PER_S:,}", max(rates) >= EVENTS_PER_S, note)


def _memory() -> Iterator[Figure]:
    """Growth between a run whose full ledgers have been replaced once and the same run an hour later.

    Before that the heap still takes its shape: as many objects, but in places that others have left.
    """
    events = stream.requests()
    picture = _fold(reduce(Picture(), stream.opening(10**6)), islice(events, LEDGER_KEPT * 40), 1024)
    full, _ = _held()
    picture = _fold(picture, islice(events, LEDGER_KEPT * 40), 1024)
    rss, blocks = _held()
    picture = _fold(picture, islice(events, HOUR), 1024)
    rss_after, blocks_after = _held()
    grown = (rss_after - rss) / 1e6
    assert picture.wsgi.completed > LEDGER_KEPT
    note = f"{blocks_after - blocks:+,} objects of {blocks:,} over {HOUR:,} events; "
    note += f"{(rss - full) / 1e6:+.0f} MB before, from ledgers just full to all of it replaced"
    yield Figure("reducer, growth in a simulated hour", grown, "MB", f"≤ {FLAT_MB:g} MB", grown <= FLAT_MB, note)


def _held() -> tuple[int, int]:
    """Resident bytes, and blocks that Python has allocated."""
    gc.collect()
    return psutil.Process().memory_info().rss, sys.getallocatedblocks()
