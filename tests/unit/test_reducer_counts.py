"""What a run counts: all of its requests, ours and others', whether or not they are kept."""

from __future__ import annotations

from tests.unit.histories import BOOTED, DRIVER, MASTER, PID, began, ns, one_request, reduced, req, started
from wsgiviz.events import (
    DriverSampled,
    PoolQueued,
    RequestBegan,
    RequestEnded,
    RequestsOver,
    ResponseReceived,
    WorkerBooting,
    WorkerDied,
)
from wsgiviz.state import LEDGER_KEPT, Activity, DriverSample, reduce
from wsgiviz.state.reduce.draft import NAMES_COUNTED, OTHERS


def received(n: int, status: int = 200, location: str = "") -> ResponseReceived:
    return ResponseReceived(ns(90), "wsgi", DRIVER, req(n), status, 1, location)


def test_all_answers_are_counted_by_status_though_not_all_are_kept() -> None:
    answers = [received(n, 200 if n % 2 else 302, "" if n % 2 else "/login/") for n in range(1, 2 * LEDGER_KEPT + 1)]
    run = reduced([*BOOTED, *started(requests=len(answers)), *answers]).sides["wsgi"].run
    assert run.statuses == {200: LEDGER_KEPT, 302: LEDGER_KEPT}
    assert run.redirects == {"302 /login/": LEDGER_KEPT}
    assert reduced([*BOOTED, *started(), *started(run=2)]).sides["wsgi"].run.statuses == {}


def test_names_from_an_app_are_counted_one_by_one_as_long_as_they_are_few() -> None:
    answers = [received(n, 302, f"/{n}") for n in range(1, 101)]
    run = reduced([*BOOTED, *started(requests=100), *answers]).sides["wsgi"].run
    assert (len(run.redirects), run.redirects[OTHERS], run.statuses) == (NAMES_COUNTED + 1, 36, {302: 100})


def test_an_exception_is_counted_once_and_a_death_that_was_none_is_taken_back() -> None:
    raising = RequestEnded(ns(30), "wsgi", PID, 0, req(1), 0, ns(21), 0, 0, ns(30), 500, 0, "ValueError")
    state = reduced([*BOOTED, *started(), began(1), WorkerDied(ns(40), "wsgi", MASTER, PID, 9)])
    assert state.sides["wsgi"].run.raised == {"worker died": 1}
    late = reduce(state, [raising])
    assert late.sides["wsgi"].run.raised == {"ValueError": 1}


def test_external_requests_are_counted_apart() -> None:
    """Also one that was begun before the run, and still holds its worker."""
    state = reduced([*BOOTED, began_as(-7, 5), *started(), *one_request(1, 20)])
    side = state.sides["wsgi"]
    assert (side.run.external, side.run.completed) == (1, 1)
    more = reduce(state, [ended_as(-7, 5, 30), began_as(-8, 40), ended_as(-8, 40, 50), ended_as(-9, 60, 70)])
    side = more.sides["wsgi"]
    assert (side.run.external, side.run.completed, side.run.statuses) == (3, 1, {200: 1})
    assert side.server.workers[PID, 0].tally.requests == 1


def test_external_requests_whose_events_were_lost_are_counted_by_their_numbers() -> None:
    """-19 to -11 were lost. -12 then comes late, as of a thread, and -30 had begun before all that was seen."""
    seen = [began_as(-20, 5), ended_as(-20, 5, 6), ended_as(-10, 7, 8)]
    run = reduced([*BOOTED, *seen]).sides["wsgi"].run
    assert (run.external, run.in_app) == (11, 0)
    run = reduced([*BOOTED, *seen, ended_as(-12, 7, 9), began_as(-30, 1), began_as(-30, 1)]).sides["wsgi"].run
    assert (run.external, run.in_app) == (12, 1)
    again = WorkerBooting(ns(50), "wsgi", PID, 2, PID, 1, "sync")
    assert reduced([*BOOTED, *seen, again, ended_as(-2, 60, 61)]).sides["wsgi"].run.external == 12
    absurd = [ended_as(-1 << 50, 1, 2), ended_as(-1, 3, 4)]
    assert reduced([*BOOTED, *absurd]).sides["wsgi"].run.external == 2


def test_a_request_whose_end_was_lost_does_not_stay_in_the_app() -> None:
    events = [*BOOTED, *(began_as(external, 5) for external in (-20, -15, -10)), began_as(-9, 6)]
    over = RequestsOver(ns(100), "wsgi", PID, -100, -15), RequestsOver(ns(100), "wsgi", PID, -14, -9)
    side = reduced([*events, *over]).sides["wsgi"]
    assert {request.id for request in side.in_app()} == {-15, -9}
    assert (side.run.in_app, side.run.external, side.server.workers[PID, 0].req) == (2, 12, -9)
    side = reduced([*events, *over, RequestsOver(ns(200), "wsgi", PID, -14, 0)]).sides["wsgi"]
    assert (side.run.in_app, side.server.workers[PID, 0].activity) == (1, Activity.IDLE)
    assert reduced([*events, RequestsOver(ns(200), "wsgi", PID + 1, -100, 0)]).sides["wsgi"].run.in_app == 4
    known = reduced([*events, *over, ended_as(-20, 5, 90)]).sides["wsgi"].ledger.external[-20]
    assert (known.began_ns, known.ended_ns) == (ns(5), ns(90))


def test_an_external_request_is_none_that_a_loop_has_served_for_us() -> None:
    boot = WorkerBooting(ns(1), "asgi", 300, 1, 300, 1, "asgi")
    end = RequestEnded(ns(60), "asgi", 300, 0, -3, 0, ns(50), 0, 0, ns(60), 200, 1, "")
    side = reduced([*BOOTED, boot, *started(), end]).sides["asgi"]
    assert (side.run.external, side.server.workers[300, 0].tally.requests) == (1, 0)


def test_the_deepest_queue_of_a_process_has_its_process() -> None:
    queued = [PoolQueued(ns(20), "wsgi", pid, waiting, 2) for pid, waiting in ((5, 3), (6, 9), (5, 4))]
    run = reduced([*BOOTED, *started(), *queued]).sides["wsgi"].run
    assert (run.max_pool, run.max_pool_pid) == (9, 6)


def test_what_the_driver_takes_of_the_cpu_is_known_from_the_first_sample_of_a_run() -> None:
    samples = [DriverSampled(ns(10 * n), "wsgi", DRIVER, ns(9 * n), ns(n)) for n in (2, 3, 4)]
    run = reduced([*BOOTED, *started(), *samples]).sides["wsgi"].run
    assert run.driver_first == DriverSample(ns(20), ns(18), ns(2))
    assert run.driver == DriverSample(ns(40), ns(36), ns(4))
    assert reduced([*BOOTED, *started(), *samples, *started(run=2)]).sides["wsgi"].run.driver_first.t_ns == 0


def began_as(external: int, at: float) -> RequestBegan:
    return RequestBegan(ns(at), "wsgi", PID, 0, external, ns(at), 0, "GET /")


def ended_as(external: int, at: float, until: float) -> RequestEnded:
    return RequestEnded(ns(until), "wsgi", PID, 0, external, 0, ns(at), 0, 0, ns(until), 200, 1, "")
