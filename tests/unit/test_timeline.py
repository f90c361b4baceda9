"""The log of a session as a timeline: it stands still while the log goes on, and is stepped through."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tests.unit.plausible_runs import run
from wsgiviz.events import Event, RunRequested
from wsgiviz.log import EventLog, LogTimeline, Player, Snapshot, event_log

BATCHES = run(random.Random(3), most=12)
KNOWN = [Snapshot()]
for _batch in BATCHES:
    KNOWN.append(KNOWN[-1].after(tuple(_batch)))
HALF = len(BATCHES) // 2


@pytest.fixture(autouse=True)
def _small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "SEGMENT_EVENTS", 30)


def filled(batches: Sequence[Sequence[Event]] = BATCHES) -> EventLog:
    log = EventLog()
    for batch in batches:
        log.append(batch)
    return log


def test_what_was_known_at_any_position_in_any_order() -> None:
    timeline = LogTimeline(filled())
    places = list(range(timeline.end + 1)) * 2
    random.Random(5).shuffle(places)
    for position in places:
        assert timeline.at(position) == KNOWN[position]
        target = min(position + 9, timeline.end)
        assert timeline.forward(position, KNOWN[position], target) == KNOWN[target]


def test_times_and_numbers_of_events() -> None:
    timeline = LogTimeline(filled())
    for position in range(1, timeline.end + 1):
        assert timeline.t_ns(position) == KNOWN[position].state.t_ns
        assert timeline.events_before(position) == sum(map(len, BATCHES[:position]))
        assert timeline.batch(position - 1) == tuple(BATCHES[position - 1])
    for t_ns in range(timeline.start_ns - 1, timeline.end_ns + 2, 777_777):
        assert timeline.position_at(t_ns) == sum(1 for known in KNOWN[1:] if known.state.t_ns <= t_ns)
    fired = [event for batch in BATCHES for event in batch if isinstance(event, RunRequested)]
    assert timeline.fired_ns == fired[-1].t_ns


def test_stands_still_while_the_log_goes_on_and_grows_when_asked() -> None:
    log = filled(BATCHES[:HALF])
    timeline = LogTimeline(log)
    for batch in BATCHES[HALF:]:
        log.append(batch)
    assert (timeline.end, timeline.end_ns) == (HALF, KNOWN[HALF].state.t_ns)
    assert timeline.position_at(2**62) == HALF
    assert timeline.events == sum(map(len, BATCHES[:HALF]))
    timeline.grow()
    assert (timeline.end, timeline.events) == (len(BATCHES), log.events)


def test_what_the_log_drops_meanwhile_stays_until_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    log = filled(BATCHES[:HALF])
    timeline = LogTimeline(log)
    monkeypatch.setattr(event_log, "EVENTS_KEPT", 40)
    for batch in BATCHES[HALF:]:
        log.append(batch)
    assert log.first > 0
    assert timeline.at(1) == KNOWN[1]
    timeline.grow()
    first = timeline.first
    assert first == log.first
    assert timeline.at(0) == KNOWN[first]
    assert timeline.events_before(first) == 0
    assert timeline.start_ns <= timeline.t_ns(first + 1)


def test_is_played_and_stepped_through_like_a_recording() -> None:
    player = Player(LogTimeline(filled()))
    player.seek(player.end_ns)
    assert player.state == KNOWN[-1].state
    seen = []
    for by in (-1, 1):
        for _ in range(60):
            player.step(by)
            seen.append((player.event, player.now_ns, player.state))
    assert seen[:59] == seen[60:119][::-1]


def test_with_more_to_come_it_plays_on_at_the_end() -> None:
    log = filled(BATCHES[:HALF])
    timeline = LogTimeline(log)
    player = Player(timeline, grows=True)
    player.seek(player.end_ns)
    player.advance(0)
    player.advance(10**9)
    assert (player.playing, player.ended) == (True, True)
    for batch in BATCHES[HALF:]:
        log.append(batch)
    timeline.grow()
    assert not player.ended
    for second in range(2, 20):
        player.advance(second * 10**9)
    assert player.state == KNOWN[-1].state


def test_a_log_with_nothing_in_it_can_be_asked_too() -> None:
    timeline = LogTimeline(EventLog())
    assert (timeline.first, timeline.end, timeline.events, timeline.fired_ns) == (0, 0, 0, None)
    player = Player(timeline)
    player.step()
    player.step(-1)
    assert player.event == 0
