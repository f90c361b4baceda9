"""The scenarios, as data."""

from __future__ import annotations

import math
from collections.abc import Mapping

from wsgiviz.errors import UsageError
from wsgiviz.scenarios.scenario import Cost, Parameter, Scenario, Value, did_you_mean


def executor_threads(cores: int) -> int:
    """Threads of asyncio.to_thread's default pool (the documented default of ThreadPoolExecutor)."""
    return min(32, cores + 4)


def _waits(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost(float(values["seconds"]), 0.0)


def _waits_in_threads(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost(float(values["seconds"]), 0.0, executor_threads(cores))


def _blocks_its_loop(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost(float(values["seconds"]), 0.0, async_limit=1)


def _computes(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost(0.0, math.nan)


def _computes_in_threads(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost(0.0, math.nan, async_threads=True)


def _seconds(default: float, what: str) -> Parameter:
    return Parameter("seconds", default, 0.0, 60.0, "s", what)


_ALL = (
    Scenario(
        name="sleep",
        question="What does a worker do while its request waits?",
        wsgi="demo_apps.sleep:wsgi_app",
        asgi="demo_apps.sleep:asgi_app",
        wsgi_call="time.sleep({seconds:g})",
        asgi_call="await asyncio.sleep({seconds:g})",
        parameters=(_seconds(1.0, "how long each request waits"),),
        cost_of=_waits,
    ),
    Scenario(
        name="http",
        question="What does a call to another service cost the worker that waits for it?",
        wsgi="demo_apps.http:wsgi_app",
        asgi="demo_apps.http:asgi_app",
        wsgi_call="client.get(upstream)",
        asgi_call="await client.get(upstream)",
        parameters=(_seconds(0.5, "how long the upstream service takes to answer"),),
        cost_of=_waits,
        backend="upstream",
    ),
    Scenario(
        name="db",
        question="Who works while a query runs: the worker, or a server that it waits for?",
        wsgi="demo_apps.db:wsgi_app",
        asgi="demo_apps.db:asgi_app",
        wsgi_call="connection.execute(query)",
        asgi_call="await connection.execute(query)",
        parameters=(Parameter("rows", 400, 1, 2000, "rows", "how many rows are compared with all the others"),),
        cost_of=_computes_in_threads,
        backend="database",
    ),
    Scenario(
        name="file",
        question="asyncio has no file I/O: what do threads buy you, and where is the limit?",
        wsgi="demo_apps.file:wsgi_app",
        asgi="demo_apps.file:asgi_app",
        wsgi_call="file.read()",
        asgi_call="await asyncio.to_thread(read)",
        parameters=(_seconds(0.5, "how long the slow disk takes for the file"),),
        cost_of=_waits_in_threads,
        backend="disk",
    ),
    Scenario(
        name="cpu",
        question="Does async help when there is nothing to wait for?",
        wsgi="demo_apps.cpu:wsgi_app",
        asgi="demo_apps.cpu:asgi_app",
        wsgi_call="count_primes({below})",
        asgi_call="count_primes({below})",
        parameters=(Parameter("below", 100_000, 100, 5_000_000, "", "primes are counted up to this number"),),
        cost_of=_computes,
    ),
    Scenario(
        name="fast",
        question="Is synchronous slow?",
        wsgi="demo_apps.fast:wsgi_app",
        asgi="demo_apps.fast:asgi_app",
        wsgi_call="render(rows)",
        asgi_call="render(rows)",
        parameters=(Parameter("rows", 40, 1, 10_000, "rows", "how many rows the page has"),),
        cost_of=_computes,
        requests=200,
    ),
    Scenario(
        name="blocking-in-async",
        question="What does one blocking call inside async code do to everybody else?",
        wsgi="demo_apps.blocking_in_async:wsgi_app",
        asgi="demo_apps.blocking_in_async:asgi_app",
        wsgi_call="time.sleep({seconds:g})",
        asgi_call="time.sleep({seconds:g})",
        parameters=(_seconds(0.5, "how long each request blocks"),),
        cost_of=_blocks_its_loop,
        requests=8,
    ),
    Scenario(
        name="slow-client",
        question="Who is held up by somebody else's slow network?",
        wsgi="demo_apps.slow_client:wsgi_app",
        asgi="demo_apps.slow_client:asgi_app",
        wsgi_call="a client that sends for {seconds:g} s",
        asgi_call="a client that sends for {seconds:g} s",
        parameters=(
            _seconds(1.0, "how long a client takes to send its request"),
            Parameter(
                "reading", 1.0, 0.0, 60.0, "s", "how long it takes to read the response, which is then a large one"
            ),
        ),
        cost_of=None,
        requests=12,
        send_over="seconds",
        read_over="reading",
    ),
    Scenario(
        name="timeout",
        question="What does gunicorn's --timeout limit: requests, or workers?",
        wsgi="demo_apps.timeout:wsgi_app",
        asgi="demo_apps.timeout:asgi_app",
        wsgi_call="time.sleep({seconds:g})",
        asgi_call="await asyncio.sleep({seconds:g})",
        parameters=(
            _seconds(5.0, "how long each request waits"),
            # Workers with a loop or threads notify the master once a second: 1 s would kill healthy ones.
            Parameter("timeout", 2, 2, 60, "s", "gunicorn's --timeout: how long a worker may be silent"),
        ),
        cost_of=None,
        requests=4,
        server_timeout="timeout",
    ),
)


def catalogue() -> tuple[Scenario, ...]:
    """All scenarios, in the order of a first visit."""
    return _ALL


def find(name: str) -> Scenario:
    """The scenario of that name. Raises UsageError with the nearest one."""
    known = {scenario.name: scenario for scenario in _ALL}
    if name not in known:
        raise UsageError(f"there is no scenario {name!r}", did_you_mean(name, known, "there are"))
    return known[name]
