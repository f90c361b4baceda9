"""Connections that last, from their events to the sentence: kept ones, and WebSockets."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.lint_contexts import DRIVER, at, booted, but, ended, opened, over, reduced, side, state_of
from tests.unit.states import RUN, T0
from tests.unit.test_captions import caption_of, finished, says, tasks
from wsgiviz.analysis.captions import Tone
from wsgiviz.analysis.lints import LintContext
from wsgiviz.analysis.lints.load import CLOSED_LOOP
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.analysis.prediction import prediction
from wsgiviz.analysis.side_captions import side_captions
from wsgiviz.analysis.verdict import Demand, Fits, verdict
from wsgiviz.errors import UsageError
from wsgiviz.events import (
    Connected,
    ConnectionClosed,
    ConnectionReused,
    Event,
    PhaseChanged,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RunRequested,
    RunStarted,
    WebSocketOpened,
    WebSocketsCounted,
)
from wsgiviz.report.result import result
from wsgiviz.settings import make
from wsgiviz.state import Phase, Side, State, Task
from wsgiviz.state.run import Connections, Run, WebSockets


def fired(requests: int, websocket: bool = False, name: str = "wsgi") -> list[Event]:
    asked = RunRequested(at(0), "", 0, 1, requests, (name,), False, (), websocket)
    return [PhaseChanged(at(0), "", 0, "running"), asked, RunStarted(at(0), name, DRIVER, 1, requests, T0)]


def sent(n: int, at_s: float) -> RequestSent:
    return RequestSent(at(at_s), "wsgi", DRIVER, RUN + n, at(at_s))


def connected(n: int, at_s: float, port: int = 5000) -> Connected:
    return Connected(at(at_s), "wsgi", DRIVER, RUN + n, port)


def reused(n: int, at_s: float, since_s: float, port: int = 5000) -> ConnectionReused:
    return ConnectionReused(at(at_s), "wsgi", DRIVER, RUN + n, port, at(since_s))


def answered(n: int, at_s: float, status: int = 200) -> ResponseReceived:
    return ResponseReceived(at(at_s), "wsgi", DRIVER, RUN + n, status, 2)


def closed(at_s: float, answers: int, by_server: int = 0) -> ConnectionClosed:
    return ConnectionClosed(at(at_s), "wsgi", DRIVER, 5000, answers, by_server)


KEEPS: dict[str, Any] = {"arrivals": "closed", "concurrency": 2, "reuse_connections": True}


def kept(*events: Event) -> State:
    """A run of clients that keep their connections."""
    return reduced(opened(**KEEPS), booted(), fired(4), events)


# --- kept connections -------------------------------------------------------------------------------------------


def test_connections_are_counted_with_what_they_carry() -> None:
    first = [sent(1, 0.1), connected(1, 0.11), sent(2, 0.1), connected(2, 0.12, 5001), answered(1, 0.2)]
    second = [sent(3, 0.3), reused(3, 0.3, 0.11), answered(3, 0.4), answered(2, 0.5), closed(0.6, 1, 1)]
    assert kept(*first).sides["wsgi"].run.connections == Connections(2, 2, 2)
    state = kept(*first, *second, closed(0.7, 2))
    assert state.sides["wsgi"].run.connections == Connections(
        made=2, open=0, most_open=2, reused=1, closed_by_server=1, most_answered=2
    )
    side = result(state, Occurrences())["sides"]["wsgi"]
    assert (side["connections"], side["websockets"]) == (2, None)
    assert side["kept_connections"] == {
        "max_open": 2, "reused": 1, "requests_each": {"mean": 1.5, "max": 2}, "closed_by_server": 1,
    }  # fmt: skip


def test_a_request_over_a_kept_connection_was_connected_before_it_was_sent() -> None:
    state = kept(sent(1, 0.1), connected(1, 0.11), answered(1, 0.2), sent(2, 0.3), reused(2, 0.3, 0.11))
    first, second = result(state, Occurrences(), ledger=True)["requests"]
    assert (first["connected_s"], first["reused"]) == (0.11, False)
    assert (second["connected_s"], second["sent_s"], second["reused"]) == (0.11, 0.3, True)


def test_a_request_whose_kept_connection_was_gone_is_no_reuse() -> None:
    again = [reused(2, 0.3, 0.11), closed(0.31, 1, 1), connected(2, 0.32, 5001)]
    state = kept(sent(1, 0.1), connected(1, 0.11), answered(1, 0.2), sent(2, 0.3), *again)
    assert state.sides["wsgi"].run.connections == Connections(2, 1, 1, 0, 1, 1)
    [_, second] = result(state, Occurrences(), ledger=True)["requests"]
    assert (second["connected_s"], second["reused"]) == (0.32, False)


def test_who_does_not_keep_connections_has_no_figures_of_kept_ones() -> None:
    state = reduced(opened(), booted(), fired(1), [sent(1, 0.1), connected(1, 0.11), answered(1, 0.2)])
    side = result(state, Occurrences())["sides"]["wsgi"]
    assert (side["connections"], side["kept_connections"]) == (1, None)


def keeping(name: str, kind: str, made: int, again: int, **more: Any) -> Side:
    return over(finished(name, 1.2, 0.001, kind=kind, connections=Connections(made, reused=again), **more), 1.2)


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (
            keeping("wsgi", "gthread", 40, 160),
            "both answered 20 requests over 40 connections. One that is idle holds no thread and no task.",
        ),
        (
            keeping("wsgi", "sync", 20, 0),
            "WSGI answered 20 requests over 20 connections, since a sync worker closes each after its answer; "
            "ASGI answered 20 requests over 40 connections. One that is idle holds no task.",
        ),
    ],
    ids=["gthread", "sync"],
)
def test_the_end_says_who_kept_connections(left: Side, text: str) -> None:
    said = says(left, keeping("asgi", "asgi", 40, 160), at_s=9, settings=make(scenario="keep-alive", left=left.kind))
    assert said == f"WSGI took 1.20 s, ASGI 1.20 s: {text}"


@pytest.mark.parametrize("kind", ["gthread", "sync"])
def test_who_had_one_request_to_send_was_not_closed_by_a_server(kind: str) -> None:
    once = keeping("wsgi", kind, 20, 0), keeping("asgi", "asgi", 20, 0)
    settings = make(scenario="keep-alive", requests=20, concurrency=20)
    assert says(*once, at_s=9, settings=settings) == (
        "WSGI took 1.20 s, ASGI 1.20 s: each user sent one request, so no connection was used twice."
    )


def test_meanwhile_it_says_what_the_idle_ones_hold() -> None:
    open_now = Connections(40, 40, 40, 10)
    sides = side("wsgi", "gthread", connections=open_now), side("asgi", "asgi", connections=open_now)
    found = caption_of(*sides, settings=make(scenario="keep-alive"))
    assert found.tone is Tone.GOOD
    assert found.text == (
        "Connections are kept open: 40 by WSGI, 40 by ASGI. One that is idle holds no thread and no task."
    )


def test_users_who_pause_are_not_kept_away_by_a_slow_server() -> None:
    waits = [
        request for request in over(finished("wsgi", 1.2, 0.1)).ledger.ours()
    ]  # most of their time outside the app
    slow = side("wsgi", "gthread", waits, ended_ns=at(1.2))
    for scenario, found in (("keep-alive", False), ("sleep", True)):
        settings = make(scenario=scenario, arrivals="closed")
        state = State(settings=settings, run=1, sides={"wsgi": slow})
        assert bool(CLOSED_LOOP.of(LintContext.of(state, at(2)), slow)) is found


def test_pauses_are_in_the_prediction() -> None:
    settings = make(scenario="sleep", parameters={"seconds": "0.1"}, arrivals="closed", concurrency=2, requests=4)
    plain = prediction(State(settings=settings), "asgi")
    assert plain is not None
    assert plain.seconds == pytest.approx(0.2)


# --- WebSockets -------------------------------------------------------------------------------------------------


def websockets(*events: Event) -> State:
    """A run of clients that open WebSockets."""
    return reduced(opened(scenario="websocket"), booted(), fired(3, websocket=True), events)


def opens(n: int, at_s: float) -> WebSocketOpened:
    return WebSocketOpened(at(at_s), "wsgi", DRIVER, RUN + n)


def test_websockets_are_counted_from_the_handshake_to_the_end() -> None:
    first = [sent(n, 0.1) for n in (1, 2, 3)] + [opens(1, 0.2), opens(2, 0.3)]
    assert websockets(*first).sides["wsgi"].run.websockets == WebSockets(2, 2, 2)
    counted = WebSocketsCounted(at(0.8), "wsgi", DRIVER, 7, 5)
    failed = RequestFailed(at(0.7), "wsgi", DRIVER, RUN + 2, "closed 1011")
    state = websockets(*first, answered(1, 0.6, 101), failed, answered(3, 0.7, 403), counted, *ended(0.9))
    side = result(state, Occurrences())["sides"]["wsgi"]
    assert side["websockets"] == {
        "opened": 2, "refused": 1, "max_open": 2, "messages": 7, "pings_answered": 5, "closed_normally": 1,
    }  # fmt: skip
    assert (side["statuses"], side["errors"]) == ({"101": 1, "403": 1}, {"closed 1011": 1})
    rows = result(state, Occurrences(), ledger=True)["requests"]
    assert [(row["opened_s"], row["status"], row["error"]) for row in rows] == [
        (0.2, 101, None), (0.3, None, "closed 1011"), (None, 403, None),
    ]  # fmt: skip


REFUSED: dict[str, Any] = {"websocket": True, "completed": 20, "bad_status": 20, "statuses": {400: 20}}
HELD = WebSockets(20, 0, 20, 100, 80, 20)


def test_wsgi_has_refused_them_and_that_is_no_failure_of_its_own() -> None:
    refused = but(finished("wsgi", 0.1, 0.001), **REFUSED)
    held = but(finished("asgi", 5.02, 5), websocket=True, statuses={101: 20}, websockets=HELD)
    found = caption_of(refused, held, at_s=9, settings=make(scenario="websocket"))
    assert found.tone is Tone.GOOD
    assert found.text == (
        "WSGI refused all 20 WebSockets (400): its contract has no way to hand over a connection. "
        "ASGI held 20 at once on 4 workers; clients answered 80 pings."
    )


def test_each_side_says_it_beside_its_name_while_the_other_is_on() -> None:
    refused = but(finished("wsgi", 0.1, 0.001), **REFUSED)
    held = side("asgi", "asgi", tasks(20, Task.AWAITING), websocket=True, websockets=WebSockets(20, 20, 20))
    state = state_of(refused, held, settings=make(scenario="websocket"))
    words = {name: said.text for name, said in side_captions(state, at(0.5), Occurrences()).items()}
    assert words == {
        "wsgi": "Refused all 20 WebSockets (400): its contract has no way to hand over a connection.",
        "asgi": "20 WebSockets are open, and each is a task that waits in receive().",
    }


def test_each_side_says_how_many_connections_it_took() -> None:
    answered = over(finished("wsgi", 1.2, 0.001, kind="gthread", connections=Connections(40, reused=160)), 1.2)
    on = side("asgi", "asgi", connections=Connections(40, 40, 40, 10))
    state = state_of(answered, on, settings=make(scenario="keep-alive"))
    words = {name: said.text for name, said in side_captions(state, at(0.5), Occurrences()).items()}
    assert words == {
        "wsgi": "All 20 answered after 1.20 s, over 40 connections.",
        "asgi": "40 connections are kept open. One that is idle holds no task.",
    }


def test_the_verdict_on_websockets_that_wsgi_refuses() -> None:
    refused = but(finished("wsgi", 0.1, 0.001), **REFUSED)
    held = but(finished("asgi", 5.02, 5), websocket=True, statuses={101: 20}, websockets=HELD)
    state = state_of(refused, held, settings=make(scenario="websocket"), phase=Phase.FINISHED)
    found = verdict(state, at(9))
    assert found is not None
    assert (found.demand, found.fits) == (Demand.WAITING, Fits.LOOP)
    assert found.words == "Connections that last fit an event loop: WSGI can't open a WebSocket."
    alone = verdict(state_of(refused, settings=make(scenario="websocket"), phase=Phase.FINISHED), at(9))
    assert alone is not None
    assert (alone.fits, alone.because.partition(" (")[0]) == (Fits.UNKNOWN, "WSGI refused all 20 WebSockets")
    failed = but(held, failed=20, completed=0)
    assert "20 of 20 requests failed" in (verdict(replace(state, sides={"asgi": failed}), at(9)) or alone).because


def test_while_they_are_open_it_says_what_they_hold() -> None:
    refused = but(finished("wsgi", 0.1, 0.001), **REFUSED)
    held = side("asgi", "asgi", tasks(20, Task.AWAITING), websocket=True, websockets=WebSockets(20, 20, 20))
    assert says(refused, held, settings=make(scenario="websocket")) == (
        "20 WebSockets are open, and each is a task that waits in receive(). "
        "WSGI refused all 20 WebSockets (400): its contract has no way to hand over a connection."
    )


def test_websockets_that_failed_are_failures() -> None:
    errors = {"errors": {"closed 1011": 20}, "failed": 20, "completed": 0}
    held = but(finished("asgi", 5.02, 5), websocket=True, websockets=WebSockets(20, 0, 20), **errors)
    assert (
        says(held, at_s=9, settings=make(scenario="websocket"))
        == "ASGI: 20 of 20 requests got no answer (20 closed 1011)."
    )


def test_wsgi_has_no_prediction_for_what_it_refuses() -> None:
    state = State(settings=make(scenario="websocket"))
    assert prediction(state, "wsgi") is None
    found = prediction(state, "asgi")
    assert found is not None
    assert (found.seconds, found.formula) == (5.0, "all at once, 5 s")


def test_a_run_without_websockets_has_refused_none() -> None:
    assert Run(completed=3, statuses={400: 3}).refused == 0


# --- settings ---------------------------------------------------------------------------------------------------


def test_a_burst_has_no_connection_to_keep() -> None:
    with pytest.raises(UsageError, match="--reuse-connections needs --arrivals closed"):
        make(reuse_connections="yes")
    assert make(reuse_connections="yes", arrivals="closed").reuse_connections
    assert make(wsgi="shop:app", reuse_connections="yes", arrivals="closed").reuse_connections


def test_the_threads_of_a_scenario_are_for_the_server_that_it_chooses() -> None:
    own = make(scenario="keep-alive")
    assert (own.kinds["wsgi"], own.threads, own.reuse_connections) == ("gthread", 4, True)
    assert make(scenario="keep-alive", left="sync").threads == 1
    assert own.changed(left="sync").threads == 1
    assert own.changed(left="sync").changed(left="gthread").threads in (1, 4)
    with pytest.raises(UsageError, match="--threads 3 needs worker class gthread"):
        make(scenario="keep-alive", left="sync", threads=3)
