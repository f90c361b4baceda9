from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.plausible_runs import run
from wsgiviz.errors import WsgivizError
from wsgiviz.events import Event, LogWritten
from wsgiviz.log import EventLog, Snapshot, event_log, open_recording
from wsgiviz.state import State

BATCHES = run(random.Random(3), most=12)


class Kept:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.begun: list[tuple[Snapshot, int]] = []
        self.taken: list[tuple[Event, ...]] = []
        self.newest: Snapshot | None = None

    def begin(self, snapshot: Snapshot, events_before: int) -> None:
        self.begun.append((snapshot, events_before))

    def take(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        self.taken.append(tuple(events))
        self.newest = snapshot


def filled(batches: Sequence[Sequence[Event]] = BATCHES) -> EventLog:
    log = EventLog()
    for batch in batches:
        log.append(batch)
    return log


def lines(count: int, t_ns: int) -> list[Event]:
    return [LogWritten(t_ns + at, "wsgi", 0, (f"line {at}",)) for at in range(count)]


def test_keeps_batches_in_the_order_of_arrival() -> None:
    log = filled()
    assert list(log.batches()) == [tuple(batch) for batch in BATCHES]
    assert list(log.batches(5)) == [tuple(batch) for batch in BATCHES[5:]]
    assert (log.first, log.end, log.events) == (0, len(BATCHES), sum(map(len, BATCHES)))


def test_an_empty_batch_is_none() -> None:
    log = filled()
    before = log.state
    assert log.append([]) is before
    assert log.end == len(BATCHES)


def test_a_batch_that_is_changed_later_stays_as_it_came() -> None:
    log, batch = EventLog(), lines(2, 1)
    log.append(batch)
    batch.clear()
    assert [len(kept) for kept in log.batches()] == [2]


def test_what_was_known_at_any_position(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "SEGMENT_EVENTS", 30)
    log, snapshot = EventLog(), Snapshot()
    known = [snapshot]
    for batch in BATCHES:
        log.append(batch)
        snapshot = snapshot.after(tuple(batch))
        known.append(snapshot)
    assert [log.at(position) for position in range(log.end + 1)] == known
    assert log.snapshot == known[-1]


def test_is_bounded_and_says_from_where_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "EVENTS_KEPT", 100)
    monkeypatch.setattr(event_log, "SEGMENT_EVENTS", 20)
    log = EventLog()
    states = [log.state] + [log.append(lines(7, t_ns)) for t_ns in range(100)]
    kept = sum(map(len, log.batches()))
    assert 100 <= kept <= 100 + 20 + 7
    assert log.events == 700
    assert log.first == 100 - kept // 7
    assert log.at(log.first).state == states[log.first]
    assert log.at(0).state == states[log.first]
    assert log.at(log.end).state == states[-1]


def test_a_batch_larger_than_the_bound_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "EVENTS_KEPT", 100)
    log = EventLog()
    log.append(lines(300, 1))
    assert log.events == sum(map(len, log.batches())) == 300


def test_a_sink_gets_every_batch_and_what_is_known_after_it() -> None:
    log, sink = EventLog(), Kept()
    log.attach(sink)
    for batch in BATCHES:
        log.append(batch)
    assert sink.begun == []
    assert sink.taken == [tuple(batch) for batch in BATCHES]
    assert sink.newest == log.snapshot


def test_a_sink_that_comes_later_is_told_first_what_is_known() -> None:
    log, sink = filled(BATCHES[:9]), Kept()
    then = log.snapshot
    log.attach(sink)
    log.append(BATCHES[9])
    log.detach(sink)
    log.append(BATCHES[10])
    assert sink.begun == [(then, sum(map(len, BATCHES[:9])))]
    assert sink.taken == [tuple(BATCHES[9])]


def test_a_log_may_begin_with_a_state() -> None:
    first = filled()
    log, sink = EventLog(first.state), Kept()
    log.attach(sink)
    assert log.state is first.state
    assert sink.begun == [(Snapshot(first.state), 0)]
    assert EventLog(State()).state == State()


def test_a_saved_log_is_its_recording(tmp_path: Path) -> None:
    log = filled()
    log.save(tmp_path / "run.wviz").close()
    with open_recording(tmp_path / "run.wviz") as recording:
        assert [recording.batch(position) for position in range(recording.end)] == list(log.batches())
        assert recording.at(recording.end) == log.snapshot
        assert recording.damage == ""


def test_a_log_that_has_lost_its_beginning_is_saved_from_where_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "EVENTS_KEPT", 60)
    monkeypatch.setattr(event_log, "SEGMENT_EVENTS", 20)
    log = filled()
    assert log.first > 0
    log.save(tmp_path / "run.wviz").close()
    with open_recording(tmp_path / "run.wviz") as recording:
        recorded = [recording.at(position) for position in range(recording.end + 1)]
    assert recorded == [log.at(position) for position in range(log.first, log.end + 1)]
    before = sum(map(len, BATCHES[: log.first]))
    assert recording.damage == f"its first {before} events were no longer kept when it was saved"


def test_saving_where_nothing_can_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(WsgivizError, match="can't record to .*: Is a directory"):
        filled().save(tmp_path)
