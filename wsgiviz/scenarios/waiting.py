"""Scenarios in which a request waits: for a clock, another service, a disk."""

from __future__ import annotations

from collections.abc import Mapping

from wsgiviz.scenarios.scenario import Cost, Scenario, Value, seconds


def executor_threads(cores: int) -> int:
    """Threads of asyncio.to_thread's default pool (the documented default of ThreadPoolExecutor)."""
    return min(32, cores + 4)


def _waits(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost(float(values["seconds"]), 0.0)


def _waits_in_threads(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost(float(values["seconds"]), 0.0, executor_threads(cores))


def _blocks_its_loop(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost(float(values["seconds"]), 0.0, async_limit=1)


WAITING = (
    Scenario(
        name="sleep",
        question="What does a worker do while its request waits?",
        wsgi="demo_apps.sleep:wsgi_app",
        asgi="demo_apps.sleep:asgi_app",
        wsgi_call="time.sleep({seconds:g})",
        asgi_call="await asyncio.sleep({seconds:g})",
        parameters=(seconds(1.0, "how long each request waits"),),
        cost_of=_waits,
    ),
    Scenario(
        name="http",
        question="What does a call to another service cost the worker that waits for it?",
        wsgi="demo_apps.http:wsgi_app",
        asgi="demo_apps.http:asgi_app",
        wsgi_call="client.get(upstream)",
        asgi_call="await client.get(upstream)",
        parameters=(seconds(0.5, "how long the upstream service takes to answer"),),
        cost_of=_waits,
        backend="upstream",
    ),
    Scenario(
        name="file",
        question="asyncio has no file I/O: what do threads buy you, and where is the limit?",
        wsgi="demo_apps.file:wsgi_app",
        asgi="demo_apps.file:asgi_app",
        wsgi_call="file.read()",
        asgi_call="await asyncio.to_thread(read)",
        parameters=(seconds(0.5, "how long the slow disk takes for the file"),),
        cost_of=_waits_in_threads,
        backend="disk",
    ),
    Scenario(
        name="blocking-in-async",
        question="What does one blocking call inside async code do to everybody else?",
        wsgi="demo_apps.blocking_in_async:wsgi_app",
        asgi="demo_apps.blocking_in_async:asgi_app",
        wsgi_call="time.sleep({seconds:g})",
        asgi_call="time.sleep({seconds:g})",
        parameters=(seconds(0.5, "how long each request blocks"),),
        cost_of=_blocks_its_loop,
        settings={"requests": 8},
    ),
)
