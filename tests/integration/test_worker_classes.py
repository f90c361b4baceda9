"""Each kind of server, as the state shows it: whose slots there are, who waits where, and who runs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import psutil
import pytest

from demo_apps.cpu import count_primes
from tests.integration.conftest import Stage
from wsgiviz.analysis.hot_lines import hot_lines
from wsgiviz.events import BEAT_NS
from wsgiviz.state import Activity, Phase, Side, Task

pytestmark = pytest.mark.xdist_group("worker classes")  # it judges no times

Start = Callable[..., Stage]


def makespan_s(side: Side) -> float:
    return (side.run.last_finished_ns - side.run.first_planned_ns) / 1e9


def blocked(side: Side) -> int:
    return sum(worker.activity is Activity.BLOCKED for worker in side.server.living())


def test_gthread_has_a_slot_for_each_thread(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.3}, requests=8, workers=2, threads=4, only="wsgi")
    on.until(lambda: on.only.run.in_app >= 4, "requests in the app")
    on.until(lambda: blocked(on.only) == on.only.run.in_app, "blocked slots")
    assert sorted(worker.slot for worker in on.only.server.living()) == [1, 1, 2, 2, 3, 3, 4, 4]
    on.finish()
    side = on.only
    assert (side.kind, side.run.completed, side.server.lost) == ("gthread", 8, 0)
    assert sum(worker.tally.requests for worker in side.server.living()) == 8
    assert len(side.server.processes()) == 2


def test_two_by_four_threads_take_three_rounds_when_they_share_evenly(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.5}, requests=20, workers=2, threads=4, only="wsgi")
    pooled: list[int] = []

    def over() -> bool:
        pooled.extend(on.only.server.pools.values())
        return on.state.phase is Phase.FINISHED

    on.until(over, "the end of the run")
    side = on.only
    of_each = [sum(w.tally.requests for w in side.server.living() if w.pid == pid) for pid in side.server.processes()]
    assert sum(of_each) == 20
    rounds = max(-(-count // 4) for count in of_each)
    assert makespan_s(side) >= 0.5 * rounds
    assert max(pooled) == side.run.max_pool == max(of_each) - 4  # who has more than its threads waits there
    assert all(depth == 0 for depth in side.server.pools.values())


def test_a_threads_line_is_known(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.5}, requests=4, workers=1, threads=4, only="wsgi")
    on.until(lambda: [at.slots for at in hot_lines(on.only)] == [("1.1", "1.2", "1.3", "1.4")], "four threads")
    [found] = hot_lines(on.only)
    assert found.place.call == "time.sleep"
    on.finish()


def test_gevent_waits_at_once_in_one_worker(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.5}, requests=20, workers=1, worker_class="gevent", only="wsgi")
    on.until(lambda: [at.tasks for at in hot_lines(on.only)] == [20], "twenty greenlets at one line")
    assert {request.task for request in on.only.ledger.in_flight()} == {Task.AWAITING}
    on.finish()
    side = on.only
    assert (side.is_loop, side.run.completed, side.run.in_app_peak.most) == (True, 20, 20)
    assert all(request.run_ns < request.ended_ns - request.began_ns for request in side.ledger.ours())


def computes_for(seconds: float) -> int:
    """Below which number to count primes, so that it takes about so long here."""
    below = 10_000
    while True:
        began = time.process_time()
        count_primes(below)  # type: ignore[no-untyped-call]
        if time.process_time() - began >= seconds:
            return below
        below *= 2


def test_what_computes_holds_the_hub_of_gevent(stage: Start) -> None:
    below = computes_for(5 * BEAT_NS / 1e9)
    on = stage(scenario="cpu", parameters={"below": below}, requests=4, workers=1, worker_class="gevent", only="wsgi")
    on.finish()
    [loop] = on.only.server.loops.values()
    longest_ns = max(request.ended_ns - request.began_ns for request in on.only.ledger.ours())
    assert loop.tally.longest_step_ns > longest_ns / 2
    assert loop.tally.max_lag_ns > loop.tally.longest_step_ns - 2 * BEAT_NS


def test_uvicorn_stands_beside_gunicorns_asgi(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.5}, requests=20, left="asgi", right="uvicorn")
    on.finish()
    for side in on.state.sides.values():
        assert (side.run.completed, side.run.in_app_peak.most, side.server.lost) == (20, 20, 0)
    assert [side.kind for side in on.state.sides.values()] == ["asgi", "uvicorn"]


def test_uvicorns_workers_are_its_own_and_one_that_is_killed_is_replaced(stage: Start) -> None:
    on = stage(fire=False, only="asgi", async_server="uvicorn", async_workers=2)
    on.ready()
    before = on.only.server.processes()
    assert len(before) == 2
    os.kill(min(before), signal.SIGKILL)
    on.until(lambda: len(on.only.server.processes() - before) == 1, "another in its place")
    on.until(lambda: len(on.only.server.processes()) == 2, "the death")
    on.controller.fire()
    on.finish()
    assert on.only.run.completed == 20


@pytest.mark.parametrize("kind", ["gthread", "gevent"])
def test_a_worker_of_any_class_that_is_killed_is_replaced(stage: Start, kind: str) -> None:
    on = stage(parameters={"seconds": 0.3}, requests=6, workers=1, worker_class=kind, only="wsgi")
    on.until(lambda: on.only.run.in_app > 0, "a request in the app")
    [pid] = on.only.server.processes()
    os.kill(pid, signal.SIGKILL)
    on.finish()
    side = on.only
    assert pid not in side.server.processes()
    assert side.run.failed + side.run.completed == 6
    assert side.run.failed >= 1
    assert side.deaths == 1
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("kind", ["asgi", "uvicorn"])
def test_an_app_that_cannot_be_loaded_ends_it_whatever_the_server(stage: Start, kind: str) -> None:
    on = stage(asgi="raises_at_import:app", left=kind, right=kind, only="asgi")
    on.until(lambda: on.state.phase is Phase.FAILED, "the failure")
    assert on.state.failure is not None
    assert "boom at import" in on.state.failure.message
