"""Figures of single event loops: what has not ended counts with its length so far, and each loop for itself."""

from __future__ import annotations

import pytest

from tests.unit.lint_contexts import DRIVER, PID, at, ended, reduced
from tests.unit.loop_events import ONE_LOOP, OTHER, TWO_LOOPS, beat, began, held, stepped
from tests.unit.states import MS, RUN, T0
from wsgiviz.analysis import metrics
from wsgiviz.analysis.loop_times import LoopTimes, longest_step, loop_times, loops
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.events import (
    Connected,
    ConnectionAccepted,
    RequestSent,
    StepEnded,
    ThreadSampled,
    WorkerDied,
)
from wsgiviz.report.result import result
from wsgiviz.state import Location, Side, State


def asgi(state: State) -> Side:
    return state.sides["asgi"]


def only(state: State, at_s: float) -> LoopTimes:
    [times] = loop_times(asgi(state), at(at_s))
    return times


def test_a_step_that_does_not_end_counts_with_its_length_so_far() -> None:
    looks = [held(0.11 + part / 10, RUN + 1, 100 + 100 * part) for part in range(39)]
    state = reduced(ONE_LOOP, [beat(0, 0), beat(0.01, 0.01)], began(1, 0.01), looks, ended(4.0, "asgi"))
    times = only(state, 4.01)
    assert (times.number, times.requests) == (1, 1)
    assert times.longest_step_s == pytest.approx(4.0)
    assert times.max_lag_s == pytest.approx(3.98)
    assert times.busy_fraction == pytest.approx(4.0 / 4.01)
    [loop] = asgi(state).server.loops.values()
    longest = longest_step(loop, at(4.01))
    assert (longest.req, longest.on, longest.where) == (RUN + 1, True, Location("app.py", 9, "view", "time.sleep"))


def test_what_the_watchdog_saw_is_the_least_that_there_was() -> None:
    """Its end is not known, nor its beginning: they were lost."""
    state = reduced(ONE_LOOP, [beat(0, 0), beat(0.02, 0.02), held(0.24, RUN + 1, 200)])
    assert only(state, 0.3).longest_step_s == 0.2
    assert only(state, 0.3).max_lag_s == 0.2


def test_a_step_of_no_request_began_when_the_last_request_had_stepped() -> None:
    short = [*began(1, 0.30), StepEnded(at(0.31), "asgi", PID, RUN + 1, 10 * MS)]
    state = reduced(ONE_LOOP, [beat(0, 0)], short, [held(0.33, 0, 310)])
    [loop] = asgi(state).server.loops.values()
    assert loop.held is not None
    assert loop.held.held_ns == 20 * MS, "many short steps are no long one"
    state = reduced([held(0.63, 0, 610)], before=state)
    longest = longest_step(asgi(state).server.loops[PID], at(0.64))
    assert (longest.length_ns, longest.req) == (320 * MS, 0)


def test_the_line_of_a_step_is_the_one_at_which_it_was_found_most_often() -> None:
    looks = [held(0.2 + look / 10, RUN + 1, 100 + 100 * look, line) for look, line in enumerate([8, 9, 9, 9, 12])]
    state = reduced(ONE_LOOP, [beat(0, 0)], began(1, 0.1), looks)
    [loop] = asgi(state).server.loops.values()
    assert loop.held is not None
    assert loop.held.where.line == 12
    assert longest_step(loop, at(0.7)).where == Location("app.py", 9, "view", "time.sleep")


def test_the_selector_tells_how_busy_a_loop_was_and_steps_tell_the_rest() -> None:
    state = reduced(ONE_LOOP, [beat(0, 0), beat(1.0, 0.75)])
    assert only(state, 1.0).busy_fraction == pytest.approx(0.25)
    state = reduced(began(1, 1.0), stepped(1, 1.5, 500), before=state)
    assert only(state, 1.5).busy_fraction == pytest.approx(0.75 / 1.5)
    state = reduced(began(2, 1.5), before=state)
    assert only(state, 2.0).busy_fraction == pytest.approx(1.25 / 2)
    state = reduced(stepped(2, 2.0, 500), [beat(2.0, 0.75, late_ms=980)], before=state)
    assert only(state, 2.0).busy_fraction == pytest.approx(1.25 / 2), "each counts once"


