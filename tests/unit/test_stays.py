"""The lines that a request was seen at, one after the other."""

from __future__ import annotations

from collections.abc import Iterable

from tests.unit.lint_contexts import BOOTED, PID, at, reduced, taken
from tests.unit.loop_events import ONE_LOOP, began
from tests.unit.states import MS, RUN
from wsgiviz.events import Event, InnerLineSeen, LineSeen, RequestBegan, StepBegan, StepEnded
from wsgiviz.state import Stay
from wsgiviz.state.request import STAYS_KEPT, joined

REQ = RUN + 1


def line(at_s: float, number: int, within: str = "", side: str = "wsgi") -> list[Event]:
    """A look that finds the request there."""
    found: list[Event] = [LineSeen(at(at_s), side, PID, 0, REQ, number, "app.py|view|call")]
    return [*found, *([InnerLineSeen(at(at_s) + 1, side, PID, 0, REQ, 5, within)] if within else [])]


def step(at_s: float, held_ms: int = 1) -> list[Event]:
    begin_ns = at(at_s) - held_ms * MS
    return [StepBegan(begin_ns, "asgi", PID, REQ), StepEnded(at(at_s), "asgi", PID, REQ, held_ms * MS)]


def stays(*events: Iterable[Event]) -> tuple[Stay, ...]:
    state = reduced(*events)
    [side] = state.sides.values()
    request = side.ledger.get(REQ)
    assert request is not None
    return joined(request.stays)


def places(found: Iterable[Stay]) -> list[tuple[int, str, float, float]]:
    """Line, what it was in there, and from when to when, in ms of the run."""
    return [
        (
            stay.where.line,
            stay.within.function if stay.within else "",
            round((stay.since_ns - at(0)) / MS),
            round((stay.until_ns - at(0)) / MS) if stay.until_ns else 0,
        )
        for stay in found
    ]


def test_in_a_thread_a_stay_lasts_from_look_to_look() -> None:
    found = stays(BOOTED, taken(1, 0.01), line(0.04, 9), line(0.2, 12), line(0.3, 12, "lib.py|wait|x"))
    assert places(found) == [(9, "", 40, 200), (12, "", 200, 300), (12, "wait", 300, 0)]


def test_what_is_called_in_a_line_may_change_and_the_line_not() -> None:
    looks = [line(0.04, 9, "lib.py|wait|x"), line(0.2, 9, "lib.py|read|x"), line(0.3, 9, "lib.py|read|y")]
    assert places(stays(BOOTED, taken(1, 0.01), *looks)) == [(9, "wait", 40, 200), (9, "read", 200, 0)]


def test_on_a_loop_a_stay_lasts_from_step_to_step() -> None:
    begun = [*began(1, 0.01), StepEnded(at(0.02), "asgi", PID, REQ, 10 * MS)]
    waits = [*line(0.06, 9, "asyncio/locks.py|acquire|fut", "asgi"), *step(0.201)]
    found = stays(ONE_LOOP, begun, waits, line(0.25, 12, side="asgi"))
    assert places(found) == [(9, "acquire", 20, 200), (12, "", 201, 0)]


def test_steps_that_lead_back_to_the_same_line_are_one_stay() -> None:
    begun = [*began(1, 0.01), StepEnded(at(0.02), "asgi", PID, REQ, 10 * MS)]
    again = [event for n in range(1, 5) for event in (*line(n / 10, 9, side="asgi"), *step(n / 10 + 0.05))]
    found = stays(ONE_LOOP, begun, again, line(0.5, 9, side="asgi"))
    assert places(found) == [(9, "", 20, 0)]


def test_a_line_in_a_thread_that_the_request_awaits_is_a_stay_of_its_own() -> None:
    begun = [*began(1, 0.01), StepEnded(at(0.02), "asgi", PID, REQ, 10 * MS)]
    found = stays(ONE_LOOP, begun, line(0.06, 9, side="asgi"), line(0.3, 30, side="asgi"))
    assert places(found) == [(9, "", 20, 300), (30, "", 300, 0)]


def test_only_the_newest_are_kept() -> None:
    looks = [line(0.02 * n, n) for n in range(2, 40)]
    found = stays(BOOTED, taken(1, 0.01), *looks)
    assert [stay.where.line for stay in found] == list(range(40 - STAYS_KEPT, 40))


def test_a_request_that_comes_again_begins_anew() -> None:
    """Its id is the client's to send: twice, perhaps."""
    again = RequestBegan(at(0.5), "wsgi", PID, 0, REQ, at(0.5), 0, "GET /")
    assert stays(BOOTED, taken(1, 0.01), line(0.04, 9), [again], line(0.6, 12))[-1].where.line == 12
