"""How many events a second the reducer takes, whatever the size of a batch, and whether its State stays as large."""

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
from wsgiviz.state import LEDGER_KEPT, State, reduce

EVENTS_PER_S = 300_000
BATCHES = (16, 64, 1024)
"""A poll at 30 a second gives some dozens of events in a calm run, and a thousand in a busy one."""

MEASURED = 100_000
EVENTS_PER_PAIR = 25
"""Of a request to each side; more than there are, so that ledgers are surely full after so many for each request."""

HOUR = 2_000_000
"""Events of an hour at 550 a second."""

FLAT_MB = 2.0


def figures() -> Iterator[Figure]:
    warm = _full_state()
    for size in BATCHES:
        yield _speed(warm, size)
    yield from _memory()


def _full_state() -> State:
    """As late in a run as it gets, with the ledgers full."""
    events = islice(stream.requests(), (LEDGER_KEPT + 1000) * EVENTS_PER_PAIR)
    return _reduced(reduce(State(), stream.opening(10**6)), events, 4096)


def _reduced(state: State, events: Iterable[Event], size: int) -> State:
    for batch in batched(events, size):
        state = reduce(state, batch)
    return state


def batched(events: Iterable[Event], size: int) -> Iterator[list[Event]]:
    rest = iter(events)
    while batch := list(islice(rest, size)):
        yield batch


def _speed(warm: State, size: int) -> Figure:
    """The best of some runs: what the reducer itself takes, without what the machine does beside it."""
    first = LEDGER_KEPT + 10_000
    batches = list(batched(islice(stream.requests(first), MEASURED), size))
    rates = []
    for _ in range(5):
        began = time.perf_counter()
        state = warm
        for batch in batches:
            state = reduce(state, batch)
        rates.append(MEASURED / (time.perf_counter() - began))
    kept = min(len(side.ledger) for side in warm.sides.values())
    note = f"best of {len(rates)}, slowest {min(rates):,.0f}; ledgers of {kept:,} requests a side"
    name = f"reducer, batches of {size}"
    return Figure(name, max(rates), "events/s", f"≥ {EVENTS_PER_S:,}", max(rates) >= EVENTS_PER_S, note)


def _memory() -> Iterator[Figure]:
    """Growth between a run whose full ledgers have been replaced once and the same run an hour later.

    Before that the heap still takes its shape: as many objects, but in places that others have left.
    """
    events, full = stream.requests(), LEDGER_KEPT * EVENTS_PER_PAIR
    state = _reduced(reduce(State(), stream.opening(10**6)), islice(events, full), 1024)
    first, _ = _held()
    state = _reduced(state, islice(events, full), 1024)
    rss, blocks = _held()
    state = _reduced(state, islice(events, HOUR), 1024)
    rss_after, blocks_after = _held()
    grown = (rss_after - rss) / 1e6
    assert state.sides["wsgi"].run.completed > LEDGER_KEPT
    note = f"{blocks_after - blocks:+,} objects of {blocks:,} over {HOUR:,} events; "
    note += f"{(rss - first) / 1e6:+.0f} MB before, from ledgers just full to all of it replaced"
    yield Figure("reducer, growth in a simulated hour", grown, "MB", f"≤ {FLAT_MB:g} MB", grown <= FLAT_MB, note)


def _held() -> tuple[int, int]:
    """Resident bytes, and blocks that Python has allocated."""
    gc.collect()
    return psutil.Process().memory_info().rss, sys.getallocatedblocks()