def test_the_clock_of_a_selector_that_has_begun_anew_is_read_from_there() -> None:
    """A viewer has gone, and another one has come."""
    state = reduced(ONE_LOOP, [beat(0, 0), beat(1.0, 0.75), beat(5.0, -1), beat(9.0, 0), beat(10.0, 0.5)])
    assert only(state, 10.0).busy_fraction == pytest.approx(0.5)


def test_steps_alone_where_the_selector_has_no_clock() -> None:
    state = reduced(ONE_LOOP, [beat(0, -1), beat(0.02, -1)])
    assert only(state, 0.1).busy_fraction is None
    state = reduced(began(1, 0.5), stepped(1, 1.0, 500), began(2, 1.0), before=state)
    assert only(state, 2.0).busy_fraction == pytest.approx(0.75)
    [times] = metrics.per_worker(asgi(state), at(2.0))
    assert times.busy_s == pytest.approx(1.5)


def test_each_loop_has_its_own_figures() -> None:
    beats = [beat(0, 0), beat(0, 0, OTHER), beat(1.0, 1.0, OTHER)]
    first = [*began(1, 0.1), *stepped(1, 0.6, 500), *began(2, 0.6)]
    way = [RequestSent(at(0.001), "asgi", DRIVER, RUN + 3, T0), Connected(at(0.01), "asgi", DRIVER, RUN + 3, 4000)]
    state = reduced(TWO_LOOPS, beats, first, way, [ConnectionAccepted(at(0.02), "asgi", PID, 0, 4000)])
    one, other = loop_times(asgi(state), at(1.0))
    assert (one.pid, one.number, one.requests) == (PID, 1, 3), "one ended, one in the app, one accepted"
    assert (other.pid, other.number, other.requests) == (OTHER, 2, 0)
    assert one.busy_fraction == pytest.approx(0.9)
    assert other.busy_fraction == pytest.approx(0.0)
    assert (one.longest_step_s, other.longest_step_s) == (0.5, 0)


def test_the_loop_of_a_worker_that_died_is_kept_until_the_next_run() -> None:
    """Its step counts as long as it was seen alive: its master finds out later."""
    alive = ThreadSampled(at(0.3), "asgi", PID, 0, 0, 0, "S")
    death = WorkerDied(at(0.9), "asgi", DRIVER, PID, 9)
    state = reduced(TWO_LOOPS, [beat(0, 0), beat(0, 0, OTHER)], began(1, 0.1), [alive, death])
    assert set(asgi(state).server.loops) == {OTHER}
    assert [loop.pid for _, loop in loops(asgi(state))] == [PID, OTHER]
    dead, _ = loop_times(asgi(state), at(2.0))
    assert dead.number == 1
    assert dead.longest_step_s == pytest.approx(0.2)
    late = reduced([held(0.35, RUN + 1, 250)], before=state)
    assert set(asgi(late).server.loops) == {OTHER}, "what it wrote last does not wake it up"
    assert loop_times(asgi(late), at(2.0))[0].longest_step_s == pytest.approx(0.25)


def test_a_zombie_was_last_seen_alive_before_that() -> None:
    zombie = ThreadSampled(at(0.8), "asgi", PID, 0, 0, 0, "Z")
    death = WorkerDied(at(0.9), "asgi", DRIVER, PID, 9)
    state = reduced(ONE_LOOP, [beat(0, 0)], began(1, 0.1), [zombie, death])
    assert only(state, 2.0).longest_step_s == 0


def test_the_report_has_each_loop_and_the_worst_of_each_figure() -> None:
    beats = [beat(0, 0), beat(0, 0, OTHER), beat(1.0, 1.0, OTHER, late_ms=30)]
    state = reduced(TWO_LOOPS, beats, began(1, 0.1), stepped(1, 0.6, 500))
    side = result(state, Occurrences())["sides"]["asgi"]
    assert [set(loop) for loop in side["loops"]] == [{*LoopTimes.__struct_fields__}] * 2
    assert [(loop["pid"], loop["number"], loop["requests"]) for loop in side["loops"]] == [(PID, 1, 1), (OTHER, 2, 0)]
    assert side["loop"] == {"max_lag_s": 0.03, "busy_fraction": 0.5, "longest_step_s": 0.5}
