"""The flight recorder's ring: what is emitted is read, whole and in order, or counted as lost."""

from __future__ import annotations

import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.rings import CAPACITY, PLENTY, MemoryRing
from wsgiviz.recorder.codec import BARE_ENDED, BARE_RECORD, RAISED_BYTES, RECORD_BYTES, TEXT_BYTES, Kind
from wsgiviz.recorder.reader import PATIENCE_POLLS, Ended, Record


@given(st.lists(st.integers(0, CAPACITY), max_size=30))
def test_every_record_is_read_in_order(bursts: list[int]) -> None:
    ring = MemoryRing()
    seen: list[int] = []
    written = 0
    for burst in bursts:
        ring.write(*range(written + 1, written + burst + 1))
        written += burst
        seen += ring.requests()
    assert ring.requests() == []
    assert seen == list(range(1, written + 1))
    assert ring.reader.lost == 0
    assert ring.reader.drained


@given(st.lists(st.integers(0, 5 * CAPACITY), max_size=20))
def test_a_slow_reader_loses_the_oldest_and_counts_them(bursts: list[int]) -> None:
    ring = MemoryRing()
    seen: list[int] = []
    written = 0
    for burst in bursts:
        ring.write(*range(written + 1, written + burst + 1))
        written += burst
        seen += ring.requests()
        assert len(seen) + ring.reader.lost == written
        assert not burst or seen[-1] == written
    assert seen == sorted(set(seen))


@given(st.lists(st.tuples(st.integers(0, 3 * CAPACITY), st.integers(1, 5)), max_size=20))
def test_a_poll_keeps_to_its_budget_and_the_rest_comes_later(steps: list[tuple[int, int]]) -> None:
    ring = MemoryRing()
    seen: list[int] = []
    written = 0
    for burst, budget in steps:
        ring.write(*range(written + 1, written + burst + 1))
        written += burst
        found = ring.reader.poll(budget)
        assert len(found) <= budget
        assert ring.reader.drained or len(found) + ring.reader.lost > 0
        seen += [record.req for record in found]
    seen += ring.requests()
    assert len(seen) + ring.reader.lost == written
    assert seen == sorted(set(seen))


@given(st.integers(1, CAPACITY), st.sampled_from(["bare", "text", "ended", "raised"]), st.data())
def test_a_record_whose_ends_disagree_is_never_shown(count: int, form: str, data: st.DataObject) -> None:
    ring = MemoryRing()
    for number in range(1, count + 1):
        emit_form(ring, form, number)
    start = ring.offset(count)
    if data.draw(st.booleans()):
        head = data.draw(st.integers(0, count - 1))
        ring.memory[start : start + 8] = head.to_bytes(8, "little")
    else:
        size = {"bare": BARE_RECORD.size, "ended": BARE_ENDED.size}.get(form, RECORD_BYTES)
        ring.memory[start + size - data.draw(st.integers(1, 4))] ^= data.draw(st.integers(1, 255))
    assert count not in ring.requests(last=True)


def emit_form(ring: MemoryRing, form: str, req: int) -> None:
    """A record of each of the four layouts."""
    if form == "bare":
        ring.emit.first_byte(req)
    elif form == "text":
        ring.emit.request_failed(req, b"text")
    else:
        ring.emit.request_ended(0, req, 1, 2, 3, 4, 5, 200, 1, b"ValueError" if form == "raised" else b"")


@given(st.lists(st.sampled_from(["bare", "text", "ended", "raised"]), min_size=1, max_size=3 * CAPACITY))
def test_a_half_written_record_is_not_shown(forms: list[str]) -> None:
    """Each prefix of the newest record, as a writer that is stopped in the middle leaves it."""
    ring = MemoryRing()
    for form in forms[:-1]:
        emit_form(ring, form, 1)
    before = bytes(ring.memory)
    emit_form(ring, forms[-1], 99)
    after = bytes(ring.memory)
    start = ring.offset(len(forms))
    for cut in range(RECORD_BYTES):
        ring.memory[:] = after[: start + cut] + before[start + cut :]
        if ring.memory != after:
            assert 99 not in [record.req for record in ring.another_reader().poll(PLENTY)]


def test_what_is_overwritten_between_two_looks_is_not_shown() -> None:
    ring = MemoryRing()
    ring.write(*range(1, CAPACITY + 1))
    looks = 0

    def read(size: int, offset: int) -> bytes:
        nonlocal looks
        looks += 1
        found = MemoryRing.read(ring, size, offset)
        if looks == 1:
            ring.write(101, 102)  # in the place of the first two
        return found

    reader = ring.another_reader()
    reader._read = read
    assert [record.req for record in reader.poll(PLENTY)] == [3, 4, 5, 6, 7, 8, 101, 102]
    assert reader.lost == 2


