"""The demo apps keep the protocols that they teach, in process, with the services that they call."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from wsgiviz.companion import Companion
from wsgiviz.scenarios import Scenario, catalogue

EACH = pytest.mark.parametrize("scenario", catalogue(), ids=lambda scenario: scenario.name)

QUICK = {"seconds": "0.02", "rows": "20", "below": "1000"}
BAD = ["nan", "inf", "-1", "1e99", "many", "", "0x10", "1e-400"]


@pytest.fixture
def apps(scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The scenario's module, loaded anew with its service's address in the environment."""
    companion = Companion.start(scenario.companion, tmp_path) if scenario.companion else None
    for name, value in (companion.env if companion else {}).items():
        monkeypatch.setenv(name, value)
    module = importlib.reload(importlib.import_module(scenario.wsgi.partition(":")[0]))
    yield module
    if hasattr(module, "client"):
        module.client.close()
    if companion is not None:
        companion.close()


def on_a_loop(module: Any, work: Coroutine[Any, Any, Any]) -> Any:
    """The result of ``work``; connections that the app keeps are closed by the loop that opened them."""

    async def run() -> Any:
        try:
            return await work
        finally:
            if hasattr(module, "async_client"):
                await module.async_client.aclose()

    return asyncio.run(run())


def query_of(scenario: Scenario, value: str | None = None) -> str:
    names = [parameter.name for parameter in scenario.parameters]
    return urlencode({name: value if value is not None else QUICK.get(name, "0") for name in names})


def ask_wsgi(app: Any, query: str) -> tuple[str, dict[str, str], bytes]:
    """One request as a server makes it, under the standard library's validator."""
    environ: dict[str, Any] = {"QUERY_STRING": query}
    setup_testing_defaults(environ)
    began: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        began.append((status, headers))
        return lambda data: None

    body = validator(app)(environ, start_response)
    try:
        content = b"".join(body)
    finally:
        body.close()  # type: ignore[attr-defined]
    [(status, headers)] = began
    return status, {name.lower(): value for name, value in headers}, content


async def ask_asgi(app: Any, query: str) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": query.encode(), "headers": []}
    await app(scope, receive, send)
    return sent


@EACH
def test_the_wsgi_app_is_valid(scenario: Scenario, apps: Any) -> None:
    status, headers, content = ask_wsgi(apps.wsgi_app, query_of(scenario))
    assert status == "200 OK"
    assert headers["content-type"].startswith("text/plain")
    assert content
    assert int(headers.get("content-length", len(content))) == len(content)


@EACH
def test_the_asgi_app_answers_the_same(scenario: Scenario, apps: Any) -> None:
    start, *bodies = on_a_loop(apps, ask_asgi(apps.asgi_app, query_of(scenario)))
    assert (start["type"], start["status"]) == ("http.response.start", 200)
    assert dict(start["headers"])[b"content-type"].startswith(b"text/plain")
    assert {body["type"] for body in bodies} == {"http.response.body"}
    content = b"".join(body.get("body", b"") for body in bodies)
    assert content == ask_wsgi(apps.wsgi_app, query_of(scenario))[2]
    assert not bodies[-1].get("more_body")


@EACH
def test_the_asgi_app_takes_part_in_the_lifespan(scenario: Scenario, apps: Any) -> None:
    asked = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        return next(asked)

    async def send(message: dict[str, str]) -> None:
        sent.append(message["type"])

    asyncio.run(apps.asgi_app({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize("text", BAD)
def test_a_number_that_is_none_is_the_default(text: str) -> None:
    from demo_apps.http_text import number

    assert number(urlencode({"seconds": text}), "seconds", 0.25) in (0.25, 0.0)
    assert number(urlencode({"seconds": text}).encode(), "seconds", 0.25) in (0.25, 0.0)
    assert number("", "seconds", 0.25) == 0.25
    assert number("seconds=0.5", "seconds", 0.25) == 0.5


WAITS = [scenario for scenario in catalogue() if scenario.name in ("sleep", "http", "file", "timeout")]
STANDS = [scenario for scenario in catalogue() if scenario.name == "blocking-in-async"]


@pytest.mark.parametrize("scenario", WAITS, ids=lambda scenario: scenario.name)
def test_on_a_loop_two_waits_take_as_long_as_one(scenario: Scenario, apps: Any) -> None:
    assert on_a_loop(apps, two_at_once(apps.asgi_app)) < 1.7


@pytest.mark.parametrize("scenario", STANDS, ids=lambda scenario: scenario.name)
def test_a_blocking_call_takes_the_loop_from_the_other(scenario: Scenario, apps: Any) -> None:
    assert on_a_loop(apps, two_at_once(apps.asgi_app)) >= 2


async def two_at_once(app: Any, seconds: float = 0.4) -> float:
    """How long two requests take together, in times of one."""
    query = urlencode({"seconds": seconds})
    began = time.monotonic()
    await asyncio.gather(ask_asgi(app, query), ask_asgi(app, query))
    return (time.monotonic() - began) / seconds
