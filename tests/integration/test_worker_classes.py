"""Each kind of server, as the picture shows it: whose slots there are, who waits where, and who runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import psutil
import pytest

from tests.integration.conftest import Stage
from wsgiviz.model.state import Doing, Side, Task
from wsgiviz.model.whereabouts import whereabouts
from wsgiviz.session import Phase

Start = Callable[..., Stage]


def the_side(on: Stage) -> Side:
    [side] = on.session.picture.sides.values()
    return side


def makespan_s(side: Side) -> float:
    return (side.last_finished_ns - side.first_planned_ns) / 1e9


def blocked(side: Side) -> int:
    return sum(worker.doing is Doing.BLOCKED for worker in side.living())


def test_gthread_has_a_slot_for_each_thread(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.3}, requests=8, workers=2, threads=4, only="wsgi")
    on.until(lambda: the_side(on).now_in_app >= 4, "requests in the app")
    on.until(lambda: blocked(the_side(on)) == the_side(on).now_in_app, "blocked slots")
    assert sorted(worker.slot for worker in the_side(on).living()) == [1, 1, 2, 2, 3, 3, 4, 4]
    on.finish()
    side = the_side(on)
    assert (side.kind, side.completed, side.lost) == ("gthread", 8, 0)
    assert sum(worker.requests for worker in side.living()) == 8
    assert len(side.processes()) == 2


def test_two_by_four_threads_take_three_rounds_when_they_share_evenly(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.5}, requests=20, workers=2, threads=4, only="wsgi")
    pooled: list[int] = []

    def over() -> bool:
        pooled.extend(the_side(on).pools.values())
        return on.session.phase is Phase.FINISHED

    on.until(over, "the end of the run")
    side = the_side(on)
    of_each = [sum(w.requests for w in side.living() if w.pid == pid) for pid in side.processes()]
    assert sum(of_each) == 20
    rounds = max(-(-count // 4) for count in of_each)
    assert 0.5 * rounds <= makespan_s(side) <= 0.5 * rounds * 1.05
    assert max(pooled) == side.max_pool == max(of_each) - 4  # who has more than its threads waits there
    assert all(depth == 0 for depth in side.pools.values())


def test_a_threads_line_is_known(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.5}, requests=4, workers=1, threads=4, only="wsgi")
    on.until(lambda: [at.slots for at in whereabouts(the_side(on))] == [("1.1", "1.2", "1.3", "1.4")], "four threads")
    [found] = whereabouts(the_side(on))
    assert found.place.call == "time.sleep"
    on.finish()


def test_gevent_waits_at_once_in_one_worker(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.5}, requests=20, workers=1, worker_class="gevent", only="wsgi")
    on.until(lambda: [at.tasks for at in whereabouts(the_side(on))] == [20], "twenty greenlets at one line")
    assert {request.task for request in the_side(on).in_flight.values()} == {Task.AWAITING}
    on.finish()
    side = the_side(on)
    assert (side.is_loop, side.completed, side.max_in_app) == (True, 20, 20)
    assert makespan_s(side) < 0.5 * 1.1
    assert all(request.run_ns < 0.1e9 for request in side.finished)


def test_what_computes_holds_geventss_hub(stage: Start) -> None:
    on = stage(
        scenario="cpu", parameters={"below": 150_000}, requests=4, workers=1, worker_class="gevent", only="wsgi"
    )
    on.finish()
    side = the_side(on)
    [loop] = side.loops.values()
    assert loop.max_lag_ns > 50_000_000
    assert loop.longest_step_ns > 50_000_000


def test_uvicorn_stands_beside_gunicorns_asgi(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.5}, requests=20, left="asgi", right="uvicorn")
    on.finish()
    for side in on.session.picture.sides.values():
        assert (side.completed, side.max_in_app, side.lost) == (20, 20, 0)
        assert makespan_s(side) < 0.5 * 1.2
    assert [side.kind for side in on.session.picture.sides.values()] == ["asgi", "uvicorn"]


def test_uvicorns_workers_are_its_own_and_one_that_is_killed_is_replaced(stage: Start) -> None:
    on = stage(fire=False, only="asgi", async_server="uvicorn", async_workers=2)
    on.until(lambda: on.session.phase is Phase.READY, "readiness")
    before = the_side(on).processes()
    assert len(before) == 2
    os.kill(min(before), signal.SIGKILL)
    on.until(lambda: len(the_side(on).processes() - before) == 1, "another in its place")
    on.until(lambda: len(the_side(on).processes()) == 2, "the death")
    on.session.fire()
    on.finish()
    assert the_side(on).completed == 20


@pytest.mark.parametrize("kind", ["gthread", "gevent"])
def test_a_worker_of_any_class_that_is_killed_is_replaced(stage: Start, kind: str) -> None:
    on = stage(parameters={"seconds": 0.3}, requests=6, workers=1, worker_class=kind, only="wsgi")
    on.until(lambda: the_side(on).now_in_app > 0, "a request in the app")
    [pid] = the_side(on).processes()
    os.kill(pid, signal.SIGKILL)
    on.finish()
    side = the_side(on)
    assert pid not in side.processes()
    assert side.failed + side.completed == 6
    assert side.failed >= 1
    assert side.deaths == 1
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("kind", ["asgi", "uvicorn"])
def test_an_app_that_cannot_be_loaded_ends_it_whatever_the_server(stage: Start, kind: str) -> None:
    on = stage(asgi="raises_at_import:app", left=kind, right=kind, only="asgi")
    on.until(lambda: on.session.phase is Phase.FAILED, "the failure")
    assert on.session.failure is not None
    assert "boom at import" in on.session.failure.message
