"""One of several loops has most of the requests."""

from __future__ import annotations

from collections.abc import Sequence

from tests.unit.lint_contexts import DRIVER, PID, at, ended, fired, reduced, says, seen
from tests.unit.loop_events import OTHER, TWO_LOOPS, accepted, beat, began, stepped
from tests.unit.states import MS, RUN
from wsgiviz.events import Event, ResponseReceived

UNEVEN = "uneven-loops"
BEATS = [beat(0, 0), beat(0, 0, OTHER)]


def computing(numbers: Sequence[int], pid: int = PID) -> list[Event]:
    """One after the other, each for a tenth of a second."""
    found: list[Event] = []
    for index, n in enumerate(numbers):
        found += began(n, 0.01 + index / 10, pid)
        found += stepped(n, 0.11 + index / 10, 100, pid)
        found.append(ResponseReceived(at(0.11 + index / 10) + MS, "asgi", DRIVER, RUN + n, 200, 2))
    return found


def test_all_requests_wait_for_one_loop_while_another_is_idle() -> None:
    state = reduced(TWO_LOOPS, BEATS, accepted(range(1, 13)), began(1, 0.01), [beat(0.3, 0.3, OTHER)])
    assert says(UNEVEN, seen(state, 0.05)) is None, "not for so short"
    assert says(UNEVEN, seen(state, 0.3)) == (
        "Worker 1 has 12 requests on its event loop, worker 2 none: "
        "a connection stays with the loop that has accepted it."
    )


def test_one_loop_has_done_all_the_work() -> None:
    state = reduced(TWO_LOOPS, BEATS, computing(range(1, 13)), [beat(1.21, 1.2, OTHER)], ended(1.22, "asgi"))
    assert says(UNEVEN, seen(state, 1.3)) == (
        "Worker 1 took all 12 requests, worker 2 none: its event loop was busy 99 % of the time, the other 1 %, "
        "and a connection stays with the loop that has accepted it."
    )


def test_one_loop_has_done_most_of_it() -> None:
    both = sorted([*computing(range(1, 11)), *computing((11, 12), OTHER)], key=lambda event: event.t_ns)
    state = reduced(TWO_LOOPS, BEATS, both, [beat(1.02, 0.82, OTHER)], ended(1.03, "asgi"))
    assert (says(UNEVEN, seen(state, 1.1)) or "").startswith("Worker 1 took 10 of 12 requests, worker 2 2:")


def test_shares_as_chance_has_them_are_even() -> None:
    both = sorted([*computing(range(1, 9)), *computing((9, 10, 11, 12), OTHER)], key=lambda event: event.t_ns)
    state = reduced(TWO_LOOPS, BEATS, both, ended(0.83, "asgi"))
    assert says(UNEVEN, seen(state, 0.9)) is None


def test_a_loop_that_is_hardly_busy_needs_no_help() -> None:
    """All twenty wait at once, on one loop: on two they would be no faster."""
    awaiting = [event for n in range(1, 21) for event in (*began(n, 0.01), stepped(n, 0.011, 1)[0])]
    awaiting.sort(key=lambda event: event.t_ns)
    state = reduced(TWO_LOOPS, BEATS, awaiting, [beat(0.9, 0.85), beat(0.9, 0.89, OTHER)])
    assert says(UNEVEN, seen(state, 0.9)) is None


def test_one_loop_has_nobody_to_share_with() -> None:
    state = reduced(TWO_LOOPS[:6], fired("asgi"), BEATS[:1], computing(range(1, 13)), ended(1.22, "asgi"))
    assert says(UNEVEN, seen(state, 1.3)) is None
