"""Requests of a loop keep their lane, and leave it to a later one when they are answered."""

from __future__ import annotations

from tests.unit.pictures import MS, RUN, T0
from wsgiviz.model.state import Request, Side
from wsgiviz.tui.render.tracks import HISTORY, LONG_LANES, Tracks


def sent(number: int, at_ms: int) -> Request:
    return Request(RUN + number, sent_ns=T0 + at_ms * MS)


def answered(number: int, at_ms: int, until_ms: int) -> Request:
    return Request(RUN + number, sent_ns=T0 + at_ms * MS, received_ns=T0 + until_ms * MS)


def side(*requests: Request, run: int = 1) -> Side:
    over = sorted((r for r in requests if r.finished), key=lambda request: request.received_ns)
    under_way = {request.id: request for request in requests if not request.finished}
    return Side("asgi", in_flight=under_way, finished=tuple(over), run=run)


def lanes(tracks: Tracks, now: Side) -> list[list[int]]:
    return [[r.id - RUN for r in tracks.requests(track, now)] for track in range(len(tracks))]


def test_requests_at_once_have_a_lane_each() -> None:
    tracks, now = Tracks(), side(sent(1, 0), sent(2, 0), sent(3, 1))
    tracks.update(now)
    assert lanes(tracks, now) == [[1], [2], [3]]


def test_a_later_request_takes_the_lowest_free_lane() -> None:
    tracks = Tracks()
    tracks.update(side(sent(1, 0), sent(2, 0), sent(3, 0)))
    now = side(answered(1, 0, 50), answered(2, 0, 40), sent(3, 0), sent(4, 60))
    tracks.update(now)
    assert lanes(tracks, now) == [[1, 4], [2], [3]]


def test_a_lane_is_not_free_before_its_request_was_answered() -> None:
    tracks, now = Tracks(), side(answered(1, 0, 50), sent(2, 40))
    tracks.update(now)
    assert lanes(tracks, now) == [[1], [2]]


def test_requests_seen_only_when_they_were_over_are_placed_in_order() -> None:
    tracks, now = Tracks(), side(answered(1, 0, 10), answered(2, 12, 20), answered(3, 15, 30))
    tracks.update(now)
    assert lanes(tracks, now) == [[1, 2], [3]]


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
    assert len(lanes(tracks, side(*over))[0]) == HISTORY


def test_lanes_far_down_keep_only_their_last_request() -> None:
    tracks = Tracks()
    many = [sent(number, 0) for number in range(1, LONG_LANES + 2)]
    tracks.update(side(*many))
    over = [answered(number, 0, 10) for number in range(1, LONG_LANES + 2)]
    again = [answered(number + 1000, 20, 30) for number in range(1, LONG_LANES + 2)]
    now = side(*over, *again)
    tracks.update(now)
    assert len(list(tracks.requests(LONG_LANES, now))) == 1
    assert len(list(tracks.requests(0, now))) == 2
