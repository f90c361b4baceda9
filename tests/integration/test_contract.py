"""One request in slow motion on real servers: its steps come in the contract's order, with the values passed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.integration.conftest import Stage
from wsgiviz.recorder.contract_steps import FOLLOW_STEPS, Passed
from wsgiviz.state import Side

pytestmark = pytest.mark.xdist_group("contract")  # it judges no times

Start = Callable[..., Stage]

PAUSE_S = 0.1
CONTRACT = {"scenario": "contract", "parameters": {"pause": PAUSE_S}}

WSGI = [
    ("start_response", "'200 OK', [('Content-Type', 'text/plain; charset=utf-8')]"),
    ("return", "<Body>"),
    ("next", ""),
    ("yield", r"b'one\n'"),
    ("next", ""),
    ("yield", r"b'two\n'"),
    ("next", ""),
    ("yield", r"b'three\n'"),
    ("next", ""),
    ("stop", ""),
    ("close", ""),
    ("closed", ""),
]
ASGI = [
    ("receive", ""),
    ("received", "http.request body=b'' more_body=False"),
    ("send", "http.response.start status=200 content-type=text/plain; charset=utf-8"),
    ("send", r"http.response.body body=b'one\n' more_body=True"),
    ("send", r"http.response.body body=b'two\n' more_body=True"),
    ("send", r"http.response.body body=b'three\n' more_body=True"),
    ("send", "http.response.body body=b'' more_body=False"),
    ("return", "None"),
]
"""All but the first step."""

PAUSED = {
    "wsgi": {("start_response", 1), ("return", 1), ("yield", 1), ("yield", 2), ("yield", 3), ("closed", 1)},
    "asgi": {("receive", 1), ("send", 1), ("send", 2), ("send", 3), ("send", 4)},
}
"""Before these steps, and how often they have come then, the app sleeps."""


def steps(side: Side) -> list[tuple[str, str]]:
    return [(entry.passed.word, entry.value) for entry in side.run.contract]


def check(side: Side, rest: list[tuple[str, str]], called: str) -> None:
    """Order, values and times."""
    (first, value), *others = steps(side)
    assert first == "call"
    assert value.startswith(called)
    assert others == rest
    [request] = side.ledger.ours()
    times = [entry.t_ns for entry in side.run.contract]
    assert all(before < after for before, after in pairwise(times))
    assert request.sent_ns < request.began_ns <= times[0]
    assert times[-1] <= request.ended_ns
    assert {entry.req for entry in side.run.contract} == {request.id}
    counts: dict[str, int] = {}
    for before, after in pairwise(side.run.contract):
        word = after.passed.word
        counts[word] = counts.get(word, 0) + 1
        slept = (word, counts[word]) in PAUSED[side.protocol]
        assert after.t_ns - before.t_ns >= (0.99 * PAUSE_S * 1e9 if slept else 0), word


@pytest.mark.parametrize("kinds", [("sync", "asgi"), ("gthread", "uvicorn"), ("gevent", "uvicorn")], ids=" ".join)
def test_steps_come_in_the_contracts_order_with_their_values(stage: Start, kinds: tuple[str, str]) -> None:
    on = stage(**CONTRACT, left=kinds[0], right=kinds[1])
    on.finish()
    assert (on.settings.requests, on.settings.workers) == (1, 1)
    check(on.wsgi, WSGI, "REQUEST_METHOD=GET PATH_INFO=/ SERVER_PROTOCOL=HTTP/1.1 + ")
    check(on.asgi, ASGI, "type=http method=GET path=/ http_version=1.1 + ")
    assert (on.wsgi.run.completed, on.asgi.run.completed) == (1, 1)


def test_the_run_is_over_when_close_has_returned(stage: Start) -> None:
    """The client has its answer before: a run's result would lack the last step."""
    on = stage(scenario="contract", parameters={"pause": 0.5}, only="wsgi")
    on.finish()
    assert steps(on.wsgi)[-1] == ("closed", "")
    [request] = on.wsgi.ledger.ours()
    assert request.ended_ns


def test_a_second_run_has_its_own_steps(stage: Start) -> None:
    on = stage(**CONTRACT, only="asgi")
    on.finish()
    first = on.asgi.run.contract
    on.controller.fire()
    on.finish()
    assert steps(on.asgi) == [(entry.passed.word, entry.value) for entry in first]
    assert on.asgi.run.contract[0].t_ns > first[-1].t_ns


def test_a_client_that_gives_up_has_the_iterable_closed_before_its_end(stage: Start) -> None:
    """It is gone before the first chunk: by the second one at the latest the server meets that."""
    on = stage(scenario="contract", parameters={"pause": 0.3}, only="wsgi", timeout=0.75)
    on.until(lambda: on.wsgi.run.contract[-1:] and on.wsgi.run.contract[-1].passed is Passed.CLOSED, "close()")  # type: ignore[arg-type,return-value]
    words = [word for word, _ in steps(on.wsgi)]
    assert words[-3:] == ["yield", "close", "closed"]
    assert "stop" not in words
    assert dict(on.wsgi.run.errors) == {"timeout": 1}


def test_other_scenarios_report_no_steps(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.01}, requests=2)
    on.finish()
    assert [side.run.contract for side in on.state.sides.values()] == [(), ()]


BROKEN = {
    "wsgi": {
        "/odd/raises": ["call", "raise"],
        "/odd/returns_none": ["call", "start_response", "return"],
        "/odd/no_status": ["call", "start_response", "raise"],
        "/contracts/never_starts": ["call", "return"],
        "/contracts/never_starts_chunks": ["call", "return", "next", "yield", "next", "stop", "close", "closed"],
        "/contracts/raises_between_chunks": [
            "call", "return", "next", "start_response", "yield", "next", "raise", "close", "closed",
        ],
    },
    "asgi": {"/odd/async_raises": ["call", "raise"], "/odd/async_returns_none": ["call", "return"]},
}  # fmt: skip
"""Paths of apps that break the contract, and their steps."""


@pytest.mark.parametrize("app", [{"wsgi": "by_path:app"}, {"asgi": "by_path:async_app"}], ids=["wsgi", "asgi"])
def test_an_app_that_breaks_the_contract_is_served_as_without_us(
    stage: Start, monkeypatch: pytest.MonkeyPatch, app: dict[str, str]
) -> None:
    [name] = app
    on = stage(fire=False, **app, requests=1, workers=1)
    on.ready()
    without = {path: outcome_of(on, path) for path in BROKEN[name]}
    assert not on.only.run.contract
    monkeypatch.setenv(FOLLOW_STEPS, "1")
    on = stage(fire=False, **app, requests=1, workers=1)
    on.ready()
    for path, expected in BROKEN[name].items():
        assert outcome_of(on, path) == without[path], path
        assert [word for word, _ in steps(on.only)] == expected, path


def outcome_of(on: Stage, path: str) -> tuple[Any, ...]:
    """What the client sees."""
    on.run(path=path)
    run = on.only.run
    return run.completed, run.failed, dict(run.statuses), dict(run.errors), dict(run.raised)
