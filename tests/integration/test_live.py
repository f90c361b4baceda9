"""What a person does while servers run, and what happens to servers."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable

import psutil

from tests.integration.conftest import Stage
from wsgiviz.model.state import Doing
from wsgiviz.session import Phase

Start = Callable[..., Stage]


def test_a_killed_worker_is_shown_with_its_last_request_and_replaced(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.5}, workers=2, requests=6, only="wsgi")
    on.until(
        lambda: sum(w.doing is Doing.BLOCKED for w in on.session.picture.wsgi.workers.values()) == 2,
        "two blocked workers",
    )
    victim = next(iter(on.session.picture.wsgi.workers.values()))
    os.kill(victim.pid, signal.SIGKILL)
    on.finish()
    side = on.session.picture.wsgi
    dead = side.workers[victim.key]
    assert (dead.doing, dead.died_of, dead.last_req) == (Doing.DEAD, "killed", victim.req)
    assert len(side.living()) == 2
    assert max(worker.number for worker in side.living()) == 3
    assert (side.completed, side.failed) == (5, 1)
    [lost] = [request for request in side.finished if not request.ok]
    assert lost.id == victim.req
    assert lost.error in ("reset", "closed")


def test_workers_come_and_go_on_the_running_server(stage: Start) -> None:
    on = stage(fire=False, workers=2, only="wsgi")
    on.until(lambda: on.session.phase is Phase.READY, "readiness")
    on.session.add_worker()
    on.until(lambda: len(on.session.picture.wsgi.living()) == 3, "a third worker")
    assert on.session.picture.wsgi.wanted == 3
    on.session.remove_worker()
    on.session.remove_worker()
    on.until(lambda: len(on.session.picture.wsgi.living()) == 1, "one worker left")
    assert {w.died_of for w in on.session.picture.wsgi.workers.values() if not w.alive} == {"exit"}


def test_cancelling_frees_the_clients_but_not_the_workers(stage: Start) -> None:
    on = stage(parameters={"seconds": 1.0}, workers=2, requests=6, only="wsgi")
    on.until(lambda: on.session.picture.wsgi.now_in_app == 2, "two requests in the app")
    on.session.cancel()
    on.finish()
    side = on.session.picture.wsgi
    assert side.cancelled
    assert dict(side.errors) == {"cancelled": 6}
    assert any(worker.busy for worker in side.living())


def test_firing_again_begins_a_new_run(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.05}, requests=4)
    on.finish()
    first = on.session.picture.run
    on.session.fire()
    on.finish()
    assert on.session.picture.run == first + 1
    assert on.session.picture.wsgi.completed == 4


def test_other_settings_restart_only_what_they_must(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.05}, requests=4, workers=1)
    on.finish()
    before = set(on.session.picture.wsgi.workers)
    on.session.change(on.session.settings.changed(requests=6))
    on.finish()
    assert set(on.session.picture.wsgi.workers) == before
    on.session.change(on.session.settings.changed(scenario="file", requests=3))
    on.until(lambda: on.session.phase is not Phase.FINISHED, "the restart")
    on.finish()
    assert not before & set(on.session.picture.wsgi.workers)
    assert on.session.picture.wsgi.completed == 3
    assert not any(psutil.pid_exists(pid) for pid, _ in before)


def test_a_session_that_failed_goes_on_with_other_settings(stage: Start) -> None:
    on = stage(wsgi="odd:not_callable")
    on.until(lambda: on.session.phase is Phase.FAILED, "the failure")
    assert on.session.failure is not None
    on.session.change(on.session.settings.changed(wsgi="odd:fine", requests=2))
    on.finish()
    assert on.session.picture.wsgi.completed == 2


def test_a_dead_master_is_noticed(stage: Start) -> None:
    on = stage(parameters={"seconds": 5}, requests=2)
    on.until(lambda: on.session.picture.wsgi.now_in_app == 2, "requests in the app")
    pids = on.session.picture.wsgi.processes()
    master = psutil.Process(next(iter(pids))).ppid()
    os.kill(master, signal.SIGKILL)
    on.until(lambda: on.session.phase is Phase.FAILED, "the failure")
    assert on.session.failure is not None
    assert "SIGKILL" in on.session.failure.message
    on.until(lambda: not any(psutil.pid_exists(pid) for pid in pids), "the end of its workers")


def test_a_websocket_passes_through(stage: Start) -> None:
    on = stage(fire=False, asgi="odd:with_lifespan")
    on.until(lambda: on.session.phase is Phase.READY, "readiness")
    host, port = on.session.urls["asgi"].removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
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
        lambda: any(request.status == 101 for request in on.session.picture.asgi.finished),
        "the websocket in the ledger",
    )


def test_requests_of_strangers_are_seen_too(stage: Start) -> None:
    """A browser, or another load tool: no number in a header, but the worker that serves it is busy."""
    on = stage(fire=False, workers=1, only="wsgi", parameters={"seconds": 0.3})
    on.until(lambda: on.session.phase is Phase.READY, "readiness")
    host, port = on.session.urls["wsgi"].removeprefix("http://").partition("/")[0].split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(b"GET /?seconds=0.3 HTTP/1.1\r\nHost: test\r\n\r\n")
        on.until(lambda: [r.what for r in on.session.picture.wsgi.in_app()] == ["GET /"], "the stranger")
        on.until(lambda: bool(on.session.picture.wsgi.finished), "its end")
    assert on.session.picture.wsgi.finished[0].id < 0
    assert on.session.picture.wsgi.completed == 0
