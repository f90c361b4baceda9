from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.unit.plausible_runs import MS, T0, run
from tests.unit.recordings import recorded
from wsgiviz.events import Event, LogWritten, RunRequested
from wsgiviz.log import Player, Recording, Snapshot, open_recording
from wsgiviz.log.player import LEAD_NS

S = 1_000_000_000
EVENTS = sorted((event for batch in run(random.Random(11), most=8) for event in batch), key=lambda event: event.t_ns)
BATCHES = [EVENTS[at : at + 5] for at in range(0, len(EVENTS), 5)]
KNOWN = [Snapshot()]
for _batch in BATCHES:
    KNOWN.append(KNOWN[-1].after(tuple(_batch)))


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    path = tmp_path / "run.wviz"
    path.write_bytes(recorded(BATCHES, keyframe_batches=10))
    with open_recording(path) as opened:
        yield opened


@pytest.fixture
def player_of(tmp_path: Path) -> Iterator[Callable[..., Player]]:
    """Makes a player of batches."""
    path = tmp_path / "some.wviz"
    with ExitStack() as stack:

        def made(*batches: list[Event]) -> Player:
            path.write_bytes(recorded(batches))
            return Player(stack.enter_context(open_recording(path)))

        yield made


def known(player: Player) -> Snapshot:
    return Snapshot(player.state, player.occurrences)


def test_plays_as_fast_as_it_was(recording: Recording) -> None:
    player = Player(recording)
    start_ns = player.now_ns
    assert player.advance(5 * S) == start_ns
    for wall_ns in range(5 * S, 6 * S, 3 * MS):
        now_ns = player.advance(wall_ns)
        assert now_ns == min(start_ns + wall_ns - 5 * S, recording.end_ns)
        assert known(player) == KNOWN[recording.position_at(now_ns)]


def test_plays_at_another_speed(recording: Recording) -> None:
    player = Player(recording)
    start_ns = player.now_ns
    player.speed = 0.25
    player.advance(0)
    assert player.advance(8 * MS) == start_ns + 2 * MS


def test_ends_at_the_last_event(recording: Recording) -> None:
    player = Player(recording)
    player.advance(0)
    for wall_ns in range(0, 20 * S, S // 2):
        player.advance(wall_ns)
    assert player.now_ns == recording.end_ns
    assert player.ended
    assert not player.playing
    assert known(player) == KNOWN[-1]


def test_a_pause_takes_no_time_from_the_playhead(recording: Recording) -> None:
    player = Player(recording)
    start_ns = player.now_ns
    player.advance(0)
    player.playing = False
    player.advance(500 * MS)
    player.playing = True
    assert player.advance(501 * MS) == start_ns + MS


def test_a_viewer_that_was_stopped_goes_on_where_it_was(player_of: Callable[..., Player]) -> None:
    player = player_of([LogWritten(T0, "wsgi", 0, ("a",))], [LogWritten(T0 + 3600 * S, "wsgi", 0, ("b",))])
    player.advance(0)
    assert player.advance(600 * S) == T0 + S
    player.advance(0)  # a clock that goes back does not move it
    assert player.now_ns == T0 + S


def test_begins_a_little_before_the_first_run_that_a_person_asked_for(player_of: Callable[..., Player]) -> None:
    fired_ns = T0 + 60 * S
    player = player_of(
        [LogWritten(T0, "wsgi", 0, ("booting",))],
        [RunRequested(T0 + S, "", 0, 1, 3, (), True)],
        [RunRequested(fired_ns, "", 0, 2, 20, ())],
    )
    assert player.now_ns == fired_ns - LEAD_NS
    assert (player.position, player.state.fired) == (2, 0)


def test_begins_at_the_start_where_no_run_was_fired(player_of: Callable[..., Player]) -> None:
    player = player_of([LogWritten(T0, "wsgi", 0, ("a",)), LogWritten(T0 + S, "wsgi", 0, ("b",))])
    assert (player.now_ns, player.position) == (T0, 0)


def test_seeks_to_any_time(recording: Recording) -> None:
    player = Player(recording)
    times = [known.state.t_ns for known in KNOWN[1:]]
    random.Random(2).shuffle(times)
    for t_ns in times:
        player.seek(t_ns)
        assert player.now_ns == t_ns
        assert known(player) == KNOWN[recording.position_at(t_ns)]
    player.seek(0)
    assert player.now_ns == recording.start_ns
    player.seek(2**62)
    assert player.ended


def test_steps_to_and_fro(recording: Recording) -> None:
    player = Player(recording)
    player.seek(0)
    player.step(-1)
    assert player.position == 0
    for position in range(1, len(BATCHES) + 1):
        player.step()
        assert (player.position, player.playing) == (position, False)
        assert known(player) == KNOWN[position]
    player.step()
    assert player.ended
    for position in range(len(BATCHES) - 1, -1, -1):
        player.step(-1)
        assert known(player) == KNOWN[position]
    player.step(10**9)
    assert known(player) == KNOWN[-1]


def test_after_a_step_it_plays_on_from_there(recording: Recording) -> None:
    player = Player(recording)
    player.seek(0)
    player.step(5)
    player.advance(0)
    player.playing = True
    assert player.advance(MS) == recording.t_ns(5) + MS
    assert known(player) == KNOWN[recording.position_at(player.now_ns)]
