"""The ledger's rows: their figures, what each request does, and that each is there once."""

from __future__ import annotations

from msgspec.structs import replace

from tests.unit.lint_contexts import BOOTED, DRIVER, PID, at, but, reduced, taken
from tests.unit.states import MS, RUN, T0, S, awaiting_tasks, sleeping_workers
from wsgiviz.analysis.entries import AFTER_ANSWER, FOR_NOBODY, RETURNING, Entry, entries, rows
from wsgiviz.events import RequestEnded, RequestFailed, RequestSent, ResponseReceived, WorkerDied
from wsgiviz.state import Request, Side, State


def whole(**more: object) -> Request:
    stamps: dict[str, object] = {
        "planned_ns": T0,
        "sent_ns": T0 + 1 * MS,
        "connected_ns": T0 + 2 * MS,
        "accepted_ns": T0 + 10 * MS,
        "began_ns": T0 + 11 * MS,
        "response_ns": T0 + 61 * MS,
        "returned_ns": T0 + 62 * MS,
        "ended_ns": T0 + 63 * MS,
        "received_ns": T0 + 65 * MS,
        "status": 200,
        "pid": 101,
        **more,
    }
    return Request(RUN + 17, **stamps)  # type: ignore[arg-type]


def state(side: Side) -> State:
    return State(run=1, sides={side.name: side})


# --- entries -----------------------------------------------------------------------------------------------------


def test_an_entry_has_the_figures_as_they_are_defined() -> None:
    side = but(sleeping_workers(0.5), requests=[whole()], started_ns=T0 - MS)
    (entry,) = entries(side, side.ledger)
    assert (entry.id, entry.req, entry.side, entry.worker, entry.status) == (17, RUN + 17, "wsgi", 2, "200")
    assert (entry.planned_s, entry.queue_wait_s, entry.service_s) == (0.001, 0.010, 0.052)
    assert (entry.return_s, entry.total_s, entry.state, entry.failed) == (0.002, 0.065, "", False)


def test_every_request_of_the_sides_asked_for_has_one_entry() -> None:
    both = State(sides={"wsgi": sleeping_workers(1.5), "asgi": awaiting_tasks(0.5)})
    found = rows(both, ("wsgi", "asgi"))
    assert sorted((entry.side, entry.id) for entry in found) == [
        (side, number) for side in ("asgi", "wsgi") for number in range(1, 21)
    ]
    assert {entry.side for entry in rows(both, ("asgi",))} == {"asgi"}


def test_those_in_flight_say_what_they_do_and_what_is_not_known() -> None:
    by_id = {entry.id: entry for entry in rows(state(sleeping_workers(0.5)), ("wsgi",))}
    assert (by_id[1].state, by_id[1].worker) == ("blocked", 1)
    assert (by_id[20].state, by_id[20].worker) == ("queued", None)
    assert (by_id[20].queue_wait_s, by_id[20].service_s, by_id[20].return_s) == (None, None, None)
    assert by_id[20].total_s is None
    loop = awaiting_tasks(0.5)
    assert {entry.state for entry in entries(loop, loop.ledger)} == {"awaiting"}


def only(state: State) -> Entry:
    """The one row that there is."""
    [entry] = rows(state, ("wsgi",))
    return entry


def received(at_s: float) -> ResponseReceived:
    return ResponseReceived(at(at_s), "wsgi", DRIVER, RUN + 1, 200, 2)


def gave_up(at_s: float) -> RequestFailed:
    return RequestFailed(at(at_s), "wsgi", DRIVER, RUN + 1, "timeout")


def app_ended(at_s: float, raised: str = "") -> RequestEnded:
    return RequestEnded(at(at_s), "wsgi", PID, 0, RUN + 1, 0, at(0.01), 0, 0, at(at_s), 200, 1, raised)


HELD = [*BOOTED, *taken(1, 0.01)]
"""A worker has the only request."""


def test_between_app_and_client_it_is_returning() -> None:
    entry = only(reduced(HELD, [app_ended(0.2)]))
    assert (entry.state, entry.total_s, entry.status) == (RETURNING, None, "200")
    assert only(reduced(HELD, [app_ended(0.2), received(0.3)])).state == ""


def test_while_the_app_goes_on_for_a_client_that_has_its_answer_it_says_so() -> None:
    answered = reduced(HELD, [received(0.2)])
    entry = only(answered)
    assert (entry.state, entry.total_s, entry.failed, entry.service_s) == (AFTER_ANSWER, 0.2, False, None)
    through = only(reduced([app_ended(0.7)], before=answered))
    assert (through.state, through.total_s, through.return_s) == ("", 0.2, None)
    assert through.service_s == 0.69


def test_an_answer_is_on_its_way_from_the_last_that_the_app_gave_for_it() -> None:
    """Its close() may end long after the client has the answer, and that is no negative way back."""
    side = but(sleeping_workers(0.5), requests=[whole(ended_ns=T0 + 500 * MS, released_ns=T0 + 501 * MS)])
    (entry,) = entries(side, side.ledger)
    assert (entry.return_s, entry.service_s) == (0.003, 0.489)


def test_a_request_that_its_client_gave_up_stays_one_row_and_failed() -> None:
    """Also when a worker begins with it only after that."""
    sent = RequestSent(at(0.001), "wsgi", DRIVER, RUN + 1, T0)
    waits = reduced(BOOTED, [sent, gave_up(0.1)])
    assert (only(waits).state, only(waits).status, only(waits).failed) == ("", "timeout", True)
    late = reduced(taken(1, 0.2)[1:], before=waits)
    assert (only(late).state, only(late).status, only(late).failed) == (FOR_NOBODY, "timeout", True)
    over = only(reduced([app_ended(0.5)], before=late))
    assert (over.state, over.status, over.failed, over.total_s) == ("", "timeout", True, 0.1)


def test_a_request_that_its_worker_took_with_it_is_not_served_for_nobody() -> None:
    died = WorkerDied(at(0.3), "wsgi", DRIVER, PID, 9)
    waits = only(reduced(HELD, [died]))
    assert (waits.state, waits.status) == (RETURNING, "worker died"), "its client does not know yet"
    noticed = only(reduced(HELD, [died, gave_up(0.31)]))
    assert (noticed.state, noticed.status, noticed.failed) == ("", "timeout worker died", True)


def test_a_failed_one_has_its_kind_and_how_long_the_client_waited() -> None:
    lost = whole(received_ns=0, failed_ns=T0 + S, error="reset", status=0, raised="worker died")
    (entry,) = entries(sleeping_workers(0.5), [lost])
    assert (entry.status, entry.failed, entry.total_s, entry.return_s) == ("reset worker died", True, 1.0, None)


def test_an_external_request_was_never_planned() -> None:
    external = replace(whole(), id=-5, planned_ns=0, sent_ns=0, connected_ns=0, received_ns=0)
    (entry,) = entries(sleeping_workers(0.5), [external])
    assert (entry.id, entry.planned_s, entry.total_s, entry.state) == (-5, None, None, "")
    assert entry.status == "200"
