"""What a person does while servers run, and what happens to servers."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable

import psutil
import pytest

from tests.integration.conftest import Stage
from wsgiviz.analysis import metrics
from wsgiviz.events import RUN_STRIDE, WorkerExited
from wsgiviz.state import Activity, Phase

pytestmark = pytest.mark.xdist_group("live")  # it judges no times

Start = Callable[..., Stage]


def test_a_killed_worker_is_shown_with_its_last_request_and_replaced(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.5}, workers=2, requests=6, only="wsgi")
    on.until(
        lambda: sum(w.activity is Activity.BLOCKED for w in on.wsgi.server.workers.values()) == 2,
        "two blocked workers",
    )
    victim = next(iter(on.wsgi.server.workers.values()))
    os.kill(victim.pid, signal.SIGKILL)
    on.finish()
    side = on.wsgi
    dead = side.server.workers[victim.key]
    assert (dead.activity, dead.died_of, dead.last_req) == (Activity.DEAD, "killed", victim.req)
    assert len(side.server.living()) == 2
    assert max(worker.number for worker in side.server.living()) == 3
    assert (side.run.completed, side.run.failed) == (5, 1)
    [lost] = [request for request in side.ledger.ours() if not request.ok]
    assert lost.id == victim.req
    assert lost.error in ("reset", "closed")


def test_workers_come_and_go_on_the_running_server(stage: Start) -> None:
    on = stage(fire=False, workers=2, only="wsgi")
    on.ready()
    on.controller.add_worker()
    on.until(lambda: len(on.wsgi.server.living()) == 3, "a third worker")
    assert on.wsgi.server.wanted == 3
    on.controller.remove_worker()
    on.controller.remove_worker()
    on.until(lambda: len(on.wsgi.server.living()) == 1, "one worker left")
    assert {w.died_of for w in on.wsgi.server.workers.values() if not w.alive} == {"exit"}


def test_cancelling_frees_the_clients_but_not_the_workers(stage: Start) -> None:
    on = stage(parameters={"seconds": 1.0}, workers=2, requests=6, only="wsgi")
    on.until(lambda: on.wsgi.run.in_app == 2, "two requests in the app")
    on.controller.cancel()
    on.finish()
    side = on.wsgi
    assert side.run.cancelled
    assert dict(side.run.errors) == {"cancelled": 6}
    assert any(worker.busy for worker in side.server.living())


def test_one_request_more_after_a_run_is_of_that_run_at_both_sides_and_firing_again_begins_a_new_one(
    stage: Start,
) -> None:
    on = stage(parameters={"seconds": 0.05}, requests=4)
    on.finish()
    run, totals = on.state.run, {side.name: metrics.makespan_ns(side) for side in on.state.sides.values()}
    on.controller.fire_one()
    on.finish()
    for side in on.state.sides.values():
        assert (side.run.number, side.run.planned, side.run.completed) == (run, 5, 5)
        assert metrics.makespan_ns(side) == totals[side.name]
    assert [(kept.number, kept.sides[0].completed) for kept in on.state.runs] == [(1, 5)]
    on.controller.fire()
    on.until(lambda: on.state.phase is Phase.RUNNING or on.state.run > run, "the new run")
    on.finish()
    assert on.state.run == run + 1
    assert on.wsgi.run.completed == 4


def test_one_request_more_reaches_a_side_that_is_through_while_the_other_is_not(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.5}, workers=1, requests=4)
    on.until(lambda: bool(on.asgi.run.ended_ns) and not on.wsgi.run.ended_ns, "the end of one side")
    on.controller.fire_one()
    on.finish()
    assert [side.run.completed for side in on.state.sides.values()] == [5, 5]
    assert (on.wsgi.run.added, on.asgi.run.added) == (0, 1)


def test_a_run_fired_during_another_counts_what_that_has_left_in_its_workers(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.5}, workers=2, requests=2, only="wsgi")
    on.until(lambda: on.wsgi.run.in_app == 2, "both requests in the app")
    on.controller.fire()
    on.until(lambda: on.wsgi.run.running, "the second run")
    held = [worker.req for worker in on.wsgi.server.living() if worker.busy]
    assert all(on.wsgi.of_earlier_run(req) for req in held if req)
    on.finish()
    assert (on.wsgi.run.earlier, on.wsgi.run.completed) == (2, 2)
    assert [kept.cancelled for kept in on.state.runs] == [True, False]


def test_a_run_fired_during_another_counts_what_that_has_left_on_its_loop(stage: Start) -> None:
    on = stage(parameters={"seconds": 1.0}, requests=3, only="asgi")
    on.until(lambda: on.asgi.run.in_app == 3, "all requests in the app")
    on.controller.fire()
    on.until(lambda: on.asgi.run.running, "the second run")
    left = dict(on.asgi.run.left)
    assert left.keys() <= {RUN_STRIDE * (on.state.run - 1) + n for n in (1, 2, 3)}
    on.finish()
    on.until(lambda: not on.asgi.run.left, "the end of what was left")
    assert on.asgi.run.earlier >= len(left)
    assert on.asgi.run.completed == 3, "only the new run's count"


def test_other_settings_restart_only_what_they_must(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.05}, requests=4, workers=1)
    on.finish()
    before = set(on.wsgi.server.workers)
    on.controller.change(on.settings.changed(requests=6))
    on.finish()
    assert set(on.wsgi.server.workers) == before
    on.controller.change(on.settings.changed(scenario="file", requests=3))
    on.until(lambda: on.state.phase is not Phase.FINISHED, "the restart")
    on.finish()
    assert not before & set(on.wsgi.server.workers)
    assert on.wsgi.run.completed == 3
    assert not any(psutil.pid_exists(pid) for pid, _ in before)


def test_a_session_that_failed_goes_on_with_other_settings(stage: Start) -> None:
    on = stage(wsgi="odd:not_callable")
    on.until(lambda: on.state.phase is Phase.FAILED, "the failure")
    assert on.state.failure is not None
    on.controller.change(on.settings.changed(wsgi="odd:fine", requests=2))
    on.finish()
    assert on.wsgi.run.completed == 2


def test_a_dead_master_is_noticed(stage: Start) -> None:
    on = stage(parameters={"seconds": 5}, requests=2)
    on.until(lambda: on.wsgi.run.in_app == 2, "requests in the app")
    pids = on.wsgi.server.processes()
    master = psutil.Process(next(iter(pids))).ppid()
    os.kill(master, signal.SIGKILL)
    on.until(lambda: on.state.phase is Phase.FAILED, "the failure")
    assert on.state.failure is not None
    assert "SIGKILL" in on.state.failure.message
    on.until(lambda: not any(psutil.pid_exists(pid) for pid in pids), "the end of its workers")


def test_a_websocket_passes_through(stage: Start) -> None:
    on = stage(fire=False, asgi="odd:with_lifespan")
    on.ready()
    with socket.create_connection(on.address("asgi"), timeout=10) as client:
        client.sendall(
            b"GET /ws HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        answer = client.makefile("rb")
        assert b" 101 " in answer.readline()
        while answer.readline().strip():
            pass
        client.sendall(b"\x81\x85\x00\x00\x00\x00hello")  # a masked text frame (RFC 6455), with mask zero
        assert answer.read(7) == b"\x81\x05HELLO"
        answer.close()
    on.until(
        lambda: any(request.shown_status == 101 for request in on.asgi.ledger),
        "the websocket in the ledger",
    )


def test_external_requests_are_seen_too(stage: Start) -> None:
    """A browser, or another load tool: no number in a header, but the worker that serves it is busy."""
    on = stage(fire=False, workers=1, only="wsgi", parameters={"seconds": 0.3})
    on.ready()
    with socket.create_connection(on.address("wsgi"), timeout=10) as client:
        client.sendall(b"GET /?seconds=0.3 HTTP/1.1\r\nHost: test\r\n\r\n")
        on.until(lambda: [r.target for r in on.wsgi.in_app()] == ["GET /"], "the external request")
        on.until(lambda: all(request.over for request in on.wsgi.ledger), "its end")
    [external] = on.wsgi.ledger
    assert external.external
    assert on.wsgi.run.completed == 0


def test_an_asgi_worker_that_is_told_to_quit_does_so_at_once(stage: Start) -> None:
    """Not when it looks next, which is once a second. Here that is so seldom that it would be killed before."""
    on = stage(asgi="looks_seldom:app", requests=1)
    on.finish()
    [worker] = on.only.server.living()
    on.controller.prepare(on.settings)
    on.ready()
    events = [event for batch in on.log.batches() for event in batch]
    assert [event.pid for event in events if isinstance(event, WorkerExited)] == [worker.pid]
