"""A ring belongs to another process, and may hold anything: reading it neither fails nor takes long."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.rings import CAPACITY, PLENTY, MemoryRing
from wsgiviz.events import Event
from wsgiviz.observe.decode import decode
from wsgiviz.recorder.codec import RECORD_BYTES
from wsgiviz.recorder.emitter import create_emitter
from wsgiviz.recorder.layout import (
    HEADER,
    HEADER_BYTES,
    LARGEST_CAPACITY,
    MAGIC,
    pack_header,
    ring_bytes,
    unpack_header,
)
from wsgiviz.recorder.reader import LOST_LIMIT, RingReader

sequences = st.one_of(st.integers(0, 40), st.integers(0, 2**64 - 1), st.just(2**64 - 1))


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """A record whose ends agree more often than chance would have it."""
    sequence = draw(sequences)
    raw = bytearray(draw(st.binary(min_size=RECORD_BYTES, max_size=RECORD_BYTES)))
    struct.pack_into("<Q", raw, 0, sequence)
    struct.pack_into("<H", raw, 16, draw(st.integers(0, 60)))
    struct.pack_into("<I", raw, 20, draw(st.sampled_from([0, 1, 44, 76, 77, 2**32 - 1])))
    struct.pack_into("<I", raw, draw(st.sampled_from([48, 76, 124])), sequence & 0xFFFFFFFF)
    return bytes(raw)


@given(st.lists(records(), min_size=CAPACITY + 9, max_size=CAPACITY + 9), st.integers(1, 50), st.booleans())
def test_any_content_is_read_or_counted(content: list[bytes], budget: int, last: bool) -> None:
    ring = MemoryRing()
    ring.memory[RECORD_BYTES : 10 * RECORD_BYTES] = b"".join(content[:9])
    ring.memory[HEADER_BYTES:] = b"".join(content[9:])
    for _ in range(4):
        before = ring.bytes_read
        found = ring.reader.poll(budget, last)
        assert len(found) <= budget + 9
        events: list[Event] = decode(found, "wsgi", 7)
        assert len(events) == len(found)
        assert ring.reader.lost <= LOST_LIMIT
        assert ring.bytes_read - before <= 60 * ring_bytes(CAPACITY)


@pytest.mark.parametrize("capacity", [64, 1024])
def test_jumps_of_sequence_cost_no_more_than_a_walk_over_the_ring(capacity: int) -> None:
    """Each record claims a sequence far beyond the one before it."""
    ring = MemoryRing(capacity)
    for at in range(capacity):
        sequence = (at * 10**12 // capacity) * capacity + at
        struct.pack_into("<Q", ring.memory, HEADER_BYTES + at * RECORD_BYTES, sequence)
    ring.poll()
    per_record = 8 * (3 * 8 + 20)  # looks of 8 records, and a bisection
    assert ring.bytes_read <= 2 * capacity * per_record * RECORD_BYTES / 8


@given(st.binary(max_size=HEADER.size + 20), st.booleans())
def test_what_is_no_header_is_refused(content: bytes, ours: bool) -> None:
    assert unpack_header(((MAGIC if ours else b"") + content).ljust(HEADER_BYTES, b"\0")) is None
    assert unpack_header(content[: HEADER.size - 1]) is None


@pytest.mark.parametrize(
    ("side", "capacity", "pid"),
    [
        ("wsgi", 0, 7),
        ("wsgi", 9, 7),
        ("wsgi", 2 * LARGEST_CAPACITY, 7),
        ("smtp", 8, 7),
        ("wsgi", 8, 0),
        ("wsgi", 8, -1),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(side: str, capacity: int, pid: int) -> None:
    assert unpack_header(pack_header(pid, 1, side, "worker", capacity)) is None


def test_a_file_that_is_too_short_for_its_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.ring"
    for size in (0, HEADER.size, HEADER_BYTES, ring_bytes(8) - 1):
        path.write_bytes(pack_header(7, 1, "wsgi", "worker", 8).ljust(size, b"\0")[:size])
        assert RingReader.open(path) is None


def test_a_ring_that_shrinks_while_it_is_read_gives_nothing_more(tmp_path: Path) -> None:
    emit = create_emitter(tmp_path, "wsgi", "worker", 8)
    [path] = tmp_path.glob("*.ring")
    reader = RingReader.open(path)
    assert reader is not None
    emit.worker_ready()
    assert len(reader.poll(PLENTY)) == 1
    for size in (ring_bytes(8) - 100, HEADER_BYTES + RECORD_BYTES, HEADER_BYTES, 100, 0):
        os.truncate(path, size)
        assert reader.poll(PLENTY) == []
        assert reader.poll(PLENTY, last=True) == []
        assert reader.drained
    reader.close()


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    create_emitter(tmp_path, "wsgi", "worker", 8)
    [path] = tmp_path.glob("*.ring")
    (tmp_path / "link").symlink_to(path)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="link"):
        RingReader.open(tmp_path / "link")
    assert RingReader.open(tmp_path / "fifo") is None
    assert RingReader.open(tmp_path / "folder") is None
