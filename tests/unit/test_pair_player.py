"""Two recordings on one axis."""

from __future__ import annotations

import random

from tests.unit.plausible_runs import T0, run
from wsgiviz.events import Event
from wsgiviz.log import EventLog, LogTimeline, Player
from wsgiviz.log.pair_player import PairPlayer
from wsgiviz.log.player import LEAD_NS

S = 1_000_000_000
LATER = 77 * S


def events(seed: int) -> list[Event]:
    found = [event for batch in run(random.Random(seed), most=6) for event in batch]
    return sorted(found, key=lambda event: event.t_ns)


LEFT, RIGHT = events(1), events(2)


def player_of(found: list[Event]) -> Player:
    log = EventLog()
    for at in range(0, len(found), 4):
        log.append(found[at : at + 4])
    return Player(LogTimeline(log))


def pair() -> PairPlayer:
    return PairPlayer((player_of(LEFT), player_of(RIGHT)), (T0, T0))


def places(pair: PairPlayer) -> tuple[object, ...]:
    return (pair.now_ns, *((player.event, player.state) for player in pair.players))


def test_both_are_at_the_same_time_of_the_axis() -> None:
    left, right = player_of(LEFT), player_of(RIGHT)
    shifted = PairPlayer((left, right), (T0, T0 + 20_000_000))
    shifted.advance(0)
    for wall_ns in range(0, 2 * S, 10_000_000):
        shifted.advance(wall_ns)
        for player, found, zero in ((left, LEFT, T0), (right, RIGHT, T0 + 20_000_000)):
            assert player.event == sum(1 for event in found if event.t_ns <= max(T0, zero + shifted.now_ns))
    assert (shifted.ended, shifted.playing, shifted.now_ns) == (True, False, shifted.end_ns)


def test_steps_take_the_events_of_both_in_the_order_of_the_axis() -> None:
    both = pair()
    both.step(-len(LEFT) - len(RIGHT))
    assert both.event == 0
    expected = sorted([event.t_ns - T0 for event in [*LEFT, *RIGHT]])
    seen = []
    for number in range(1, len(expected) + 1):
        both.step()
        assert both.event == number
        seen.append(both.now_ns)
    assert seen == expected
    both.step()
    assert both.event == len(expected)


def test_so_many_steps_forward_and_back_lead_to_the_same_place() -> None:
    both = pair()
    both.seek(3_000_000)
    both.step()
    forward = [places(both)]
    for _ in range(40):
        both.step()
        forward.append(places(both))
    for expected in forward[-2::-1]:
        both.step(-1)
        assert places(both) == expected


def test_a_jump_is_to_what_had_happened_by_then() -> None:
    both = pair()
    for t_ns in (0, 40_000_000, 5_000_000, -LEAD_NS, LATER):
        both.seek(t_ns)
        at_ns = min(t_ns, both.end_ns)
        assert both.now_ns == at_ns
        for player, found in zip(both.players, (LEFT, RIGHT), strict=True):
            assert player.event == sum(1 for event in found if event.t_ns - T0 <= max(0, at_ns))


def test_a_loop_begins_anew() -> None:
    both = pair()
    both.loop = True
    both.seek(both.end_ns)
    both.advance(0)
    walls = iter(range(S, 60 * S, S))
    while both.ended:
        both.advance(next(walls))
    assert (both.now_ns, both.playing) == (both.start_ns, True)
