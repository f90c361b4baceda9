"""What one request costs, and what a State's servers are predicted to take."""

from __future__ import annotations

import math
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.lint_contexts import but, rows, side, state_of, worker
from tests.unit.states import MS, RUN, T0, S
from wsgiviz.analysis.calibration import cost_of, from_many, from_one, is_short
from wsgiviz.analysis.prediction import prediction
from wsgiviz.scenarios import Cost
from wsgiviz.settings import make
from wsgiviz.state import Activity, Counters, Measured, Request, State, Tally


def of(scenario: str, measured: Measured | None = None, **settings: Any) -> State:
    return state_of(side(), side("asgi", "asgi"), settings=make(scenario=scenario, **settings), measured=measured)


# --- the cost ----------------------------------------------------------------------------------------------------


def test_what_a_scenario_says_needs_no_measuring() -> None:
    assert cost_of(of("sleep")) == Cost(1.0, 0.0)
    assert cost_of(of("sleep", Measured(3, 4))) == Cost(1.0, 0.0)


def test_what_it_does_not_say_is_what_was_measured() -> None:
    unknown = cost_of(of("cpu"))
    assert unknown is not None
    assert math.isnan(unknown.cpu_s)
    assert cost_of(of("cpu", Measured(0.0, 0.25))) == Cost(0.0, 0.25)
    assert cost_of(of("cpu", Measured(-1.0, -1.0))) is None, "it could not be measured"


def test_an_app_of_one_s_own_and_some_scenarios_have_none() -> None:
    assert cost_of(state_of(settings=make(wsgi="shop:app"))) is None
    assert cost_of(of("slow-client")) is None


# --- the measuring -----------------------------------------------------------------------------------------------

ONE = Request(RUN + 1, T0, T0, began_ns=T0, ended_ns=T0 + S, received_ns=T0 + S, status=200)


def test_one_request_alone_waits_and_computes() -> None:
    assert from_one(side(requests=[replace(ONE, cpu_ns=250 * MS)])) == Measured(0.75, 0.25)
    assert from_one(side(requests=[replace(ONE, cpu_ns=600 * MS)])) == Measured(0.0, 0.6), (
        "the rest is a wait for a core"
    )
    assert from_one(side("asgi", "asgi", [replace(ONE, run_ns=S)])) == Measured(0.0, 1.0)


def test_what_it_spent_on_the_run_queue_is_no_wait_of_the_app_s() -> None:
    first, last = Counters(T0, runq_ns=5 * MS), Counters(T0 + S, runq_ns=605 * MS)
    slot = worker(100, Activity.IDLE, 0.0, sample=last, tally=Tally(first=first))
    measured = from_one(side(requests=[replace(ONE, cpu_ns=250 * MS)], workers=rows(slot)))
    assert measured == Measured(0.0, 0.25), "0.6 s without a core, and 0.15 s that nobody knows of"
    measured = from_one(side(requests=[replace(ONE, cpu_ns=100 * MS)], workers=rows(slot)))
    assert measured is not None
    assert measured.wait_s == pytest.approx(0.3)


@pytest.mark.parametrize("more", [{"status": 500}, {"received_ns": 0}, {"ended_ns": 0}, {"began_ns": 0}])
def test_one_request_that_was_not_served_measures_nothing(more: dict[str, int]) -> None:
    assert from_one(side(requests=[replace(ONE, **more)])) is None
    assert from_one(side(requests=[replace(ONE, id=-1)])) is None, "it is not ours"


def test_of_many_short_ones_the_median_round_trip_counts() -> None:
    trips = [replace(ONE, id=RUN + n, received_ns=T0 + n * MS) for n in range(1, 6)]
    measured = from_many(side(requests=trips))
    assert measured == Measured(0.0, 0.003)
    assert is_short(measured)
    assert not is_short(Measured(0.0, 0.3))
    assert from_many(side()) is None


# --- the prediction ----------------------------------------------------------------------------------------------


def seconds(state: State, name: str) -> float | None:
    found = prediction(state, name)
    return found.seconds if found is not None else None


def test_a_state_s_servers_are_predicted_with_the_workers_that_there_are() -> None:
    state = of("sleep", requests=20, workers=4)
    assert (seconds(state, "wsgi"), seconds(state, "asgi")) == (5.0, 1.0)
    two = but(state.sides["wsgi"], wanted=2)
    assert seconds(replace(state, sides={**state.sides, "wsgi": two}), "wsgi") == 10.0
    assert seconds(of("sleep", requests=20, workers=4, threads=5), "wsgi") == 1.0
    assert seconds(of("sleep", arrivals="closed", concurrency=2), "wsgi") == 10.0


def test_two_sides_that_compute_are_rivals_unless_they_run_in_turn() -> None:
    measured = Measured(0.0, 0.1)
    together, in_turn = of("cpu", measured, workers=2), of("cpu", measured, workers=2, order="in-turn")
    assert seconds(in_turn, "wsgi") == pytest.approx(1.0)
    alone, shared = seconds(in_turn, "wsgi"), seconds(together, "wsgi")
    assert alone is not None
    assert shared is not None
    assert shared > alone


def test_cores_are_those_of_the_machine_that_was_observed() -> None:
    measured = Measured(0.0, 0.1)
    state = of("cpu", measured, workers=4, order="in-turn")
    assert seconds(replace(state, host={"usable_cores": 1}), "wsgi") == pytest.approx(2.0)
    assert seconds(replace(state, host={"usable_cores": 4}), "wsgi") == pytest.approx(0.5)


def test_what_can_not_be_known_is_not_predicted() -> None:
    assert prediction(of("cpu"), "wsgi") is None, "not measured yet"
    assert prediction(of("cpu", Measured(-1, -1)), "wsgi") is None
    assert prediction(of("sleep", arrivals="closed", duration=5), "wsgi") is None
    assert prediction(of("timeout"), "wsgi") is None
