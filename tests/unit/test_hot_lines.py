"""At which lines of code requests are, and who is there."""

from __future__ import annotations

from msgspec.structs import replace

from tests.unit.lint_contexts import BLOCKING, but, rows, side, worker
from tests.unit.states import RUN, SLEEP, T0, sleeping_workers
from wsgiviz.analysis.hot_lines import hot_lines
from wsgiviz.state import Activity, Location, Request, Task


def at_line(n: int, where: Location | None, **more: int) -> Request:
    return Request(RUN + n, T0, T0, began_ns=T0, where=where, **more)  # type: ignore[arg-type]


def test_the_workers_at_a_line_are_named() -> None:
    [found] = hot_lines(sleeping_workers(0.5))
    assert (found.place, found.slots, found.many) == (SLEEP, ("1", "2", "3", "4"), 4)
    assert found.words == "workers 1 2 3 4"


def test_threads_are_named_by_their_process_and_slot_and_the_most_crowded_line_comes_first() -> None:
    workers = rows(*(worker(1, Activity.BLOCKED, 0, slot, RUN + slot) for slot in (1, 2, 3)))
    requests = [at_line(n, BLOCKING if n == 1 else SLEEP, pid=1, slot=n) for n in (1, 2, 3)]
    first, second = hot_lines(side(kind="gthread", requests=requests, workers=workers))
    assert (first.place, first.slots) == (SLEEP, ("1.2", "1.3"))
    assert (second.place, second.words) == (BLOCKING, "thread 1.1")


def test_tasks_are_counted_and_the_line_that_holds_the_loop_comes_first() -> None:
    waiting = [replace(at_line(n, SLEEP), task=Task.AWAITING) for n in range(1, 6)]
    holds = replace(at_line(9, BLOCKING), task=Task.RUNNING)
    first, second = hot_lines(side("asgi", "asgi", [*waiting, holds]))
    assert (first.place, first.words) == (BLOCKING, "1 request")
    assert (second.place, second.words) == (SLEEP, "5 requests")


def test_what_is_over_or_was_seen_nowhere_is_at_no_line() -> None:
    ended, unseen = at_line(1, SLEEP, ended_ns=T0 + 1), at_line(2, None)
    assert hot_lines(side(requests=[ended, unseen])) == ()


def test_an_app_that_goes_on_after_the_answer_is_still_at_its_line() -> None:
    [found] = hot_lines(side(requests=[at_line(1, SLEEP, received_ns=T0 + 1)]))
    assert found.words == "1 request", "its worker is not known any more"


def test_requests_that_are_known_are_not_looked_up_again() -> None:
    shown = sleeping_workers(0.5)
    assert hot_lines(shown, shown.ledger.in_flight()) == hot_lines(shown)
    assert hot_lines(shown, ()) == ()
    assert hot_lines(but(shown, requests=())) == ()
