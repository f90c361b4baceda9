"""What clients do to workers, and an app that is its own client: seen on real servers, with sockets of the test's."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.integration.conftest import Stage
from wsgiviz.analysis.lints import LintContext, findings
from wsgiviz.report.result import result
from wsgiviz.state import Activity

pytestmark = pytest.mark.xdist_group("frameworks")  # it judges no times

Start = Callable[..., Stage]


def found(on: Stage, name: str) -> list[str]:
    state = on.state
    return [finding.message for finding in findings(LintContext.of(state, state.t_ns)) if finding.lint == name]


def test_a_connection_that_says_nothing_is_named_and_a_request_on_it_ends_that(stage: Start) -> None:
    on = stage(wsgi="tests.integration.apps.figures:hello", workers=1, requests=2, only="wsgi")
    on.finish()
    with socket.create_connection(on.address("wsgi")) as client:
        host, port = client.getsockname()
        on.until(lambda: bool(found(on, "silent-client")), "a silent client")
        [said] = found(on, "silent-client")
        assert f"({host}:{port}) that has sent no byte" in said
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        on.until(lambda: on.wsgi.run.external == 1, "the request")
    on.until(lambda: not found(on, "silent-client"), "the end of the silence")
    assert len(on.wsgi.ledger.external) == 1
    assert result(on.state, on.log.occurrences)["sides"]["wsgi"]["silent_clients"]["count"] == 1


def test_clients_that_do_not_hang_up_stop_gthreads_accepting_thread(stage: Start) -> None:
    on = stage(
        wsgi="tests.integration.apps.figures:hello", left="gthread", workers=1, threads=4, requests=2, only="wsgi"
    )
    on.finish()
    with ExitStack() as stack:
        client = stack.enter_context(socket.create_connection(on.address("wsgi")))
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        on.until(lambda: bool(on.wsgi.server.acceptors), "the accepting thread in close_graceful")
        on.until(lambda: any("4 of its threads are idle" in said for said in found(on, "lingering-client")), "a lint")
    on.until(lambda: not on.wsgi.server.acceptors, "the accepting thread's going on")
    assert on.wsgi.run.acceptor_most_ns > 0


def test_an_app_that_calls_its_own_server_is_named_with_the_line(stage: Start) -> None:
    on = stage(wsgi="tests.integration.apps.figures:stuck_on_itself", workers=1, requests=1, only="wsgi")
    on.until(lambda: bool(found(on, "self-call")), "the self-call")
    [said] = found(on, "self-call")
    [worker] = on.wsgi.server.living()
    assert worker.activity is Activity.BLOCKED
    assert "figures.py:" in said
    assert "urlopen for its own server" in said
    on.finish()
    assert result(on.state, on.log.occurrences)["sides"]["wsgi"]["self_calls"] == {"max": 1, "stuck": 1}
    assert on.wsgi.run.completed == 1
    [said] = found(on, "self-call")
    assert said.startswith("The app called its own server at figures.py:")
