"""Connections that last, on real servers: streams, long polling, WebSockets, and kept connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

import wsgiviz.scenarios
from demo_apps import websocket
from tests.integration.conftest import APPS, Stage
from tests.integration.lateness import blocked_share
from tests.integration.test_demo_apps import ask_wsgi
from wsgiviz.analysis import metrics
from wsgiviz.analysis.captions import caption
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.analysis.stamps import stamps
from wsgiviz.report.result import result
from wsgiviz.scenarios import find
from wsgiviz.state import Side

pytestmark = pytest.mark.xdist_group("long-lived")  # it judges no times

Start = Callable[..., Stage]


def figures(on: Stage, side: str) -> dict[str, Any]:
    """What the JSON says of it."""
    found: dict[str, Any] = result(on.state, Occurrences())["sides"][side]
    return found


# --- streams, and waiting for news ------------------------------------------------------------------------------


def test_a_stream_holds_a_worker_or_a_task_with_every_event_at_its_time(stage: Start) -> None:
    on = stage(scenario="stream", parameters={"events": 4, "every": 0.1}, requests=4, workers=2)
    on.finish()
    assert (on.wsgi.run.in_app_peak.most, on.asgi.run.in_app_peak.most) == (2, 4)
    for request in on.wsgi.ledger.ours():
        assert len(request.chunks) == 4
        assert all(after - before >= 90_000_000 for before, after in pairwise(request.chunks))
        assert request.first_byte_ns < request.chunks[-1], "the first event is there before the last one is made"
    assert metrics.makespan_ns(on.wsgi) >= 2 * 0.4e9
    assert metrics.makespan_ns(on.asgi) < metrics.makespan_ns(on.wsgi)
    assert blocked_share(result(on.state, Occurrences(), ledger=True), "wsgi") > 0.8


def test_news_come_to_all_who_wait_and_who_waits_for_a_worker_misses_them(stage: Start) -> None:
    on = stage(scenario="long-poll", parameters={"seconds": 0.4}, requests=6, workers=2)
    on.finish()
    assert metrics.makespan_ns(on.wsgi) >= 3 * 0.4e9, "three rounds of two"
    asked = list(on.asgi.ledger.ours())
    assert max(request.began_ns for request in asked) < min(request.ended_ns for request in asked)


# --- WebSockets -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["asgi", "uvicorn"])
def test_two_hundred_websockets_are_held_by_one_worker(stage: Start, kind: str) -> None:
    on = stage(scenario="websocket", parameters={"beats": 3, "every": 0.5}, right=kind, only="asgi")
    on.until(lambda: on.asgi.run.websockets.open == 200, "200 WebSockets")
    while_open = caption(on.state, on.state.t_ns, Occurrences()).text
    assert while_open.startswith("200 WebSockets are open, and each is a task that waits in receive().")
    on.finish()
    assert at_their_line(on.asgi) == 200
    found = figures(on, "asgi")
    held = found["websockets"]
    assert 200 * 3 <= held.pop("messages") <= 200 * 4, "the last echo may be overtaken by the end"
    assert held == {
        "opened": 200, "refused": 0, "max_open": 200, "pings_answered": 200 * 3, "closed_normally": 200,
    }  # fmt: skip
    assert (found["statuses"], found["failed"], found["max_in_flight"]) == ({"101": 200}, 0, 200)
    assert found["events_lost"] == 0
    for row in result(on.state, Occurrences(), ledger=True)["requests"]:
        if row["side"] == "asgi":
            times = [row[name] for name in ("sent_s", "connected_s", "began_s", "opened_s", "received_s")]
            assert times == sorted(times)
            assert (row["status"], row["raised"], row["worker_died"]) == (101, None, False)


def at_their_line(side: Side) -> int:
    """How many were seen to wait in `receive()`."""
    stays = [{(stay.where.function, stay.where.call) for stay in request.stays} for request in side.ledger.ours()]
    return sum(("echo", "receive") in seen for seen in stays)


@pytest.mark.parametrize("kind", ["sync", "gevent"])
def test_wsgi_refuses_and_it_is_said_why(stage: Start, kind: str) -> None:
    on = stage(scenario="websocket", left=kind, only="wsgi", workers=1, requests=20)
    on.finish()
    found = figures(on, "wsgi")
    assert (found["statuses"], found["failed"]) == ({"400": 20}, 0)
    assert (found["websockets"]["opened"], found["websockets"]["refused"]) == (0, 20)
    assert caption(on.state, on.state.t_ns, Occurrences()).text == (
        "WSGI refused all 20 WebSockets (400): its contract has no way to hand over a connection."
    )


@pytest.mark.parametrize(
    ("kind", "app", "statuses", "errors", "raised"),
    [
        ("asgi", "websocket_refuses", {"403": 5}, [], {}),
        ("asgi", "websocket_raises_before", {"500": 5}, [], {"LookupError": 5}),
        ("asgi", "websocket_raises", {}, ["closed 1011"], {"LookupError": 5}),
        ("asgi", "websocket_goes_away", {}, ["closed 1001"], {}),
        ("uvicorn", "websocket_refuses", {"403": 5}, [], {}),
        ("uvicorn", "websocket_raises", {}, ["closed", "reset"], {"LookupError": 5}),  # it sends no close frame then
    ],
)
def test_a_websocket_that_fails_is_shown_as_that(
    shared: Start,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    app: str,
    statuses: dict[str, int],
    errors: list[str],
    raised: dict[str, int],
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(APPS))
    scenarios = wsgiviz.scenarios.catalogue.__globals__["_BY_NAME"]
    monkeypatch.setitem(
        scenarios, "websocket", replace(find("websocket"), asgi="by_path:async_app", paths=((1, f"/odd/{app}"),))
    )
    on = shared(scenario="websocket", right=kind, only="asgi", requests=5)
    on.run()
    found = figures(on, "asgi")
    assert (found["statuses"], found["raised"]) == (statuses, raised)
    assert set(found["errors"]) <= set(errors)
    assert sum(found["errors"].values()) == 5 - sum(statuses.values()) == found["websockets"]["opened"]
    assert found["websockets"]["closed_normally"] == 0


def test_the_websocket_app_keeps_its_protocol_with_a_server_of_a_few_lines() -> None:
    """The handshake, an echo, a heartbeat that is answered, another echo, the end."""
    to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    serve: Any = websocket.asgi_app

    async def talk() -> list[str]:
        scope = {"type": "websocket", "query_string": b"every=0.05&beats=1"}
        app = asyncio.create_task(serve(scope, to_app.get, from_app.put))
        heard = []
        to_app.put_nowait({"type": "websocket.connect"})
        heard.append((await from_app.get())["type"])
        to_app.put_nowait({"type": "websocket.receive", "text": "hello"})
        heard.append((await from_app.get())["text"])
        heard.append((await from_app.get())["text"])
        to_app.put_nowait({"type": "websocket.receive", "text": "pong"})
        heard.append((await from_app.get())["type"])
        to_app.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await app
        return heard

    assert asyncio.run(talk()) == ["websocket.accept", "hello", "ping", "websocket.close"]


def test_the_wsgi_side_of_it_is_a_valid_answer() -> None:
    status, headers, content = ask_wsgi(websocket.wsgi_app, "")
    assert (status, content) == ("400 Bad Request", b"no WebSocket here\n")
    assert headers["content-type"].startswith("text/plain")


# --- kept connections -------------------------------------------------------------------------------------------

KEEPS: dict[str, Any] = {
    "scenario": "keep-alive", "parameters": {"pause": 0.05}, "requests": 40, "concurrency": 10,
}  # fmt: skip


def alone(kind: str) -> dict[str, Any]:
    """That kind of server, and no other one."""
    return {"right": kind, "only": "asgi"} if kind == "asgi" else {"left": kind, "only": "wsgi"}


@pytest.mark.parametrize(("left", "right"), [("gthread", "asgi"), ("gevent", "uvicorn")])
def test_these_servers_keep_connections_and_hold_nothing_for_an_idle_one(stage: Start, left: str, right: str) -> None:
    on = stage(**KEEPS, left=left, right=right)
    on.finish()
    for side in on.state.sides.values():
        keeps_connections(on, side)


def keeps_connections(on: Stage, side: Side) -> None:
    found = figures(on, side.name)
    assert (found["connections"], found["completed"], found["unobserved"]) == (10, 40, 0)
    kept = found["kept_connections"]
    assert kept["requests_each"].pop("max") >= 4, "a user who is served sooner takes one more"
    assert kept == {"max_open": 10, "reused": 30, "requests_each": {"mean": 4.0}, "closed_by_server": 0}
    for request in side.ledger.ours():
        known = stamps(request)
        assert request.reused == (known.connected_ns < known.planned_ns)
        assert known.sent_ns <= known.began_ns <= known.received_ns
    assert side.run.in_app_peak.most < side.run.connections.most_open, "fewer requests than connections"
    assert not any(worker.busy for worker in side.server.living())


def test_a_sync_worker_closes_each_connection(stage: Start) -> None:
    on = stage(**KEEPS, left="sync", only="wsgi", workers=2)
    on.finish()
    found = figures(on, "wsgi")
    assert (found["connections"], found["completed"]) == (40, 40)
    assert found["kept_connections"]["reused"] == 0
    assert found["kept_connections"]["closed_by_server"] == 40


@pytest.mark.parametrize("kind", ["gthread", "gevent", "asgi"])
def test_who_waits_on_a_kept_connection_waits_from_its_own_request_on(stage: Start, kind: str) -> None:
    """Three users of one thread, whose requests take as long as each other's: each waits for those before it. A time
    since the connection was accepted would grow from request to request."""
    threads = {"threads": 1} if kind == "gthread" else {}
    on = stage(
        scenario="sleep", parameters={"seconds": 0.1}, arrivals="closed", concurrency=3, requests=12, workers=1,
        reuse_connections=True, **alone(kind), **threads,
    )  # fmt: skip
    on.finish()
    side = on.only
    assert side.run.connections.made == 3
    requests = sorted(side.ledger.ours(), key=lambda request: request.began_ns)
    for request in requests:
        known = stamps(request)
        assert not known.accepted_ns or known.sent_ns <= known.accepted_ns <= known.began_ns
    waits = sorted(metrics.queue_wait(side))
    if kind == "gthread":
        assert all(one.ended_ns <= other.began_ns for one, other in pairwise(requests)), "one thread"
        gaps_s = [(other.began_ns - one.began_ns) / 1e9 for one, other in pairwise(requests)]
        assert waits[-1] < 3 * max(gaps_s), "for two others at most"
    else:
        assert waits[-1] < 0.1, "all of them wait at once"


def test_a_server_that_recycles_its_worker_closes_and_clients_connect_again(stage: Start) -> None:
    on = stage(
        scenario="sleep", parameters={"seconds": 0.01}, arrivals="closed", concurrency=2, requests=30, workers=2,
        left="gthread", threads=2, only="wsgi", reuse_connections=True, max_requests=5,
    )  # fmt: skip
    on.finish()
    run = on.wsgi.run
    assert (run.completed, run.failed) == (30, 0)
    assert run.connections.made > 2
    assert run.recycled >= 2
