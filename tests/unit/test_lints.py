"""Lints of the way in and of the measuring; and all lints together: their order, and that each explains itself."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.lint_contexts import (
    BLOCKING,
    BOOTED,
    at,
    but,
    context,
    over,
    queued,
    reduced,
    rows,
    says,
    seen,
    side,
    state_of,
    worker,
)
from tests.unit.states import MS, RUN, T0, S, awaiting_tasks, sleeping_workers
from wsgiviz.analysis.lints import BY_NAME, LINTS, LintContext, findings, listing
from wsgiviz.lint_names import NAMES
from wsgiviz.settings import make
from wsgiviz.state import Activity, Counters, DriverSample, Ledger, Loop, Phase, Request, Run, Side, Tally

# --- the way in --------------------------------------------------------------------------------------------------


def connecting(*delays_s: float, first: int = 1, **more: Any) -> list[Request]:
    """Sent at once, connected so much later; 0 when not yet."""
    return [
        Request(RUN + n, T0, T0, connected_ns=T0 + int(delay * S) if delay else 0, **more)
        for n, delay in enumerate(delays_s, first)
    ]


def test_an_accept_queue_that_is_full() -> None:
    full = reduced(BOOTED, [queued(0.1, 101, limit=100)])
    assert says("accept-queue-overflow", seen(full)) == (
        "The accept queue of WSGI is full (100): the kernel drops new connections, "
        "and clients try again after 1 s, 3 s, 7 s."
    )
    last = reduced([queued(0.2, 100, limit=100)], before=full)
    assert says("accept-queue-overflow", seen(last)) is None, "as many as it holds"


def test_connections_that_were_turned_away() -> None:
    counted: dict[str, Any] = {"queue_limit": 100, "overflows": 37, "overflows_before": 0}
    full = side(requests=connecting(0, 0, 0.1), queue_depth=50, max_queue=101, **counted)
    other = side("asgi", "asgi", queue_depth=0, **counted)
    shown = context(full, other)
    assert says("accept-queue-overflow", shown) == (
        "A full accept queue (100) dropped 37 connections: 2 of WSGI wait to try again."
    )
    assert says("accept-queue-overflow", context(but(full, requests=()), other)) is None, "all have come in"
    assert says("accept-queue-overflow", context(over(full), other)) == (
        "The accept queue of WSGI (100) was full: the kernel dropped 37 connections, "
        "and clients tried again after 1 s, 3 s, 7 s."
    )
    assert says("accept-queue-overflow", context(over(but(full, overflows=0)))) is None
    assert [found.side for found in findings(shown)] == ["wsgi"], "the other's queue was never full"
    unseen = but(full, max_queue=60)
    assert says("accept-queue-overflow", context(unseen, other)) is not None, "full for less than two samples"


def test_steps_of_syn_retransmission_in_connect_times() -> None:
    done = connecting(7.1, first=5, received_ns=T0 + 8 * S)
    late = side(requests=[*connecting(0.0001, 1.01, 1.03, 3.05), *done])
    assert says("syn-retransmission", context(late, at_s=8)) == (
        "4 requests of WSGI connected at a second try or later (2 after 1 s, 1 after 3 s, 1 after 7 s): "
        "the first SYN got no answer."
    )
    slow = side(requests=connecting(0.5, 0.94, 1.4, 9.0))
    assert says("syn-retransmission", context(slow, at_s=10)) is None, "no such steps"


def test_a_request_whose_app_goes_on_after_the_answer_counts_once() -> None:
    """It is both finished, for its client, and in flight, for its app."""
    [request] = connecting(1.01, began_ns=T0 + S, received_ns=T0 + 2 * S)
    sentence = says("syn-retransmission", context(side(requests=[request]), at_s=8))
    assert sentence is not None
    assert sentence.startswith("1 request of WSGI connected")


# --- the measuring -----------------------------------------------------------------------------------------------


def answered(latency_ms: float, sending_ms: float = 0, outside: float = 0) -> list[Request]:
    """Requests, planned at once; ``outside``: the part of their time in which they are not in the app."""
    sent, end = T0 + int(sending_ms * MS), T0 + int(latency_ms * MS)
    began = sent + int((end - sent) * outside)
    return [
        Request(RUN + n, T0, sent, connected_ns=sent, began_ns=began, ended_ns=end, received_ns=end)
        for n in range(1, 21)
    ]


def test_a_driver_that_is_late_by_as_much_as_requests_take() -> None:
    late = side(requests=answered(80), max_driver_late_ns=120 * MS)
    assert says("driver-bottleneck", context(late)) == (
        "The load driver is up to 0.12 s late, longer than half of WSGI's requests take: "
        "the driver is the bottleneck, and the figures are its own."
    )
    assert says("driver-bottleneck", context(over(late))) == (
        "The load driver was up to 0.12 s late, and WSGI's p50 is 80 ms: "
        "the driver is the bottleneck, and the figures are its own."
    )
    assert says("driver-bottleneck", context(but(late, requests=answered(1000)))) is None, "a small part"
    assert says("driver-bottleneck", context(side(requests=answered(2), max_driver_late_ns=10 * MS))) is None


def test_a_driver_that_is_too_slow_to_send() -> None:
    busy = side(requests=answered(100, sending_ms=60))
    assert says("driver-bottleneck", context(busy)) == (
        "WSGI's requests wait most of their time to be sent: "
        "the driver is the bottleneck, and the figures are its own."
    )
    assert says("driver-bottleneck", context(over(busy))) == (
        "WSGI's requests waited 60 ms of their 0.10 s (p50) to be sent: "
        "the driver is the bottleneck, and the figures are its own."
    )
    assert says("driver-bottleneck", context(side(requests=answered(100, sending_ms=40)))) is None


def driven(cpu: float, waiting: float = 0.0, lasted_s: float = 2.0, servers: tuple[float, float] = (0, 0)) -> Side:
    """A run whose driver was on a CPU for that share of it, and waited for one for that; and so was its worker."""
    first, last = DriverSample(T0, S, 0), DriverSample(at(lasted_s), S + int(cpu * lasted_s * S), 0)
    last = replace(last, runq_ns=int(waiting * lasted_s * S))
    on_cpu, waited = (int(share * lasted_s * S) for share in servers)
    tally = Tally(first=Counters(T0, 5, 5))
    one = worker(100, Activity.IDLE, 0, tally=tally, sample=Counters(at(lasted_s), 5 + on_cpu, 5 + waited))
    return over(side(workers=rows(one), requests=answered(3), driver_first=first, driver=last), lasted_s)


def test_a_driver_without_time_is_the_limit_however_prompt_it_is() -> None:
    assert says("driver-bottleneck", context(driven(0.95))) == (
        "The load driver was busy 95 % of the time, and could hardly have asked for more than WSGI's 10/s, whatever "
        "the server can do: the driver is the bottleneck, and the figures are its own."
    )
    assert says("driver-bottleneck", context(driven(0.6, 0.3))) == (
        "The load driver was busy 90 % of the time (30 % waiting for a core), and could hardly have asked for more "
        "than WSGI's 10/s, whatever the server can do: the driver is the bottleneck, and the figures are its own."
    )
    running = but(driven(0.95), ended_ns=0)
    assert says("driver-bottleneck", context(running, at_s=2)) == (
        "The load driver has no time left to ask WSGI for more, whatever the server can do: "
        "the driver is the bottleneck, and the figures are its own."
    )
    for fine in (driven(0.6), driven(0.1, 0.85), driven(0.95, lasted_s=0.2)):
        assert says("driver-bottleneck", context(fine)) is None


def test_a_driver_that_takes_cores_which_servers_wait_for_is_part_of_the_figures() -> None:
    short = driven(0.4, 0.3, servers=(0.8, 0.5))
    assert says("driver-bottleneck", context(short)) == (
        "The load driver took 33 % of the CPU time that it and WSGI's workers had, and both waited for a core: "
        "the driver is part of the bottleneck, and the figures are in part its own."
    )
    assert says("driver-bottleneck", context(but(short, ended_ns=0), at_s=2)) == (
        "The load driver takes CPU that WSGI's workers wait for: the figures are in part its own."
    )
    enough_cores = driven(0.4, 0.01, servers=(0.8, 0.05))
    computes = driven(0.05, 0.1, servers=(1.0, 0.9))
    small = driven(0.1, 0.1, servers=(0.2, 0.1))
    for fine in (enough_cores, computes, small):
        assert says("driver-bottleneck", context(fine)) is None
    assert says("driver-bottleneck", context(but(short, driver=replace(short.run.driver, runq_ns=-1)))) is None


def test_a_percentile_of_the_newest_requests_says_so() -> None:
    late = but(over(side(requests=answered(80), max_driver_late_ns=120 * MS)), completed=501)
    assert "WSGI's p50 is 80 ms of the last 500:" in (says("driver-bottleneck", context(late)) or "")


def test_a_closed_loop_hides_latency() -> None:
    waits = side(requests=answered(1000, outside=0.8))
    users: dict[str, Any] = {"arrivals": "closed", "users": 8}
    assert says("closed-loop", context(waits, **users)) == (
        "8 users send their next request only when they have their answer: while WSGI keeps them waiting, "
        "no new ones come, so its latency looks better than independent users would find it."
    )
    assert says("closed-loop", context(over(waits), **users)) == (
        "8 users sent their next request only when they had their answer, so no more came than WSGI served "
        "(10.0/s): independent users would wait longer than its latency says."
    )
    assert says("closed-loop", context(waits)) is None, "a burst waits for nobody"
    assert says("closed-loop", context(side(requests=answered(1000, outside=0.05)), **users)) is None, "no queue"


# --- all together ------------------------------------------------------------------------------------------------


def test_the_names_that_can_be_silenced_are_those_of_the_lints_in_their_order() -> None:
    assert tuple(lint.name for lint in LINTS) == NAMES
    assert {name: lint.name for name, lint in BY_NAME.items()} == {name: name for name in NAMES}


def test_a_run_without_a_fault_has_no_findings() -> None:
    free = but(sleeping_workers(0.5, requests=3), queue_depth=0)
    assert findings(context(free, awaiting_tasks(0.5))) == []
    assert findings(context(over(sleeping_workers(9)), over(awaiting_tasks(9)), at_s=9)) == []
    assert findings(context()) == []


def held_loop() -> Side:
    return side("asgi", "asgi", loops={9: Loop(9, running=RUN + 3, since_ns=T0)})


def test_findings_come_in_order_and_are_silenced_by_name() -> None:
    shown = context(sleeping_workers(0.5), held_loop())
    assert [(found.lint, found.side) for found in findings(shown)] == [
        ("loop-held", "asgi"),
        ("all-workers-blocked", "wsgi"),
    ]

    def silenced(names: str) -> list[str]:
        state = state_of(sleeping_workers(0.5), held_loop(), settings=make(silence=names))
        return [found.lint for found in findings(LintContext.of(state, T0 + S // 2))]

    assert silenced("loop-held") == ["all-workers-blocked"]
    assert silenced(",".join(NAMES)) == []


@pytest.mark.parametrize(
    "run",
    [Run(number=0), Run(number=1, planned=20, requested_ns=T0), Run(number=1, started_ns=T0, calibration=True)],
    ids=["of an earlier run", "not begun", "a calibration"],
)
def test_sides_that_are_not_in_a_run_of_a_person_s_have_no_findings(run: Run) -> None:
    blocked = sleeping_workers(0.5)
    assert findings(context(blocked)) != []
    assert findings(context(Side("wsgi", server=blocked.server, run=run, ledger=blocked.ledger))) == []


def test_before_the_first_run_external_requests_are_looked_at_too() -> None:
    blocked = sleeping_workers(0.5)
    idle = Side("wsgi", server=blocked.server, run=Run(), ledger=Ledger())
    state = state_of(idle, run=0, fired=0, phase=Phase.READY)
    assert [found.lint for found in findings(LintContext.of(state, T0 + S // 2))] == ["all-workers-blocked"]


def test_both_sides_have_their_own_findings() -> None:
    second = but(sleeping_workers(0.5), name="wsgi2")
    sentences = [found.message.split(" are ")[0] for found in findings(context(sleeping_workers(0.5), second))]
    assert sentences == ["All 4 workers of WSGI (sync)", "All 4 workers of WSGI2 (sync)"]


def test_every_lint_explains_itself() -> None:
    assert [name for name, _, _ in listing()] == list(NAMES)
    assert len(set(NAMES)) == len(NAMES)
    for name, explanation, source in listing():
        assert name == name.lower().replace(" ", "-")
        assert 2 <= explanation.count(". ") + 1 <= 4, name
        assert explanation.endswith(".")
        assert source
        assert "://" not in source


def test_the_context_takes_what_it_needs_from_the_state() -> None:
    settings = make(scenario="timeout", arrivals="closed", concurrency=3, requests=9, silence="loop-held")
    shown = LintContext.of(state_of(sleeping_workers(0.5), settings=settings, cores=3), T0)
    assert (shown.wsgi_call, shown.asgi_call) == ("time.sleep(5)", "await asyncio.sleep(5)")
    assert (shown.cores, shown.arrivals, shown.users, shown.own_app) == (3, "closed", 3, False)
    assert (shown.worker_timeout_s, shown.silenced) == (2.0, frozenset({"loop-held"}))
    own = LintContext.of(state_of(settings=make(wsgi="shop:app")), T0)
    assert (own.own_app, own.worker_timeout_s) == (True, None)
    given = LintContext.of(state_of(settings=make(wsgi="shop:app", server_timeout=7)), T0)
    assert given.worker_timeout_s == 7


def test_requests_in_flight_and_the_latest_are_looked_up_once_for_all_lints() -> None:
    blocked = sleeping_workers(1.5)
    shown = context(blocked, at_s=1.5)
    assert list(shown.in_flight["wsgi"]) == blocked.ledger.in_flight()
    assert [request.id for request in shown.latest["wsgi"]] == [RUN + n for n in (1, 2, 3, 4)]


def test_where_requests_are_is_said_by_the_call_or_for_an_app_of_one_s_own_by_its_lines() -> None:
    blocked = sleeping_workers(0.5)
    assert context(blocked).waits_in(blocked) == " in time.sleep(1)"
    assert context(blocked, own_app=True).waits_in(blocked) == " at sleep.py:14 time.sleep"
    moved = [
        Request(RUN + n, T0, T0, began_ns=T0, pid=99 + n, where=BLOCKING) if n < 4 else request
        for n, request in enumerate(blocked.ledger.in_flight(), 1)
    ]
    most = but(blocked, requests=moved)
    assert context(most, own_app=True).waits_in(most) == ", most at blocking.py:12 time.sleep"
    answered = [Request(RUN + 1, T0, T0, began_ns=T0, ended_ns=T0 + 2 * MS, received_ns=T0 + 3 * MS, where=BLOCKING)]
    done = but(blocked, requests=answered)
    assert context(done, own_app=True, at_s=0.05).waits_in(done) == " at blocking.py:12 time.sleep"
    assert context(done, own_app=True, at_s=0.5).waits_in(done) == ""
