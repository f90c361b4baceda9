"""Requests of an earlier run that a loop still has: counted, said, and in none of the new run's rows."""

from __future__ import annotations

from tests.unit.lint_contexts import DRIVER, PID, at, reduced
from tests.unit.loop_events import ONE_LOOP, began, stepped
from tests.unit.states import RUN, T0
from wsgiviz.analysis.caption import Tone
from wsgiviz.analysis.captions import Caption, caption
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.events import RequestBegan, RunRequested, RunStarted, WorkerDied
from wsgiviz.state import Side, State

NUMBERS = (1, 2, 3)
AGAIN = [
    RunRequested(at(0.5), "", 0, 2, 4, ("asgi",)),
    RunStarted(at(0.51), "asgi", DRIVER, 2, 4, at(0.51)),
]


def fired_again() -> State:
    return reduced(ONE_LOOP, *(began(number, 0.01) for number in NUMBERS), AGAIN)


def loop_of(state: State) -> Side:
    return state.sides["asgi"]


def said(state: State, at_s: float) -> Caption:
    return caption(state, at(at_s), Occurrences())


def test_they_are_counted_and_in_no_row_of_the_new_run() -> None:
    side = loop_of(fired_again())
    assert side.run.earlier == 3
    assert side.run.left == {RUN + number: PID for number in NUMBERS}
    assert (side.left_of_earlier_runs(), list(side.ledger), side.run.in_app) == (3, [], 0)


def test_they_are_said_until_they_end() -> None:
    state = fired_again()
    assert said(state, 0.6) == Caption(
        "3 requests of the run before are still on the event loop; their clients are gone.", Tone.WARN
    )
    state = reduced(stepped(1, 0.7, 1), stepped(2, 0.7, 1), before=state)
    assert said(state, 0.8).text == "1 request of the run before is still on the event loop; its client is gone."
    side = loop_of(reduced(stepped(3, 0.9, 1), before=state))
    assert (side.run.left, side.run.earlier, side.run.completed) == ({}, 3, 0)


def test_one_that_the_loop_takes_up_later_counts_too_and_once() -> None:
    late = RequestBegan(at(0.6), "asgi", PID, 0, RUN + 9, 0, 0, "GET /")
    side = loop_of(reduced([late], [late], before=fired_again()))
    assert (side.run.earlier, len(side.run.left)) == (4, 4)


def test_they_go_with_their_worker_and_stay_through_a_third_run() -> None:
    third = [RunRequested(at(0.7), "", 0, 3, 4, ("asgi",)), RunStarted(at(0.71), "asgi", DRIVER, 3, 4, T0)]
    state = reduced(third, before=fired_again())
    assert len(loop_of(state).run.left) == 3
    died = WorkerDied(at(0.8), "asgi", DRIVER, PID, 9, 0)
    assert loop_of(reduced([died], before=state)).run.left == {}
