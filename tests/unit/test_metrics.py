"""Figures of a side, from events and from states made by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.pictures import MS, RUN, T0, S, sleeping_workers
from tests.unit.test_reducer import BOOTED, PID, fold, one_request, started, wsgi
from wsgiviz.events import Kind
from wsgiviz.model import metrics
from wsgiviz.model.metrics import quantiles
from wsgiviz.model.state import Doing, Loop, Request, Side, Thread, Worker


def test_percentiles_are_values_that_were_measured() -> None:
    found = quantiles(float(value) for value in range(1, 101))
    assert found is not None
    assert (found.p50, found.p90, found.p95, found.p99, found.max, found.mean) == (50, 90, 95, 99, 100, 50.5)
    assert quantiles([]) is None
    alone = quantiles([2.5])
    assert alone is not None
    assert {alone.p50, alone.p90, alone.p99, alone.max, alone.mean} == {2.5}


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_percentiles_rise_and_cover_their_share(values: list[float]) -> None:
    found = quantiles(values)
    assert found is not None
    assert found.p50 <= found.p90 <= found.p95 <= found.p99 <= found.max == max(values)
    for percent, at in ((50, found.p50), (90, found.p90), (95, found.p95), (99, found.p99)):
        assert at in values
        assert 100 * sum(value <= at for value in values) >= percent * len(values)
    assert min(values) * (1 - 1e-9) <= found.mean <= max(values) * (1 + 1e-9)


def test_each_part_of_a_request_is_measured_between_its_own_stamps() -> None:
    """Planned at 10 ms, sent at 20, begun at 22, closed at 121, received at 120."""
    done = [*BOOTED, started(10, 1), *one_request(), wsgi(130, Kind.RUN_ENDED)._replace(req=1)]
    side = fold(done).wsgi
    measured = {
        name: [round(value * 1000, 3) for value in getattr(metrics, name)(side)]
        for name in ("latency", "latency_from_sent", "queue_wait", "service", "schedule_lag")
    }
    assert measured == {
        "latency": [112.0], "latency_from_sent": [102.0], "queue_wait": [2.0], "service": [101.0],
        "schedule_lag": [10.0],
    }  # fmt: skip
    assert metrics.makespan_ns(side) == 112 * MS
    assert metrics.elapsed_ns(side, 10**15) == 112 * MS
    assert metrics.throughput(side, 10**15) == pytest.approx(1 / 0.112)


def test_a_request_without_a_stamp_is_left_out_and_not_counted_as_zero() -> None:
    side = Side("wsgi", finished=(Request(RUN + 1, T0, T0, failed_ns=T0 + S, error="refused"),))
    assert metrics.latency(side) == metrics.queue_wait(side) == metrics.service(side) == []
    assert metrics.schedule_lag(side) == [0.0]


def test_before_a_run_nothing_is_known() -> None:
    side = Side("wsgi")
    assert (metrics.makespan_ns(side), metrics.elapsed_ns(side, T0), metrics.throughput(side, T0)) == (0, 0, None)
    assert metrics.fractions(side, T0) == metrics.Fractions(None, None, None)


def test_a_worker_that_sleeps_is_blocked_and_one_that_counts_computes() -> None:
    for cpu_ms, mostly in ((0.1, "blocked"), (95, "computing")):
        side = fold([*BOOTED, started(20, 1), *one_request(cpu_ms=cpu_ms)]).wsgi
        found = metrics.fractions(side, 124 * MS)
        assert found.busy == pytest.approx(103 / 104)
        assert getattr(found, mostly) > 0.9
        parts = (found.blocked, found.computing, found.reading, found.writing)
        assert math.fsum(part for part in parts if part is not None) == pytest.approx(1)


def test_waiting_for_a_cpu_is_computing_and_not_blocked() -> None:
    worker = Worker(
        PID, 1, Doing.IDLE, T0 + S, requests=1, app_ns=S, cpu_ns=400 * MS,
        sample=Thread(T0 + S, 500 * MS, 590 * MS), run_sample=Thread(T0, 90 * MS, MS),
    )  # fmt: skip
    [times] = metrics.per_worker(Side("wsgi", workers={(PID, 0): worker}, run_started_ns=T0), T0 + S)
    assert times.computing_s == pytest.approx(0.989)
    assert times.blocked_s == pytest.approx(0.011)


def test_the_request_that_is_still_on_counts_until_now() -> None:
    side = sleeping_workers(1.5)
    times = metrics.per_worker(side, T0 + 1500 * MS)
    assert [(time.pid, time.slot) for time in times] == list(side.workers)
    assert all(time.busy_s == pytest.approx(0.499) for time in times), "made by hand: totals of the first are 0"


def test_a_worker_that_hangs_after_the_run_does_not_add_to_it() -> None:
    hanging = Worker(PID, 1, Doing.BLOCKED, T0, req=RUN + 1, sample=Thread(T0, 0, 0))
    side = Side(
        "wsgi", workers={(PID, 0): hanging}, run_started_ns=T0, run_ended_ns=T0 + S, first_planned_ns=T0,
        last_finished_ns=T0 + S, failed=1, planned=1,
    )  # fmt: skip
    [times] = metrics.per_worker(side, T0 + 60 * S)
    assert times.busy_s == 1.0
    assert metrics.fractions(side, T0 + 60 * S).busy == 1.0


def looping(selector_ms: int, cpu_ms: int, runq_ms: int = 0, ended: bool = True) -> Side:
    """A loop that ran for a second after T0, its last heartbeat a second later."""
    loop = Loop(
        PID, selector_ns=(2000 + selector_ms) * MS, run_selector_ns=2000 * MS, beat_ns=T0 + 2 * S, run_beat_ns=T0
    )
    worker = Worker(
        PID, 1, Doing.IDLE, T0, requests=20, sample=Thread(T0 + S, (50 + cpu_ms) * MS, runq_ms * MS),
        run_sample=Thread(T0, 50 * MS, 0),
    )  # fmt: skip
    return Side(
        "asgi", "asgi", workers={(PID, 0): worker}, loops={PID: loop}, run_started_ns=T0,
        run_ended_ns=T0 + S if ended else 0,
        first_planned_ns=T0, last_finished_ns=T0 + S, completed=20, planned=20,
    )  # fmt: skip


def test_a_loop_is_busy_outside_its_selector_and_of_the_runs_time_alone() -> None:
    """Both sides run together: the loop's side ends long before the workers', and its heart goes on."""
    found = metrics.fractions(looping(selector_ms=1600, cpu_ms=300, runq_ms=60), T0 + 9 * S)
    assert found.busy == pytest.approx(0.4)
    assert found.computing == pytest.approx(0.9)
    assert found.blocked == pytest.approx(0.1)
    assert (found.reading, found.writing) == (None, None)


def test_a_loop_that_is_held_by_a_sleep_is_blocked() -> None:
    assert metrics.fractions(looping(selector_ms=1000, cpu_ms=0), T0 + S).blocked == 1.0


def test_what_a_loop_does_not_tell_is_not_known() -> None:
    side = looping(1600, 300)
    silent = replace(side, loops={PID: Loop(PID, beat_ns=T0 + S, run_beat_ns=T0)})
    assert metrics.fractions(silent, T0 + S) == metrics.Fractions(None, None, None)
    [times] = metrics.per_worker(silent, T0 + S)
    assert (times.busy_s, times.blocked_s, times.computing_s, times.requests) == (None, None, None, 20)
    unsampled = replace(side, workers={(PID, 0): replace(side.workers[PID, 0], run_sample=Thread())})
    found = metrics.fractions(unsampled, T0 + S)
    assert found.busy == pytest.approx(0.4)
    assert (found.blocked, found.computing) == (None, None)
