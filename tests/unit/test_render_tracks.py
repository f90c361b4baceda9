"""Requests of a loop keep their lane, and leave it to a later one when they are answered."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.states import MS, RUN, T0, ledger_of
from wsgiviz.state import Request, Run, Side
from wsgiviz.state.ledger import CHUNK
from wsgiviz.tui.render.tracks import HISTORY, LONG_LANES, Tracks


def sent(number: int, at_ms: int) -> Request:
    return Request(RUN + number, sent_ns=T0 + at_ms * MS)


def answered(number: int, at_ms: int, until_ms: int) -> Request:
    return Request(RUN + number, sent_ns=T0 + at_ms * MS, received_ns=T0 + until_ms * MS)


def side(*requests: Request, run: int = 1) -> Side:
    return Side("asgi", run=Run(number=run), ledger=ledger_of(requests))


def lanes(tracks: Tracks) -> list[list[int]]:
    return [[r.id - RUN for r in tracks.requests(track)] for track in range(len(tracks))]


def test_requests_at_once_have_a_lane_each() -> None:
    tracks, now = Tracks(), side(sent(1, 0), sent(2, 0), sent(3, 1))
    tracks.update(now)
    assert lanes(tracks) == [[1], [2], [3]]


def test_a_later_request_takes_the_lowest_free_lane() -> None:
    tracks = Tracks()
    tracks.update(side(sent(1, 0), sent(2, 0), sent(3, 0)))
    now = side(answered(1, 0, 50), answered(2, 0, 40), sent(3, 0), sent(4, 60))
    tracks.update(now)
    assert lanes(tracks) == [[1, 4], [2], [3]]


def test_a_lane_is_not_free_before_its_request_was_answered() -> None:
    tracks, now = Tracks(), side(answered(1, 0, 50), sent(2, 40))
    tracks.update(now)
    assert lanes(tracks) == [[1], [2]]


def test_requests_seen_only_when_they_were_over_are_placed_in_order() -> None:
    tracks, now = Tracks(), side(answered(1, 0, 10), answered(2, 12, 20), answered(3, 15, 30))
    tracks.update(now)
    assert lanes(tracks) == [[1, 2], [3]]


def test_a_new_run_begins_anew() -> None:
    tracks = Tracks()
    tracks.update(side(sent(1, 0), sent(2, 0)))
    tracks.update(side(run=2))
    assert len(tracks) == 0


def test_users_in_a_loop_keep_to_their_lanes_and_history_is_bounded() -> None:
    tracks, over = Tracks(), []
    for number in range(1, 3 * HISTORY):
        over.append(answered(number, number * 10, number * 10 + 9))
        tracks.update(side(*over))
    assert len(tracks) == 1
    assert len(lanes(tracks)[0]) == HISTORY


def test_lanes_far_down_keep_only_their_last_request() -> None:
    tracks = Tracks()
    many = [sent(number, 0) for number in range(1, LONG_LANES + 2)]
    tracks.update(side(*many))
    over = [answered(number, 0, 10) for number in range(1, LONG_LANES + 2)]
    again = [answered(number + 1000, 20, 30) for number in range(1, LONG_LANES + 2)]
    now = side(*over, *again)
    tracks.update(now)
    assert len(list(tracks.requests(LONG_LANES))) == 1
    assert len(list(tracks.requests(0))) == 2


def given_up(number: int, began_ms: int = 0) -> Request:
    """By its client after 50 ms; begun later, if at all."""
    began_ns = T0 + began_ms * MS if began_ms else 0
    return Request(RUN + number, sent_ns=T0, failed_ns=T0 + 50 * MS, error="timeout", began_ns=began_ns)


def test_the_app_keeps_the_lane_while_it_goes_on_after_the_answer() -> None:
    tracks = Tracks()
    going_on = replace(answered(1, 0, 50), began_ns=T0 + MS)
    tracks.update(side(going_on))
    tracks.update(side(going_on, sent(2, 60)))
    assert lanes(tracks) == [[1], [2]]
    tracks.update(side(replace(going_on, ended_ns=T0 + 90 * MS), sent(2, 60), sent(3, 95)))
    assert lanes(tracks) == [[1, 3], [2]]


def test_one_given_up_before_it_was_begun_leaves_its_lane_and_takes_it_again() -> None:
    tracks = Tracks()
    tracks.update(side(given_up(1), sent(2, 0)))
    assert tracks.present(0) is None
    begun = given_up(1, began_ms=70)
    tracks.update(side(begun, sent(2, 0)))
    assert lanes(tracks) == [[1, 1], [2]]
    assert tracks.present(0) is begun
    over = replace(begun, ended_ns=T0 + 90 * MS)
    tracks.update(side(over, sent(2, 0)))
    assert lanes(tracks) == [[1, 1], [2]]
    assert tracks.last(0) is over


def test_its_lane_taken_by_another_it_takes_the_lowest_free_one() -> None:
    tracks = Tracks()
    tracks.update(side(given_up(1), sent(2, 60)))
    assert lanes(tracks) == [[1, 2]]
    tracks.update(side(given_up(1, began_ms=70), sent(2, 60)))
    assert lanes(tracks) == [[1, 2], [1]]


def test_one_that_is_seen_late_has_the_lanes_that_it_has_had() -> None:
    tracks = Tracks()
    tracks.update(side(given_up(1, began_ms=70), sent(2, 0)))
    assert lanes(tracks) == [[1, 1], [2]]


def test_a_fact_that_comes_late_reaches_what_is_over() -> None:
    tracks = Tracks()
    tracks.update(side(answered(1, 0, 50), answered(2, 60, 70)))
    before = tracks.redrawn(0)
    late = replace(answered(1, 0, 50), began_ns=T0 + 2 * MS, ended_ns=T0 + 40 * MS)
    tracks.update(side(late, answered(2, 60, 70)))
    assert list(tracks.requests(0))[0] is late
    assert tracks.redrawn(0) != before
    assert [len(found) for found in lanes(tracks)] == [2]


def test_one_that_turns_out_not_to_be_over_goes_on_in_its_lane() -> None:
    tracks = Tracks()
    tracks.update(side(answered(1, 0, 50)))
    tracks.update(side(replace(answered(1, 0, 50), began_ns=T0 + 2 * MS)))
    assert lanes(tracks) == [[1]]
    assert tracks.present(0) is not None


def test_what_the_ledger_drops_stays_drawn_and_is_known_no_more() -> None:
    tracks = Tracks()
    tracks.update(side(answered(1, 0, 50), sent(2, 0)))
    tracks.update(side(sent(CHUNK + 1, 60)))
    assert lanes(tracks) == [[1, CHUNK + 1], [2]]
    assert tracks.present(1) is None


@st.composite
def lives(draw: st.DrawFn) -> list[Request]:
    """One request as it is known in one State after another: facts are added, in any order."""
    number = draw(st.integers(1, 200))
    at = sorted(draw(st.lists(st.integers(0, 500), min_size=4, max_size=4)))
    times = {"began_ns": T0 + at[1] * MS, "ended_ns": T0 + at[2] * MS}
    times[draw(st.sampled_from(["received_ns", "failed_ns"]))] = T0 + draw(st.integers(at[0] + 1, 600)) * MS
    known = [sent(number, at[0])]
    for fact in draw(st.permutations(sorted(times))):
        known.append(replace(known[-1], **{fact: times[fact]}))
    return known[: draw(st.integers(1, 4))]


@given(st.lists(lives(), max_size=8, unique_by=lambda known: known[0].id), st.data())
def test_whatever_comes_when_each_request_in_flight_has_one_lane_and_no_lane_two(
    found: list[list[Request]], data: st.DataObject
) -> None:
    tracks = Tracks()
    seen = [0] * len(found)
    for _ in range(6):
        seen = [min(at + data.draw(st.integers(0, 2)), len(known) - 1) for at, known in zip(seen, found, strict=True)]
        now = side(*(known[at] for at, known in zip(seen, found, strict=True)))
        tracks.update(now)
        present = [request for request in map(tracks.present, range(len(tracks))) if request is not None]
        assert sorted(request.id for request in present) == sorted(request.id for request in now.ledger.in_flight())
        assert all(now.ledger.get(request.id) is request for request in present)
        for track in range(len(tracks)):
            stays = list(tracks.requests(track))
            assert len({(request.id, request.began_ns > 0) for request in stays}) == len(stays)
