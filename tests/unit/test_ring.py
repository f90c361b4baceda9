"""The flight recorder's ring: what is written is read, whole and in order, or counted as lost."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from wsgiviz.events import BARE_RECORD, RECORD, TEXT_BYTES, Kind
from wsgiviz.recorder.layout import HEADER_BYTES, MAGIC, pack_header, unpack_header
from wsgiviz.recorder.reader import PATIENCE_POLLS, RingReader
from wsgiviz.recorder.ring import Write, create_ring, writer

CAPACITY = 8


def ring(capacity: int = CAPACITY) -> tuple[bytearray, Write, RingReader]:
    memory = bytearray(HEADER_BYTES + capacity * RECORD.size)
    header = pack_header(7, 1, "wsgi", "worker", capacity)
    memory[: len(header)] = header
    found = unpack_header(memory)
    assert found is not None
    return memory, writer(memory, capacity), RingReader(memory, found)


def test_a_file_ring_is_read_by_another_view_of_the_file(tmp_path: Path) -> None:
    memory, write = create_ring(tmp_path, "asgi", "worker")
    write(Kind.BEGAN, 17, 1, 2, b"GET /", 3, 99)
    [path] = tmp_path.glob("*.ring")
    reader = RingReader.open(path)
    assert reader is not None
    [event] = reader.poll()
    assert event == (99, Kind.BEGAN, "asgi", os.getpid(), 3, 17, 1, 2, "GET /")
    assert path.stat().st_mode & 0o777 == 0o600
    reader.close()
    memory.close()


@given(st.lists(st.integers(0, CAPACITY), max_size=30))
def test_every_event_is_read_in_order_or_counted(bursts: list[int]) -> None:
    _, write, reader = ring()
    written = 0
    seen = []
    for burst in bursts:
        for _ in range(burst):
            written += 1
            write(Kind.BEGAN, written)
        seen += [event.req for event in reader.poll()]
    assert seen == list(range(1, written + 1))
    assert reader.lost == 0


@given(st.lists(st.integers(0, 5 * CAPACITY), max_size=20))
def test_a_slow_reader_loses_the_oldest_and_counts_them(bursts: list[int]) -> None:
    _, write, reader = ring()
    written = 0
    seen: list[int] = []
    for burst in bursts:
        for _ in range(burst):
            written += 1
            write(Kind.BEGAN, written)
        seen += [event.req for event in reader.poll()]
        assert len(seen) + reader.lost == written
        assert not burst or seen[-1] == written
    assert seen == sorted(set(seen))


@given(st.integers(1, CAPACITY), st.sampled_from([b"", b"text"]), st.integers(0, 11), st.integers(1, 255))
def test_a_record_with_a_torn_head_or_tail_is_never_shown(count: int, text: bytes, at: int, flip: int) -> None:
    memory, write, reader = ring()
    for number in range(1, count + 1):
        write(Kind.BEGAN, number, text=text)
    offset = HEADER_BYTES + (count % CAPACITY) * RECORD.size  # where the last record stands
    size = RECORD.size if text else BARE_RECORD.size
    memory[offset + (at if at < 8 else size - 12 + at)] ^= flip
    assert count not in [event.req for event in reader.poll(last=True)]


@given(st.lists(st.sampled_from([b"", b"long text " * 7]), min_size=1, max_size=3 * CAPACITY))
def test_a_half_written_record_is_not_shown(texts: list[bytes]) -> None:
    """Each prefix of the newest record, as a writer that is stopped in the middle leaves it."""
    memory, write, _ = ring()
    for text in texts[:-1]:
        write(Kind.BEGAN, len(text), text=text)
    before = bytes(memory)
    write(Kind.BEGAN, 99, text=texts[-1])
    after = bytes(memory)
    offset = HEADER_BYTES + (len(texts) % CAPACITY) * RECORD.size
    header = unpack_header(memory)
    assert header is not None
    size = RECORD.size if texts[-1] else BARE_RECORD.size
    for cut in range(size - 1):
        torn = before[: offset + cut] and after[: offset + cut] + before[offset + cut :]
        seen = RingReader(torn, header).poll()
        if before[offset + cut : offset + size] != after[offset + cut : offset + size]:
            assert 99 not in [event.req for event in seen]


def test_a_hole_is_waited_for_and_then_given_up() -> None:
    memory, write, reader = ring()
    write(Kind.BEGAN, 1)
    write(Kind.BEGAN, 2)
    write(Kind.BEGAN, 3)
    offset = HEADER_BYTES + 2 * RECORD.size
    kept = bytes(memory[offset : offset + RECORD.size])
    memory[offset : offset + RECORD.size] = bytes(RECORD.size)
    assert [event.req for event in reader.poll()] == [1]
    memory[offset : offset + RECORD.size] = kept  # its writer was only slow
    assert [event.req for event in reader.poll()] == [2, 3]
    write(Kind.BEGAN, 4)
    write(Kind.BEGAN, 5)
    memory[HEADER_BYTES + 4 * RECORD.size : HEADER_BYTES + 5 * RECORD.size] = bytes(RECORD.size)
    polls = [[event.req for event in reader.poll()] for _ in range(PATIENCE_POLLS + 1)]
    assert polls == [[]] * PATIENCE_POLLS + [[5]]
    assert reader.lost == 1


def test_threads_of_one_process_may_write_together() -> None:
    _, write, reader = ring(1 << 13)

    def many(slot: int) -> None:
        for number in range(1000):
            write(Kind.BEGAN, number, slot=slot)

    threads = [threading.Thread(target=many, args=(slot,)) for slot in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = reader.poll()
    assert len(events) == 4000
    for slot in range(4):
        assert [event.req for event in events if event.slot == slot] == list(range(1000))


def test_what_cannot_be_written_is_counted_and_never_raised() -> None:
    _, write, reader = ring()
    write(Kind.BEGAN, 1 << 80)
    write(Kind.BEGAN, 2)
    assert [event.req for event in reader.poll(last=True)] == [2]
    assert reader.lost == 2  # the drop, and the hole it left in the sequence


@given(st.binary(max_size=3 * TEXT_BYTES))
def test_text_is_bounded_and_any_bytes_will_do(text: bytes) -> None:
    _, write, reader = ring()
    write(Kind.BEGAN, 1, text=text)
    [event] = reader.poll()
    assert event.text == text[:TEXT_BYTES].decode("utf-8", "replace")


@given(st.binary(max_size=80), st.booleans())
def test_a_file_that_is_no_ring_is_refused(content: bytes, ours: bool) -> None:
    start = MAGIC if ours else b""
    assert unpack_header((start + content).ljust(HEADER_BYTES, b"\0")) is None


def test_a_symlink_in_the_run_directory_is_not_followed(tmp_path: Path) -> None:
    create_ring(tmp_path, "wsgi", "worker")
    [path] = tmp_path.glob("*.ring")
    link = tmp_path / "link.ring"
    link.symlink_to(path)
    try:
        RingReader.open(link)
    except OSError:
        return
    raise AssertionError("followed")