def test_a_hole_is_waited_for_and_then_given_up() -> None:
    ring = MemoryRing()
    ring.write(1, 2, 3)
    at = ring.offset(2)
    kept = bytes(ring.memory[at : at + RECORD_BYTES])
    ring.memory[at : at + RECORD_BYTES] = bytes(RECORD_BYTES)
    assert ring.requests() == [1]
    ring.memory[at : at + RECORD_BYTES] = kept  # its writer was only slow
    assert ring.requests() == [2, 3]
    ring.write(4, 5, 6)
    for sequence in (4, 5):  # two threads that never came back
        ring.memory[ring.offset(sequence) : ring.offset(sequence) + RECORD_BYTES] = bytes(RECORD_BYTES)
    polls = [ring.requests() for _ in range(2 * PATIENCE_POLLS + 1)]
    assert polls == [[]] * 2 * PATIENCE_POLLS + [[6]]
    assert ring.reader.lost == 2


def test_a_dead_writers_holes_are_not_waited_for() -> None:
    ring = MemoryRing()
    ring.write(1, 2, 3)
    ring.memory[ring.offset(2)] ^= 1
    assert ring.requests(last=True) == [1, 3]
    assert ring.reader.lost == 1


@pytest.mark.parametrize("gil", [True, False])
def test_threads_of_one_process_may_emit_together(gil: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: gil, raising=False)
    ring = MemoryRing(1 << 13)

    def many(slot: int) -> None:
        for number in range(1000):
            ring.emit.response_started(slot, number, 200)

    threads = [threading.Thread(target=many, args=(slot,)) for slot in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records = ring.poll()
    assert len(records) == 4000
    for slot in range(4):
        assert [record.req for record in records if record.slot == slot] == list(range(1000))


def test_what_does_not_fit_is_counted_once_and_never_raised() -> None:
    ring = MemoryRing(64)
    huge = 1 << 80
    ring.emit.first_byte(huge)
    ring.emit.response_started(-1, 1, 200)  # the slot is unsigned
    ring.emit.request_began(0, huge, 0, 0, b"GET /")
    ring.emit.request_began(0, 1, 0, 0, "GET /")  # type: ignore[arg-type]
    ring.emit.request_ended(0, 1, 0, 0, 0, 0, 0, -1, 0)
    ring.emit.request_ended(0, 1, 0, 0, 0, 0, 0, 200, 1 << 32, b"ValueError")
    ring.emit.step_began(huge)
    ring.emit.step_ended(1, huge)
    ring.emit.run_started(huge, 1, 1)
    ring.write(2)
    assert ring.requests() == [2]
    assert ring.reader.lost == 9
    assert ring.reader.unknown == 0


def test_a_record_of_another_version_is_skipped_and_counted() -> None:
    ring = MemoryRing()
    ring.write(1)
    ring.emit._record(max(Kind) + 1, req=2)
    ring.write(3)
    assert ring.requests() == [1, 3]
    assert (ring.reader.unknown, ring.reader.lost) == (1, 0)


@given(st.binary(max_size=3 * TEXT_BYTES))
def test_text_is_bounded_and_any_bytes_will_do(text: bytes) -> None:
    ring = MemoryRing()
    ring.emit.request_failed(1, text)
    ring.emit.request_began(0, 1, 0, 0, text)
    ring.emit.request_ended(0, 1, 0, 0, 0, 0, 0, 200, 1, text)
    failed, began, ended = ring.poll()
    assert isinstance(failed, Record)
    assert isinstance(began, Record)
    assert isinstance(ended, Ended)
    assert failed.text == began.text == text[:TEXT_BYTES].decode("utf-8", "replace")
    assert ended.raised == text[:RAISED_BYTES].decode("utf-8", "replace")


# --- facts that a run depends on ---------------------------------------------------------------------------------


def sticky(records: list[Record | Ended]) -> list[tuple[Kind, int]]:
    return [(Kind(record.kind), record.req) for record in records if record.kind != Kind.FIRST_BYTE]


def test_what_a_run_depends_on_survives_a_ring_that_laps() -> None:
    ring = MemoryRing()
    ring.emit.run_started(1, 500, 12345, t_ns=99)
    ring.write(*range(1, 20))
    ring.emit.run_ended(1, 0)
    ring.write(*range(20, 40))
    first, second, *others = ring.poll()
    assert first == (99, Kind.RUN_STARTED, 0, 1, 500, 12345, "")
    assert (second.kind, second.req) == (Kind.RUN_ENDED, 1)
    assert [record.req for record in others] == list(range(32, 40))
    assert ring.reader.lost == 41 - CAPACITY
    ring.write(*range(40, 60))
    assert sticky(ring.poll()) == []


def test_only_the_newest_of_a_kind_is_kept_in_the_order_of_sequence() -> None:
    ring = MemoryRing()
    for run in range(1, 4):
        ring.emit.run_started(run, 1, 1)
        ring.emit.run_grew(run, 2)
        ring.emit.run_ended(run, 0)
    ring.emit.run_started(4, 1, 1)
    ring.write(*range(CAPACITY))
    assert sticky(ring.poll()) == [(Kind.RUN_GREW, 3), (Kind.RUN_ENDED, 3), (Kind.RUN_STARTED, 4)]


def test_a_reader_that_comes_late_gets_them_too() -> None:
    ring = MemoryRing()
    ring.emit.worker_booting(3, 7, 1, b"sync")
    ring.emit.worker_ready()
    ring.write(*range(1, 3 * CAPACITY))
    booting, ready, *_ = ring.another_reader().poll(2)
    assert isinstance(booting, Record)
    assert (booting.kind, booting.a, booting.text) == (Kind.WORKER_BOOTING, 3, "sync")
    assert ready.kind == Kind.WORKER_READY


@given(st.lists(st.sampled_from(["start", "end", "poll", *["other"] * 9]), max_size=120), st.integers(1, 20))
def test_each_is_read_at_most_once_and_the_newest_always(steps: list[str], budget: int) -> None:
    ring = MemoryRing()
    seen: list[Record | Ended] = []
    run = 0
    for step in steps:
        if step == "start":
            run += 1
            ring.emit.run_started(run, 1, 1)
        elif step == "end":
            ring.emit.run_ended(run, 0)
        elif step == "other":
            ring.write(0)
        else:
            seen += ring.reader.poll(budget)
    seen += ring.poll()
    started = [record.req for record in seen if record.kind == Kind.RUN_STARTED]
    assert started == sorted(set(started))
    assert not run or started[-1] == run
    assert [step for step in steps if step == "end"][:1] == ["end"] * any(r.kind == Kind.RUN_ENDED for r in seen)


def test_one_that_is_torn_is_looked_at_again() -> None:
    ring = MemoryRing()
    ring.emit.run_started(1, 1, 1)
    at = RECORD_BYTES * 6
    whole = bytes(ring.memory[at : at + RECORD_BYTES])
    assert whole[16:18] == Kind.RUN_STARTED.to_bytes(2, "little")
    ring.memory[at + RECORD_BYTES - 1] ^= 1
    ring.write(*range(1, 3 * CAPACITY))
    assert sticky(ring.poll()) == []
    assert sticky(ring.poll()) == []
    ring.memory[at : at + RECORD_BYTES] = whole
    assert sticky(ring.poll()) == [(Kind.RUN_STARTED, 1)]
    assert sticky(ring.poll()) == []


def test_one_that_stays_torn_costs_a_few_polls() -> None:
    ring = MemoryRing()
    ring.emit.run_started(1, 1, 1)
    ring.memory[RECORD_BYTES * 7 - 1] ^= 1
    ring.write(*range(1, 3 * CAPACITY))
    for _ in range(PATIENCE_POLLS + 1):
        ring.poll()
    before = ring.bytes_read
    assert ring.requests() == []
    assert ring.bytes_read - before <= CAPACITY * RECORD_BYTES


def test_one_that_never_reached_the_ring_is_found() -> None:
    """Its writer was killed between the two writes."""
    ring = MemoryRing()
    ring.write(1)
    ring.emit.run_ended(1, 0)
    ring.memory[ring.offset(2) : ring.offset(2) + RECORD_BYTES] = bytes(RECORD_BYTES)
    ring.write(3)
    assert sticky(ring.poll(last=True)) == [(Kind.RUN_ENDED, 1)]


@pytest.mark.parametrize("count", [1, CAPACITY, 3 * CAPACITY])
def test_an_idle_ring_is_one_look(count: int) -> None:
    ring = MemoryRing()
    ring.write(*range(count))
    ring.poll()
    before = ring.bytes_read
    assert ring.requests() == []
    assert ring.bytes_read - before == CAPACITY * RECORD_BYTES
