"""What holds for everything that is said of a State, whatever events it comes from: plausible runs, and nonsense."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from tests.unit.lint_contexts import opened
from tests.unit.plausible_runs import randoms, run
from tests.unit.test_reducer import EVENTS
from tests.unit.true_results import assert_figures_agree, assert_fractions
from wsgiviz.analysis import metrics
from wsgiviz.analysis.captions import caption
from wsgiviz.analysis.entries import rows
from wsgiviz.analysis.hot_lines import hot_lines
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.analysis.waterfall import Stage, intervals
from wsgiviz.events import Event, PhaseChanged
from wsgiviz.report.progress import progress_line
from wsgiviz.report.result import result
from wsgiviz.report.summary import summary
from wsgiviz.state import Phase, State, reduce

modest = settings(max_examples=40, deadline=None)


def after(batches: Sequence[Sequence[Event]]) -> tuple[State, Occurrences]:
    state, occurrences = State(), Occurrences()
    for batch in batches:
        state = reduce(state, batch)
        occurrences = occurrences.after(state)
    return state, occurrences


def assert_all_can_be_said(state: State, occurrences: Occurrences) -> None:
    assert caption(state, state.t_ns, occurrences).text
    json.dumps(result(state, occurrences, ledger=True), allow_nan=False)
    Console(width=110, file=io.StringIO()).print(summary(state, occurrences))
    progress_line(state, state.t_ns, 110)
    for side in state.sides.values():
        hot_lines(side)
        for request in side.ledger:
            intervals(request, state.t_ns)


@modest
@given(st.lists(EVENTS, max_size=40), st.sampled_from(Phase), st.integers(0, 10))
def test_any_events_can_be_reported_and_shown(events: list[Event], phase: Phase, cuts: int) -> None:
    size = max(1, len(events) // (cuts + 1))
    batches = [events[begin : begin + size] for begin in range(0, len(events), size)]
    state, occurrences = after([opened("sync", "asgi"), *batches])
    assert_all_can_be_said(state, occurrences)
    assert_all_can_be_said(reduce(state, [PhaseChanged(state.t_ns, "", 0, phase)]), occurrences)


@modest
@given(randoms)
def test_a_plausible_run_can_be_reported_and_shown_at_any_moment(random: Random) -> None:
    batches = run(random)
    assert_all_can_be_said(*after(batches))
    assert_all_can_be_said(*after(batches[: random.randint(0, len(batches))]))


@modest
@given(randoms)
def test_every_request_has_one_row_and_those_that_failed_stay_failures(random: Random) -> None:
    state, occurrences = after(run(random))
    made = result(state, occurrences, ledger=True)["requests"]
    ids = [(list(state.sides).index(row["side"]), row["id"]) for row in made]
    assert ids == sorted(set(ids))
    for row in made:
        assert not (row["error"] and row["received_s"])
        assert not row["for_nobody"] or row["error"]
    shown = rows(state, state.sides)
    assert len({(entry.side, entry.req) for entry in shown}) == len(shown)


@modest
@given(randoms)
def test_answers_are_counted_as_the_run_counts_them(random: Random) -> None:
    state, _ = after(run(random))
    for side in state.sides.values():
        assert sum(metrics.statuses(side).values()) == side.run.completed
        assert len(metrics.latency(side)) == side.run.completed
        assert sum(request.for_nobody for request in side.ledger.ours()) == side.run.for_nobody


@modest
@given(randoms)
def test_the_waterfall_of_each_request_adds_up_to_its_latency(random: Random) -> None:
    state, _ = after(run(random))
    for side in state.sides.values():
        for request in side.ledger.ours():
            if request.planned_ns and request.finished:
                spent = [each.duration_ns for each in intervals(request, state.t_ns) if each.stage is not Stage.AFTER]
                assert sum(spent) == max(0, request.finished_ns - request.planned_ns)


@modest
@given(st.lists(EVENTS, max_size=40))
def test_every_fraction_is_between_0_and_1_or_not_known_whatever_the_events(events: list[Event]) -> None:
    state, occurrences = after([opened("sync", "asgi"), events])
    assert_fractions(result(state, occurrences, ledger=True))


@modest
@given(randoms)
def test_figures_of_a_plausible_run_agree(random: Random) -> None:
    batches = run(random)
    for end in (len(batches), random.randint(0, len(batches))):
        state, occurrences = after(batches[:end])
        assert_figures_agree(result(state, occurrences, ledger=True))


@modest
@given(randoms)
def test_a_worker_is_never_busy_for_longer_than_the_run_takes(random: Random) -> None:
    state, _ = after(run(random))
    for side in state.sides.values():
        lasted_s = (state.t_ns - side.run.requested_ns) / 1e9
        for times in metrics.per_worker(side, state.t_ns):
            assert times.busy_s is None or times.busy_s <= lasted_s + 1e-9
            parts = [times.blocked_s, times.computing_s, times.gil_wait_s, times.reading_s, times.writing_s]
            known = [part for part in parts if part is not None]
            if not side.is_loop and len(known) == len(parts):
                assert math.fsum(known) == pytest.approx(times.busy_s)
