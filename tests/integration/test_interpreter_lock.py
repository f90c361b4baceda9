"""Threads of one process that compute take turns with its interpreter lock: shown as that, and not as blocked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.integration.conftest import Stage
from tests.integration.lateness import blocked_share
from wsgiviz.analysis import metrics
from wsgiviz.report.result import result
from wsgiviz.state import IN_APP, Activity, Phase, Side

Start = Callable[..., Stage]


def shown_until_the_end(on: Stage) -> Counter[Activity]:
    """What slots in the app were shown as, one count for each slot and state."""
    seen: Counter[Activity] = Counter()

    def over() -> bool:
        seen.update(worker.activity for worker in on.only.server.living() if worker.activity in IN_APP)
        return on.state.phase in (Phase.FINISHED, Phase.FAILED)

    on.until(over, "the end of the run")
    on.finish()
    return seen


def fractions(side: Side, now_ns: int) -> metrics.Fractions:
    found = metrics.fractions(side, now_ns)
    if found.gil_wait is None:
        pytest.skip("this system does not show what threads wait for")
    return found


def lints(on: Stage) -> list[str]:
    return [occurrence.finding.lint for occurrence in on.log.occurrences.met]


THREADS = {"wsgi": "by_path:app", "workers": 1, "threads": 4}


def test_threads_that_compute_wait_for_the_lock_and_are_not_blocked(shared: Start) -> None:
    on = shared(**THREADS)
    on.begin(path="/turns/computes", requests=12)
    seen = shown_until_the_end(on)
    found = fractions(on.only, on.state.t_ns)
    assert found.blocked is not None
    assert found.gil_wait is not None
    assert found.blocked <= 0.1
    assert found.gil_wait >= 0.2
    assert seen[Activity.WAITING_FOR_GIL] > seen[Activity.BLOCKED]
    assert seen[Activity.BLOCKED] <= 0.1 * seen.total()
    assert "gil-contention" in lints(on)
    assert "all-workers-blocked" not in lints(on)


def test_the_report_adds_up_to_the_time_that_workers_were_busy(shared: Start) -> None:
    on = shared(**THREADS)
    on.run(path="/turns/computes", requests=8)
    fractions(on.only, on.state.t_ns)
    report = result(on.state, on.log.occurrences, ledger=True)
    parts = ("blocked_s", "computing_s", "gil_wait_s", "reading_s", "writing_s")
    for times in report["sides"]["wsgi"]["per_worker"]:
        assert sum(times[part] for part in parts) == pytest.approx(times["busy_s"])
    for request in report["requests"]:
        in_app_s = request["ended_s"] - request["began_s"]
        assert 0 <= request["gil_wait_s"] <= in_app_s - request["cpu_s"] + 1e-6


def test_a_sync_worker_waits_for_the_lock_of_threads_of_the_app_s_own(stage: Start) -> None:
    on = stage(wsgi="turns:beside", requests=6, workers=1)
    seen = shown_until_the_end(on)
    found = fractions(on.only, on.state.t_ns)
    assert found.gil_wait is not None
    assert found.blocked is not None
    assert found.gil_wait >= 0.2
    assert found.blocked <= 0.1
    assert seen[Activity.BLOCKED] <= 0.1 * seen.total()
    assert "gil-contention" in lints(on)


def test_what_computes_without_the_lock_does_not_wait_for_it(shared: Start) -> None:
    on = shared(**THREADS)
    on.run(path="/turns/hashes", requests=8)
    found = fractions(on.only, on.state.t_ns)
    assert found.computing is not None
    assert found.gil_wait is not None
    assert found.computing >= 3 * found.gil_wait, "between two hashes it has to have it, for a moment"


def test_threads_that_sleep_are_blocked_and_wait_for_no_lock(shared: Start) -> None:
    on = shared(**THREADS)
    on.begin(path="/turns/sleeps", requests=12)
    seen = shown_until_the_end(on)
    found = fractions(on.only, on.state.t_ns)
    assert found.gil_wait is not None
    assert blocked_share(result(on.state, on.log.occurrences, ledger=True), "wsgi") >= 0.9
    assert found.gil_wait <= 0.02
    assert not seen[Activity.WAITING_FOR_GIL]
    assert "gil-contention" not in lints(on)
