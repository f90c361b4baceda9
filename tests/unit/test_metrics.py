"""Figures of a side, from events and from states made by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.lint_contexts import BOOTED, DRIVER, PID, at, but, ended, reduced, rows, side, taken, worker
from tests.unit.states import MS, RUN, T0, S, ledger_of, sleeping_workers
from wsgiviz.analysis import metrics
from wsgiviz.analysis.metrics import nearest_rank, quantiles
from wsgiviz.analysis.shares import Shares, shares
from wsgiviz.events import (
    Event,
    RequestBegan,
    RequestEnded,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    ThreadSampled,
    WorkerBooting,
    WorkerDied,
    WorkerReady,
)
from wsgiviz.state import (
    Activity,
    Counters,
    Loop,
    LoopTally,
    Request,
    Run,
    Server,
    Side,
    Span,
    State,
    Tally,
    WaitSamples,
    Worker,
)


def test_percentiles_are_values_that_were_measured() -> None:
    found = quantiles(float(value) for value in range(1, 101))
    assert found is not None
    assert (found.p50, found.p90, found.p95, found.p99, found.max, found.mean) == (50, 90, 95, 99, 100, 50.5)
    assert quantiles([]) is None
    alone = quantiles([2.5])
    assert alone is not None
    assert {alone.p50, alone.p90, alone.p99, alone.max, alone.mean} == {2.5}


def test_the_nearest_rank_is_the_smallest_value_that_so_many_do_not_exceed() -> None:
    assert [nearest_rank([1, 2, 3, 4], percent) for percent in (0, 25, 26, 50, 75, 99, 100)] == [1, 1, 2, 2, 3, 4, 4]
    with pytest.raises(IndexError):
        nearest_rank([], 50)


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_percentiles_rise_and_cover_their_share(values: list[float]) -> None:
    found = quantiles(values)
    assert found is not None
    assert found.p50 <= found.p90 <= found.p95 <= found.p99 <= found.max == max(values)
    for percent, value in ((50, found.p50), (90, found.p90), (95, found.p95), (99, found.p99)):
        assert value in values
        assert 100 * sum(each <= value for each in values) >= percent * len(values)
    assert min(values) * (1 - 1e-9) <= found.mean <= max(values) * (1 + 1e-9)


# --- requests ----------------------------------------------------------------------------------------------------


def one_request(n: int = 1, cpu_ms: float = 0.1) -> list[Event]:
    """Planned at 0, sent at 10 ms, accepted at 11, begun at 12, received at 110, closed at 111, released at 114."""
    end = RequestEnded(
        at(0.114), "wsgi", PID, 0, RUN + n, int(cpu_ms * MS), at(0.012), at(0.108), at(0.109), at(0.111), 200, 1, ""
    )
    return [
        RequestSent(at(0.010), "wsgi", DRIVER, RUN + n, T0),
        RequestBegan(at(0.012), "wsgi", PID, 0, RUN + n, at(0.011), 0, "GET /"),
        ResponseReceived(at(0.110), "wsgi", DRIVER, RUN + n, 200, 5),
        end,
    ]


def wsgi(state: State) -> Side:
    return state.sides["wsgi"]


def test_each_part_of_a_request_is_measured_between_its_own_stamps() -> None:
    found = wsgi(reduced(BOOTED, one_request(), ended(0.13)))
    measured = {
        name: [round(value * 1000, 3) for value in getattr(metrics, name)(found)]
        for name in ("latency", "latency_from_sent", "queue_wait", "service", "schedule_lag")
    }
    assert measured == {
        "latency": [110.0], "latency_from_sent": [100.0], "queue_wait": [2.0], "service": [99.0],
        "schedule_lag": [10.0],
    }  # fmt: skip
    assert metrics.makespan_ns(found) == 110 * MS
    assert metrics.elapsed_ns(found, at(1000)) == 110 * MS
    assert metrics.throughput(found, at(1000)) == pytest.approx(1 / 0.110)
    assert metrics.statuses(found) == {"200": 1}


def test_a_request_without_a_stamp_is_left_out_and_not_counted_as_zero() -> None:
    found = side(requests=[Request(RUN + 1, T0, T0, failed_ns=T0 + S, error="refused")])
    assert metrics.latency(found) == metrics.queue_wait(found) == metrics.service(found) == []
    assert metrics.schedule_lag(found) == [0.0]


def test_external_requests_count_in_no_figure() -> None:
    external = Request(-5, T0, T0, began_ns=T0, ended_ns=T0 + S, received_ns=T0 + S, status=500, raised="KeyError")
    found = side(requests=[external])
    assert metrics.latency(found) == metrics.queue_wait(found) == metrics.service(found) == []
    assert (metrics.statuses(found), metrics.raised(found)) == ({}, {})


def test_an_answer_counts_when_the_client_has_it_though_the_app_goes_on() -> None:
    answered = reduced(BOOTED, one_request()[:3])
    found = wsgi(answered)
    assert (metrics.statuses(found), metrics.latency(found), metrics.service(found)) == ({"200": 1}, [0.11], [])
    assert metrics.queue_wait(found) == [0.002]
    assert metrics.after_answer(found, at(0.15)) == metrics.AfterAnswer(0, 0.0), "it may just be closing"
    assert metrics.after_answer(found, at(2.11)) == metrics.AfterAnswer(1, 2.0)
    late = RequestEnded(at(0.62), "wsgi", PID, 0, RUN + 1, 0, at(0.012), 0, 0, at(0.61), 200, 1, "")
    over = wsgi(reduced([late], before=answered))
    assert metrics.after_answer(over, at(100)) == metrics.AfterAnswer(1, 0.5)
    assert metrics.after_answer(wsgi(reduced(BOOTED, one_request())), at(100)).count == 0


def test_what_is_served_for_nobody_is_counted_once_and_stays_a_failure() -> None:
    [sent, began, _, end] = one_request()
    gone = RequestFailed(at(0.05), "wsgi", DRIVER, RUN + 1, "timeout")
    for events in ([sent, began, gone, end], [sent, gone, began, end], [sent, gone, end]):
        found = wsgi(reduced(BOOTED, events))
        assert (found.run.for_nobody, found.run.failed, found.run.completed) == (1, 1, 0)
        assert (metrics.latency(found), metrics.statuses(found)) == ([], {})
        assert metrics.service(found) == [0.099]


# --- the run -----------------------------------------------------------------------------------------------------


def test_before_a_run_nothing_is_known() -> None:
    none = Side("wsgi")
    assert (metrics.makespan_ns(none), metrics.elapsed_ns(none, T0), metrics.throughput(none, T0)) == (0, 0, None)
    assert metrics.fractions(none, T0) == metrics.Fractions(None, None, None)


def test_a_run_that_ended_without_an_answer_does_not_go_on() -> None:
    cancelled = side(ended_ns=T0 + S)
    assert metrics.elapsed_ns(cancelled, T0 + 60 * S) == S
    assert metrics.elapsed_ns(side(), T0 + 60 * S) == 60 * S


# --- workers -----------------------------------------------------------------------------------------------------


def test_a_worker_that_sleeps_is_blocked_and_one_that_counts_computes() -> None:
    for cpu_ms, mostly in ((0.1, "blocked"), (95, "computing")):
        found = metrics.fractions(wsgi(reduced(BOOTED, one_request(cpu_ms=cpu_ms))), at(0.114))
        assert found.busy == pytest.approx(103 / 114)
        assert getattr(found, mostly) > 0.9
        parts = (found.blocked, found.computing, found.reading, found.writing)
        assert math.fsum(part for part in parts if part is not None) == pytest.approx(1)


def test_waiting_for_a_cpu_is_computing_and_not_blocked() -> None:
    tally = Tally(requests=1, app_ns=S, cpu_ns=400 * MS, first=Counters(T0, 90 * MS, MS))
    one = Worker(PID, 1, Activity.IDLE, T0 + S, tally=tally, sample=Counters(T0 + S, 500 * MS, 590 * MS))
    [times] = metrics.per_worker(side(workers=rows(one)), T0 + S)
    assert times.computing_s == pytest.approx(0.989)
    assert times.blocked_s == pytest.approx(0.011)


def test_what_waits_for_the_gil_is_neither_blocked_nor_computing() -> None:
    first = Counters(T0, 0, 0)
    waits = Tally(1, app_ns=S, cpu_ns=250 * MS, first=first, gil_ns=700 * MS, waits=WaitSamples(gil=20))
    one = Worker(PID, 1, Activity.IDLE, T0 + S, tally=waits, sample=Counters(T0 + S, 250 * MS, 900 * MS))
    shown = side(workers=rows(one))
    [times] = metrics.per_worker(shown, T0 + S)
    assert (times.gil_wait_s, times.computing_s, times.blocked_s) == (0.7, 0.3, 0.0)
    found = metrics.fractions(shown, T0 + S)
    assert (found.gil_wait, found.computing, found.blocked) == (0.7, 0.3, 0.0)


def test_the_request_that_waits_for_the_gil_now_counts_until_now() -> None:
    holds = worker(
        PID, Activity.WAITING_FOR_GIL, 0, req=RUN + 1, waits=WaitSamples(gil=3, blocked=1, runq_ns=50 * MS)
    )
    sampled = replace(holds, sample=Counters(T0 + S, 250 * MS, 50 * MS), tally=Tally(first=Counters(T0, 0, 0)))
    [times] = metrics.per_worker(side(workers=rows(sampled)), T0 + S)
    assert times.gil_wait_s == pytest.approx(0.7 * 3 / 4)
    assert times.computing_s == pytest.approx(0.3)
    assert times.blocked_s == pytest.approx(0.7 / 4)


def test_waiting_for_the_gil_is_no_reading_or_writing_as_far_as_samples_found_it() -> None:
    tally = Tally(1, reading_ns=300 * MS, app_ns=600 * MS, writing_ns=100 * MS, gil_ns=500 * MS, first=Counters(T0))
    for seen_ms, elsewhere_s in ((400, 0), (700, 0.2), (2000, 0.4)):
        one = Worker(PID, 1, Activity.IDLE, T0 + S, tally=replace(tally, gil_sampled_ns=seen_ms * MS))
        [times] = metrics.per_worker(side(workers=rows(replace(one, sample=Counters(T0 + S)))), T0 + S)
        assert times.gil_wait_s == pytest.approx(0.5 + elsewhere_s)
        assert times.reading_s == pytest.approx(0.3 - 0.75 * elsewhere_s)
        assert times.writing_s == pytest.approx(0.1 - 0.25 * elsewhere_s)
        assert times.busy_s == pytest.approx(1)


def test_where_the_kernel_does_not_say_what_was_waited_for_nobody_knows_the_part_of_the_gil() -> None:
    tally = Tally(1, app_ns=S, cpu_ns=250 * MS, first=Counters(T0), waits=WaitSamples(blocked=9, unknown=9))
    one = Worker(PID, 1, Activity.IDLE, T0 + S, tally=tally, sample=Counters(T0 + S, 250 * MS))
    [times] = metrics.per_worker(side(workers=rows(one)), T0 + S)
    assert (times.gil_wait_s, times.blocked_s) == (None, 0.75)
    assert metrics.fractions(side(workers=rows(one)), T0 + S).gil_wait is None


def test_the_request_that_is_still_on_counts_until_now() -> None:
    busy = sleeping_workers(1.5)
    times = metrics.per_worker(busy, T0 + 1500 * MS)
    assert [(time.pid, time.slot) for time in times] == list(busy.server.workers)
    assert all(time.busy_s == pytest.approx(0.499) for time in times), "made by hand: totals of the first are 0"


def test_all_that_a_worker_did_for_the_request_that_it_holds_counts() -> None:
    """Its tally has it only when it ends: read for 0.1 s, computed, wrote a chunk, computes."""
    stretches = [
        (-1.0, Activity.IDLE), (0.1, Activity.READING), (0.2, Activity.COMPUTING), (0.5, Activity.WRITING),
        (0.6, Activity.COMPUTING),
    ]  # fmt: skip
    ends = [at(begin) for begin, _ in stretches[1:]] + [0]
    spans = tuple(Span(at(begin), end, what, 0) for (begin, what), end in zip(stretches, ends, strict=True))
    tally = Tally(requests=2, app_ns=S // 20, reading_ns=S // 10)  # the reading of this one is in it already
    one = Worker(PID, 1, Activity.COMPUTING, at(0.6), req=RUN + 1, spans=spans, tally=tally)
    [times] = metrics.per_worker(side(workers=rows(one)), at(1))
    assert (times.reading_s, times.writing_s) == (0.1, 0.1)
    assert times.busy_s == pytest.approx(0.95)
    stopping = replace(one, activity=Activity.STOPPING, spans=(*spans, Span(at(0.9), 0, Activity.STOPPING, RUN + 1)))
    ended_then = replace(stopping, req=0)
    assert [time.reading_s for time in metrics.per_worker(side(workers=rows(ended_then)), at(1))] == [0.1]


def test_what_a_killed_worker_held_counts_until_its_death() -> None:
    sampled = ThreadSampled(at(0.05), "wsgi", PID, 0, 0, 0, "S")
    died = WorkerDied(at(0.5), "wsgi", DRIVER, PID, 9)
    [times] = metrics.per_worker(wsgi(reduced(BOOTED, taken(1, 0.01), [sampled, died])), at(2))
    assert times.busy_s == pytest.approx(0.49)
    assert times.blocked_s == pytest.approx(0.49)


def test_a_worker_that_hangs_after_the_run_does_not_add_to_it() -> None:
    hanging = worker(PID, Activity.BLOCKED, 0, req=RUN + 1, sample=Counters(T0, 0, 0))
    found = side(workers=rows(hanging), ended_ns=T0 + S, last_finished_ns=T0 + S, failed=1, planned=1)
    [times] = metrics.per_worker(found, T0 + 60 * S)
    assert times.busy_s == 1.0
    assert metrics.fractions(found, T0 + 60 * S).busy == 1.0


def test_what_it_did_before_the_run_was_asked_for_does_not_count() -> None:
    hanging = worker(PID, Activity.BLOCKED, -5, req=RUN + 1)
    [times] = metrics.per_worker(side(workers=rows(hanging)), T0 + S)
    assert times.busy_s == 1.0


def test_what_an_app_does_after_the_run_takes_no_share_of_it() -> None:
    """Its client has the answer after 20 ms, and the app goes on for half a second."""
    slow = RequestEnded(at(0.51), "wsgi", PID, 0, RUN + 1, 0, at(0.012), 0, 0, at(0.51), 200, 1, "")
    answered = ResponseReceived(at(0.02), "wsgi", DRIVER, RUN + 1, 200, 5)
    found = wsgi(reduced(BOOTED, one_request()[:2], [answered], ended(0.03), [slow]))
    [times] = metrics.per_worker(found, at(2))
    assert times.busy_s == pytest.approx(0.009), "accepted at 11 ms, and the run ends with its answer at 20"
    assert metrics.fractions(found, at(2)).busy == pytest.approx(0.45)


def test_workers_that_came_or_died_during_the_run_count_while_they_were_there() -> None:
    """One is killed in mid-run at once, and its replacement comes later: neither was there for all of it."""
    replacement = [WorkerBooting(at(0.6), "wsgi", 101, 2, 101, 1, "sync"), WorkerReady(at(0.6), "wsgi", 101)]
    died = WorkerDied(at(0.4), "wsgi", DRIVER, PID, 9)
    again = RequestBegan(at(0.8), "wsgi", 101, 0, RUN + 2, at(0.8), 0, "GET /")
    found = wsgi(reduced(BOOTED, taken(1, 0.0), [died, *replacement, again]))
    assert [round(time.busy_s or 0, 3) for time in metrics.per_worker(found, at(1))] == [0.4, 0.2]
    assert metrics.fractions(found, at(1)).busy == pytest.approx(0.6 / 0.8)


def test_counters_that_run_backwards_make_no_fraction_odd() -> None:
    """A pid that comes again, or a thread id: what was sampled of the one is none of the other's."""
    tally = Tally(requests=1, app_ns=S // 2, cpu_ns=-S, first=Counters(T0, 9 * S, 9 * S))
    one = Worker(PID, 1, Activity.IDLE, T0 + S, tally=tally, sample=Counters(T0 + S, 1, 1))
    found = metrics.fractions(side(workers=rows(one)), T0 + S)
    assert (found.busy, found.blocked, found.computing) == (0.5, 1.0, 0.0)


def test_answers_that_no_worker_is_known_to_have_given() -> None:
    """A child of the app that returns into the server answers in its place, and nobody sees it."""
    answered = ResponseReceived(at(0.1), "wsgi", DRIVER, RUN + 2, 200, 5)
    sent = RequestSent(at(0.01), "wsgi", DRIVER, RUN + 2, T0)
    found = wsgi(reduced(BOOTED, [*one_request(), sent, answered]))
    assert (metrics.unobserved(found), found.run.completed) == (1, 2)


# --- shares of the whole ----------------------------------------------------------------------------------------


def test_shares_are_of_the_whole_time_and_add_up_to_it() -> None:
    found = shares(wsgi(reduced(BOOTED, one_request(cpu_ms=50))), at(0.206))
    assert found.idle == pytest.approx(0.5)
    assert found.computing == pytest.approx(50 / 206)
    assert found.blocked == pytest.approx(49 / 206)
    assert found.transfer == pytest.approx(4 / 206)
    parts = [found.idle, found.computing, found.blocked, found.transfer, found.gil_wait]
    assert math.fsum(part for part in parts if part is not None) == pytest.approx(1)


def test_what_is_busy_for_two_percent_is_not_shown_as_computing_for_a_hundred() -> None:
    found = shares(looping(selector_ms=1960, cpu_ms=40), T0 + S)
    assert found.computing == pytest.approx(0.04)
    assert found.idle == pytest.approx(0.96)
    assert (shares(Side("wsgi"), T0), found.transfer) == (Shares(), None)


# --- loops -------------------------------------------------------------------------------------------------------


def looping(selector_ms: int, cpu_ms: int, runq_ms: int = 0) -> Side:
    """A loop that ran for a second after T0, its last heartbeat a second later."""
    tally = LoopTally(first_selector_ns=2000 * MS, first_beat_ns=T0)
    loop = Loop(PID, selector_ns=(2000 + selector_ms) * MS, beat_ns=T0 + 2 * S, tally=tally)
    sample = Counters(T0 + S, (50 + cpu_ms) * MS, runq_ms * MS)
    done = Tally(requests=20, first=Counters(T0, 50 * MS, 0))
    one = Worker(PID, 1, Activity.IDLE, T0, tally=done, sample=sample)
    run = Run(
        1, 20, started_ns=T0, ended_ns=T0 + S, first_planned_ns=T0, last_finished_ns=T0 + S, completed=20
    )  # fmt: skip
    return Side("asgi", "asgi", Server(workers=rows(one), loops={PID: loop}), run, ledger_of(()))


def test_a_loop_is_busy_outside_its_selector_and_of_the_runs_time_alone() -> None:
    """Both sides run together: the loop's side ends long before the workers', and its heart goes on."""
    found = metrics.fractions(looping(selector_ms=1600, cpu_ms=300, runq_ms=60), T0 + 9 * S)
    assert found.busy == pytest.approx(0.4)
    assert found.computing == pytest.approx(0.9)
    assert found.blocked == pytest.approx(0.1)
    assert (found.reading, found.writing) == (None, None)


def test_a_loop_that_is_held_by_a_sleep_is_blocked() -> None:
    assert metrics.fractions(looping(selector_ms=1000, cpu_ms=0), T0 + S).blocked == 1.0


def test_what_a_loop_does_not_let_us_measure_is_not_known() -> None:
    found = looping(1600, 300)
    silent = but(found, loops={PID: Loop(PID, beat_ns=T0 + S, tally=LoopTally(first_beat_ns=T0))})
    assert metrics.fractions(silent, T0 + S) == metrics.Fractions(None, None, None)
    [times] = metrics.per_worker(silent, T0 + S)
    assert (times.busy_s, times.blocked_s, times.computing_s, times.requests) == (None, None, None, 20)
    one = found.server.workers[PID, 0]
    unsampled = but(found, workers=rows(replace(one, tally=replace(one.tally, first=Counters()))))
    shares = metrics.fractions(unsampled, T0 + S)
    assert shares.busy == pytest.approx(0.4)
    assert (shares.blocked, shares.computing) == (None, None)
