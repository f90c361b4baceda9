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
from wsgiviz.log.player import LEAD_NS, LOOP_REST_NS, SPEEDS

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


def known_at(event: int) -> Snapshot:
    """What is known after so many events: after whole batches, and a part of the next one."""
    batch, within = divmod(event, 5)
    return KNOWN[batch].after(tuple(BATCHES[batch][:within])) if within else KNOWN[batch]


def events_until(t_ns: int) -> int:
    return sum(1 for event in EVENTS if event.t_ns <= t_ns)


def test_plays_as_fast_as_it_was(recording: Recording) -> None:
    player = Player(recording)
    start_ns = player.now_ns
    assert player.advance(5 * S) == start_ns
    for wall_ns in range(5 * S, 6 * S, 3 * MS):
        now_ns = player.advance(wall_ns)
        assert now_ns == min(start_ns + wall_ns - 5 * S, recording.end_ns)
        assert player.event == events_until(now_ns)
        assert known(player) == known_at(player.event)


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
        assert known(player) == known_at(events_until(t_ns))
    player.seek(0)
    assert player.now_ns == recording.start_ns
    player.seek(2**62)
    assert player.ended


def test_steps_to_and_fro_by_single_events(recording: Recording) -> None:
    player = Player(recording)
    player.home()
    player.step(-len(EVENTS))
    assert (player.position, player.within) == (0, 0)
    for event in range(1, len(EVENTS) + 1):
        player.step()
        assert (player.event, player.playing) == (event, False)
        assert known(player) == known_at(event)
    player.step()
    assert player.ended
    for event in range(len(EVENTS) - 1, -1, -1):
        player.step(-1)
        assert known(player) == known_at(event)
    player.step(10**9)
    assert known(player) == KNOWN[-1]


@pytest.mark.parametrize("steps", [1, 3, 17])
def test_so_many_steps_forward_and_back_lead_to_the_same_snapshot_and_time(recording: Recording, steps: int) -> None:
    player = Player(recording)
    for start in range(0, len(EVENTS) - steps, 7):
        player.go_to(*divmod(start, 5))
        before = player.now_ns, known(player)
        for by in (1, -1):
            for _ in range(steps):
                player.step(by)
        assert (player.now_ns, known(player)) == before


def test_a_step_has_the_time_of_its_event(recording: Recording) -> None:
    player = Player(recording)
    player.home()
    player.step(-len(EVENTS))
    for event in EVENTS:
        player.step()
        assert player.now_ns == event.t_ns


def test_speeds_from_a_hundredth_to_twenty_times(recording: Recording) -> None:
    player = Player(recording)
    seen = [player.speed]
    for by in [-1] * 12 + [1] * 24:
        player.faster(by)
        seen.append(player.speed)
    assert (min(seen), max(seen), seen[-1]) == (0.01, 20.0, 20.0)
    assert sorted(set(seen)) == list(SPEEDS)


def test_a_loop_rests_at_its_end_and_begins_anew(recording: Recording) -> None:
    player = Player(recording)
    player.loop = True
    start_ns = player.now_ns
    player.advance(0)
    wall_ns = 0
    while not player.ended:
        player.advance(wall_ns := wall_ns + S)
    arrived_ns = wall_ns
    while player.ended:
        assert player.playing
        player.advance(wall_ns := wall_ns + S)
    assert wall_ns - arrived_ns == LOOP_REST_NS
    assert player.now_ns == start_ns


def test_goes_no_further_than_it_is_to(recording: Recording) -> None:
    player = Player(recording, until=4)
    player.seek(2**62)
    assert (player.position, known(player)) == (4, KNOWN[4])
    player.step()
    assert player.position == 4
    player.step(-1)
    player.advance(0)
    player.playing = True
    player.advance(S)
    assert (player.position, player.playing, player.now_ns) == (4, False, recording.t_ns(4))


def test_cuts_are_counted_where_time_does_not_simply_go_on(recording: Recording) -> None:
    player = Player(recording)
    player.advance(0)
    before = player.cuts
    player.advance(3 * MS)
    assert player.cuts == before
    counts = []
    for ask in (player.toggle, player.step, player.home, player.restart, lambda: player.go_to(2)):
        ask()
        counts.append(player.cuts)
    assert counts == sorted(set(counts))
    assert counts[0] > before


def test_after_a_step_it_plays_on_from_there(recording: Recording) -> None:
    player = Player(recording)
    player.go_to(5)
    player.advance(0)
    player.playing = True
    assert player.advance(MS) == recording.t_ns(5) + MS
    assert known(player) == known_at(events_until(player.now_ns))
