"""Whole runs on real gunicorn: what they show is what happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import Stage
from tests.integration.in_process import run_json
from wsgiviz.analysis import metrics

Start = Callable[..., Stage]

QUICK: dict[str, dict[str, Any]] = {  # what makes each scenario short: test_replays.py runs all of them
    "sleep": {"seconds": 0.1},
    "contract": {"pause": 0.03},
    "http": {"seconds": 0.1},
    "file": {"seconds": 0.1},
    "db": {"rows": 50},
    "cpu": {"below": 20_000},
    "fast": {},
    "blocking-in-async": {"seconds": 0.05},
    "slow-client": {"seconds": 0.3, "reading": 0},
    "timeout": {"seconds": 0.3, "timeout": 5},
    "crud": {},
    "mixed": {"slow": 0.2, "quick": 0.01},
    "threads": {"seconds": 0.1, "below": 20_000},
    "async-in-wsgi": {"seconds": 0.1},
    "crash": {"seconds": 0.2},
    "stream": {"events": 2, "every": 0.05},
    "long-poll": {"seconds": 0.1},
    "websocket": {"beats": 2, "every": 0.1},
    "keep-alive": {"pause": 0.02},
}


def test_the_headless_run_of_the_first_lesson() -> None:
    """Twenty sleeps of half a second, four sync workers, one event loop."""
    found = run_json("--scenario", "sleep", "--set", "seconds=0.5", "--workers", "4", "--ledger")
    wsgi, asgi = found["sides"]["wsgi"], found["sides"]["asgi"]
    assert (wsgi["completed"], asgi["completed"], wsgi["failed"], asgi["failed"]) == (20, 20, 0, 0)
    assert [worker["requests"] for worker in wsgi["per_worker"]] == [5, 5, 5, 5]
    assert wsgi["max_accept_queue"] == 16
    assert (wsgi["max_in_flight"], asgi["max_in_flight"]) == (4, 20)
    assert wsgi["blocked_fraction"] > wsgi["computing_fraction"]
    assert wsgi["predicted_makespan_s"] == 2.5
    assert asgi["predicted_makespan_s"] == 0.5
    assert wsgi["makespan_s"] >= 2.5
    assert 0.5 <= asgi["makespan_s"] < wsgi["makespan_s"]
    assert wsgi["events_lost"] == asgi["events_lost"] == 0
    assert asgi["accept_queue_limit"] == wsgi["accept_queue_limit"]
    assert len(found["requests"]) == 40
    for row in found["requests"]:
        times = [row[key] for key in ("planned_s", "sent_s", "began_s", "received_s")]
        assert times == sorted(times)


def test_one_worker_serves_one_at_a_time_in_order_of_arrival(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.05}, workers=1, requests=10, only="wsgi")
    on.finish()
    side = on.wsgi
    assert side.run.in_app_peak.most == 1
    served = sorted(side.ledger.ours(), key=lambda request: request.began_ns)
    assert [request.id for request in served] == sorted(request.id for request in served)
    assert all(one.ended_ns <= other.began_ns for one, other in zip(served, served[1:], strict=False))


def test_computing_workers_are_shown_as_computing(stage: Start) -> None:
    on = stage(scenario="cpu", parameters={"below": 60_000}, workers=2, requests=8)
    on.finish()
    fractions = metrics.fractions(on.wsgi, on.state.t_ns)
    assert fractions.computing is not None
    assert fractions.blocked is not None
    assert fractions.computing > fractions.blocked


def test_flask_and_starlette_run_unmodified(stage: Start) -> None:
    on = stage(wsgi="flask_hello:app", asgi="starlette_hello:app", requests=10)
    on.finish()
    for side in on.state.sides.values():
        assert (side.run.completed, side.run.bad_status) == (10, 0)


@pytest.mark.parametrize(
    "settings",
    [
        {"wsgi": "odd:factory()", "asgi": "odd:with_lifespan"},
        {"wsgi": "odd:validated", "asgi": "odd:instance"},
        {"wsgi": "odd:iterates"},
        {"wsgi": "odd:sends_file"},
    ],
    ids=lambda settings: " ".join(settings.values()),
)
def test_apps_of_every_shape_are_served_as_without_us(stage: Start, settings: dict[str, str]) -> None:
    on = stage(**settings, requests=4, workers=1)
    on.finish()
    for side in on.state.sides.values():
        assert (side.run.completed, side.run.bad_status, side.run.failed) == (4, 0, 0)
        assert [request.raised for request in side.ledger.ours()] == [""] * 4


@pytest.mark.parametrize(
    ("app", "raised"),
    [
        (
            {"wsgi": "by_path:app"},
            {
                "/odd/raises": "LookupError",
                "/odd/bad_status": "",
                "/odd/no_status": "ValueError",  # start_response refuses it, inside the app
                "/odd/returns_none": "returned NoneType",
            },
        ),
        ({"asgi": "by_path:async_app"}, {"/odd/async_raises": "LookupError", "/odd/async_returns_none": ""}),
    ],
    ids=["wsgi", "asgi"],
)
def test_an_app_that_fails_is_shown_as_that(stage: Start, app: dict[str, str], raised: dict[str, str]) -> None:
    on = stage(fire=False, **app, requests=4, workers=2)
    on.ready()
    for path, error in raised.items():
        on.run(path=path)
        side = on.only
        assert (side.run.completed, side.run.bad_status) == (4, 4), path
        assert {request.raised for request in side.ledger.ours()} == {error}, path


def test_an_app_that_never_ends_is_given_up_and_the_run_goes_on(stage: Start) -> None:
    on = stage(wsgi="odd:never", asgi="odd:async_never", requests=3, timeout=0.5, workers=1)
    on.finish()
    for side in on.state.sides.values():
        assert dict(side.run.errors) == {"timeout": 3}


def test_closed_arrivals_keep_their_users_busy(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.02}, arrivals="closed", concurrency=3, requests=30, only="asgi")
    on.finish()
    side = on.asgi
    assert (side.run.completed, side.run.in_app_peak.most) == (30, 3)


def test_in_turn_gives_the_second_side_the_machine_to_itself(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.1}, order="in-turn", requests=4, workers=2)
    on.finish()
    wsgi, asgi = on.wsgi, on.asgi
    assert asgi.run.first_planned_ns >= wsgi.run.last_finished_ns
