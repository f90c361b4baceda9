"""The present of a ring: what is not over, the newest, and everything from then on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.rings import PLENTY, MemoryRing
from tests.unit.test_ring_hostile import records
from wsgiviz.events import Event
from wsgiviz.observe.decode import decode
from wsgiviz.recorder.codec import RECORD_BYTES, Kind
from wsgiviz.recorder.layout import HEADER_BYTES, ring_bytes, unpack_header
from wsgiviz.recorder.present import PresentReader
from wsgiviz.recorder.reader import Ended, Record

LARGE, SMALL = 128, 16
NEWEST = 4
SLOTS = 4


def present_of(ring: MemoryRing, newest: int = NEWEST) -> PresentReader:
    header = unpack_header(bytes(ring.memory))
    assert header is not None
    reader = PresentReader(ring.read, header)
    reader.newest = newest
    return reader


def at_hand(records: list[Record | Ended]) -> dict[int, list[str]]:
    """The lines of each request that has begun and not ended, by a reader's records."""
    found: dict[int, list[str]] = {}
    for record in records:
        if record.kind == Kind.REQUEST_BEGAN:
            found[record.req] = []
        elif record.kind == Kind.REQUEST_ENDED:
            found.pop(record.req, None)
        elif isinstance(record, Record) and record.kind == Kind.LINE_SEEN and record.req in found:
            found[record.req].append(record.text)
    return found


def reading(records: list[Record | Ended]) -> set[int]:
    """Slots that have a connection, and no request of it yet."""
    found: set[int] = set()
    for record in records:
        if record.kind == Kind.CONNECTION_ACCEPTED:
            found.add(record.slot)
        elif record.kind in (Kind.REQUEST_ENDED, Kind.REQUEST_BEGAN):
            found.discard(record.slot)
    return found


class Slots:
    """What the slots of a process write, as they do."""

    def __init__(self, ring: MemoryRing) -> None:
        self._emit = ring.emit
        self._has = [0] * SLOTS
        self._began = 0

    def turn(self, slot: int, does: str) -> None:
        req, emit = self._has[slot], self._emit
        if does == "accepts" and not req:
            emit.connection_accepted(slot, 0)
        elif does == "begins" and not req:
            self._began += 1
            self._has[slot] = self._began
            emit.request_began(slot, self._began, 0, 0, b"GET /")
        elif does == "line" and req:
            emit.line_seen(slot, req, 1, b"a.py:%d" % slot)
        elif does == "ends":
            emit.request_ended(slot, req, 0, 0, 0, 0, 0, 200, 1)
            self._has[slot] = 0


turns = st.lists(
    st.tuples(st.integers(0, SLOTS - 1), st.sampled_from(["accepts", "begins", "line", "ends"])), max_size=LARGE
)


@given(turns)
def test_what_is_not_over_is_all_there(turns: list[tuple[int, str]]) -> None:
    ring = MemoryRing(LARGE)
    slots = Slots(ring)
    for turn in turns:
        slots.turn(*turn)
    found = present_of(ring).poll(PLENTY)
    whole = ring.poll()
    assert at_hand(found) == at_hand(whole)
    assert reading(found) == reading(whole)
    assert found[-NEWEST:] == whole[-NEWEST:]
    assert [record for record in whole if record in found] == found


@pytest.mark.parametrize("laps", [0, 3])
def test_of_ten_thousand_requests_that_are_over_only_the_newest_are_given(laps: int) -> None:
    ring = MemoryRing(LARGE)
    ring.emit.worker_booting(3, 1, 1, b"sync")
    slots = Slots(ring)
    for _ in range(LARGE // 4 + laps * LARGE):
        slots.turn(1, "begins")
        slots.turn(1, "ends")
    slots.turn(2, "begins")
    slots.turn(2, "line")
    for _ in range(LARGE // 8):
        slots.turn(1, "begins")
        slots.turn(1, "ends")
    reader = present_of(ring)
    found = reader.poll(PLENTY)
    assert found[-NEWEST:] == ring.poll()[-NEWEST:]
    assert [record.kind for record in found[:-NEWEST]] in (
        [Kind.WORKER_BOOTING, Kind.REQUEST_BEGAN, Kind.LINE_SEEN],
        [Kind.REQUEST_BEGAN, Kind.LINE_SEEN, Kind.WORKER_BOOTING],
    )
    assert reader.lost == 0


def test_what_comes_then_is_read_whole() -> None:
    ring = MemoryRing(LARGE)
    ring.write(*range(1, 100))
    reader = present_of(ring)
    assert [record.req for record in reader.poll(PLENTY)] == [96, 97, 98, 99]
    ring.write(*range(100, 200))
    assert [record.req for record in reader.poll(PLENTY)] == list(range(100, 200))
    ring.write(*range(200, 200 + LARGE + 50))
    reader.poll(PLENTY)
    assert reader.lost == 50


def test_an_empty_ring_and_a_short_one() -> None:
    ring = MemoryRing(LARGE)
    reader = present_of(ring)
    assert reader.poll(PLENTY) == []
    ring.write(1, 2)
    assert [record.req for record in reader.poll(PLENTY)] == [1, 2]
    assert [record.req for record in present_of(ring, 256).poll(PLENTY)] == [1, 2]


@given(st.lists(records(), min_size=SMALL, max_size=SMALL), st.integers(1, 50), st.booleans())
def test_any_content_is_read(content: list[bytes], budget: int, last: bool) -> None:
    ring = MemoryRing(SMALL)
    ring.memory[HEADER_BYTES:] = b"".join(content)
    reader = present_of(ring)
    for _ in range(3):
        before = ring.bytes_read
        found = reader.poll(budget, last)
        events: list[Event] = decode(found, "wsgi", 7)
        assert len(events) == len(found)
        assert ring.bytes_read - before <= 60 * ring_bytes(SMALL)


def test_a_file_that_has_shrunk() -> None:
    ring = MemoryRing(LARGE)
    ring.write(*range(1, 100))
    reader = present_of(ring)
    del ring.memory[HEADER_BYTES + 20 * RECORD_BYTES + 7 :]
    assert all(record.req < 20 for record in reader.poll(PLENTY))
