"""The window of time: it begins with the run, grows in calm steps, moves along, and can be looked at closer."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.lint_contexts import but, over, side, state_of
from tests.unit.states import T0, answered_request
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.state import Phase
from wsgiviz.tui.feed import Frame
from wsgiviz.tui.live_view import LiveView
from wsgiviz.tui.render.glyphs import UNICODE
from wsgiviz.tui.render.window import LONGEST_NS, SHORTEST_NS, Viewport, Window, nice, window

S = 1_000_000_000
ZERO = 1_000 * S

elapsed_s = st.floats(0, 3_600)
expected_s = st.floats(0, 600)


WHOLE = Viewport()


def at(elapsed: float, expected: float, viewport: Viewport = WHOLE) -> Window:
    """The window ``elapsed`` seconds into a run that should take ``expected`` seconds."""
    return window(ZERO, ZERO + int(elapsed * S), int(expected * S), viewport)


def seconds(shown: Window) -> tuple[float, float]:
    return (shown.start_ns - ZERO) / S, (shown.end_ns - ZERO) / S


@pytest.mark.parametrize(
    ("span_ns", "rounder"),
    [(1, 1), (11, 12), (99, 100), (100, 100), (101, 120), (1_080_000, 1_200_000), (5.4 * S, 6 * S), (9.1, 10)],
)
def test_spans_are_round(span_ns: float, rounder: int) -> None:
    assert nice(span_ns) == rounder


@given(st.floats(SHORTEST_NS, 10_000 * S))
def test_a_round_span_is_never_shorter_and_never_much_longer(span_ns: float) -> None:
    assert span_ns <= nice(span_ns) + 1 <= span_ns * 1.5 + 2


def test_a_run_that_has_begun_is_shown_with_its_predicted_end() -> None:
    assert seconds(at(0.0, 5.0)) == (0.0, 6.0)
    assert seconds(at(5.3, 5.0)) == (0.0, 6.0)


def test_the_end_is_within_the_window_with_room_to_spare() -> None:
    for expected in (0.1, 1.0, 5.0, 9.3, 40.0):
        assert seconds(at(expected, expected))[1] >= expected * 1.05


def test_a_run_that_takes_longer_makes_the_window_longer() -> None:
    assert seconds(at(7.0, 5.0)) == (0.0, 8.0)
    assert seconds(at(20.0, 5.0)) == (0.0, 25.0)


@given(st.floats(0, 55), st.floats(0, 55))
def test_the_beginning_of_a_run_stays_in_sight(elapsed: float, expected: float) -> None:
    assert at(elapsed, expected).start_ns == ZERO


def test_a_run_of_unknown_length_begins_with_the_shortest_window() -> None:
    assert at(0.0, 0.0) == Window(ZERO, ZERO + SHORTEST_NS, ZERO)


def test_a_time_before_the_run_counts_as_its_beginning() -> None:
    assert window(ZERO, ZERO - 5 * S, S) == window(ZERO, ZERO, S)


def test_a_long_run_is_followed_in_steps() -> None:
    shown = {seconds(at(elapsed, 600.0)) for elapsed in (58.0, 59.0, 60.0)}
    assert shown == {(7.5, 67.5)}
    assert seconds(at(3_600.0, 600.0)) == (3_547.5, 3_607.5)


@given(elapsed_s, expected_s)
def test_now_is_always_within_the_window(elapsed: float, expected: float) -> None:
    shown = at(elapsed, expected)
    assert shown.start_ns <= ZERO + int(elapsed * S) <= shown.end_ns
    assert SHORTEST_NS <= shown.end_ns - shown.start_ns <= LONGEST_NS
    assert shown.zero_ns == ZERO


@given(st.lists(elapsed_s, min_size=2, max_size=20), expected_s)
def test_it_never_goes_back_while_the_run_goes_on(times: list[float], expected: float) -> None:
    shown = [at(elapsed, expected) for elapsed in sorted(times)]
    for before, after in itertools.pairwise(shown):
        assert after.start_ns >= before.start_ns
        assert after.end_ns >= before.end_ns


def test_it_is_calm() -> None:
    """In a run of two minutes, seen thirty times a second, the window changes only now and then."""
    shown = [at(frame / 30, 5.0) for frame in range(120 * 30)]
    changes = sum(before != after for before, after in itertools.pairwise(shown))
    assert 10 < changes < 30


def test_closer_shows_a_part_of_it_with_now_near_the_right() -> None:
    assert seconds(at(4.0, 5.0, Viewport(zoom=4.0))) == (4.0 - 1.5 * 7 / 8, 4.0 + 1.5 / 8)


def test_closer_at_the_beginning_stays_at_the_beginning() -> None:
    assert seconds(at(0.5, 5.0, Viewport(zoom=4.0))) == (0.0, 1.5)


def test_closer_after_the_end_shows_the_end() -> None:
    start, end = seconds(window(ZERO, ZERO + 5 * S, 5 * S, Viewport(zoom=8.0)))
    assert (end - start, end >= 5.0) == (0.75, True)


@pytest.mark.parametrize(("pan", "by"), [(-1, -0.75), (1, 0.75), (-8, -6.0), (4, 3.0)])
def test_panning_goes_by_eighths_of_the_window(pan: int, by: float) -> None:
    assert seconds(at(2.0, 5.0, Viewport(pan=pan))) == (by, 6.0 + by)


@given(elapsed_s, expected_s, st.sampled_from([1.0, 2.0, 4.0, 8.0, 16.0]), st.integers(-40, 40))
def test_any_viewport_keeps_the_axis_and_shows_that_much(
    elapsed: float, expected: float, zoom: float, pan: int
) -> None:
    whole, shown = at(elapsed, expected), at(elapsed, expected, Viewport(zoom, pan))
    assert shown.zero_ns == whole.zero_ns
    assert shown.end_ns - shown.start_ns == int((whole.end_ns - whole.start_ns) / zoom) > 0


@given(elapsed_s, expected_s, st.sampled_from([2.0, 4.0, 8.0, 16.0]))
def test_closer_without_panning_now_is_still_seen(elapsed: float, expected: float, zoom: float) -> None:
    shown = at(elapsed, expected, Viewport(zoom))
    assert shown.start_ns <= ZERO + int(elapsed * S) <= shown.end_ns


@pytest.mark.parametrize(("released_s", "stands_at_s"), [(6.02, 6.02), (5.05, 5.0)])
def test_a_finished_run_stands_still_when_its_workers_are_through(released_s: float, stands_at_s: float) -> None:
    """A worker that is held for longer than its client waits (by close(), say) has its whole block on the axis."""
    request = answered_request(1, T0, T0 + 5 * S)
    held = replace(request, ended_ns=T0 + int(released_s * S), released_ns=T0 + int(released_s * S))
    shown = over(side(requests=[held]), 5.0)
    frame = Frame(state_of(shown, phase=Phase.FINISHED), T0 + 60 * S, Occurrences())
    assert LiveView(frame, UNICODE).stopped_ns == T0 + int(stands_at_s * S)


@pytest.mark.parametrize(("refused", "times"), [(0, [4.0, 0.0]), (20, [0.0, 0.0])])
def test_who_refuses_is_not_faster(refused: int, times: list[float]) -> None:
    """WSGI was "195 times faster" than the side that held twenty WebSockets for five seconds."""
    quick, slow = (
        but(over(side(name), took_s), first_planned_ns=T0) for name, took_s in (("wsgi", 1.0), ("asgi", 4.0))
    )
    quick = but(quick, websocket=bool(refused), statuses={400: refused})
    frame = Frame(state_of(quick, slow, phase=Phase.FINISHED), T0 + 60 * S, Occurrences())
    assert [pane.faster for pane in LiveView(frame, UNICODE).panes()] == times
