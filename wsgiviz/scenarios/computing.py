"""Scenarios in which a request computes, in Python or in a library."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping

from wsgiviz.scenarios.scenario import Cost, Parameter, Scenario, Value


def _computes(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost(0.0, math.nan)


def _computes_in_threads(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost(0.0, math.nan, async_threads=True)


PROCESSES = min(os.cpu_count() or 1, 8)

THROUGHPUT = {
    "requests": 2000,
    "arrivals": "closed",
    "concurrency": 8,
    "order": "in-turn",
    "workers": PROCESSES,
    "async_workers": PROCESSES,
}
"""A fair comparison of short requests: a process for each core on either side, one side after the other."""

COMPUTING = (
    Scenario(
        name="db",
        question="Who works while a query runs: the worker, or a server that it waits for?",
        wsgi="demo_apps.db:wsgi_app",
        asgi="demo_apps.db:asgi_app",
        wsgi_call="connection.execute(query)",
        asgi_call="await connection.execute(query)",
        parameters=(Parameter("rows", 400, 1, 2000, "rows", "how many rows are compared with all the others"),),
        cost_of=_computes_in_threads,
        narration=(
            "Watch who computes: SQLite runs in the process that asks, so a query keeps a core busy. "
            "Awaited, it runs in a thread, and the loop stays free; more cores, not async, make it quicker."
        ),
        backend="database",
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
        narration=(
            "Watch the loop: each request computes to its end before the next one begins. "
            "There is nothing to wait for, so async gains nothing; processes use as many cores as there are."
        ),
    ),
    Scenario(
        name="fast",
        question="Is synchronous slow?",
        wsgi="demo_apps.fast:wsgi_app",
        asgi="demo_apps.fast:asgi_app",
        wsgi_call="render(rows)",
        asgi_call="render(rows)",
        parameters=(Parameter("rows", 40, 1, 10_000, "rows", "how many rows the page has"),),
        cost_of=None,
        settings=THROUGHPUT,
        narration=(
            "Watch the requests per second: with as many processes on either side, WSGI is at least level. "
            "Where nobody waits, a loop has nothing to gain, and its own work costs time too."
        ),
    ),
    Scenario(
        name="crud",
        question="Short reads and writes: does a database alone call for async?",
        wsgi="demo_apps.crud:wsgi_app",
        asgi="demo_apps.crud:asgi_app",
        wsgi_call="database.execute(statement)",
        asgi_call="await database.execute_fetchall(statement)",
        parameters=(Parameter("rows", 20, 1, 2000, "rows", "how many rows the list has"),),
        cost_of=None,
        backend="database",
        settings=THROUGHPUT,
        paths=((6, "/orders"), (3, "/orders/7"), (1, "/orders/7/add")),
        narration=(
            "Watch the times of each path: short, and much the same each time. "
            "Predictable work in a process of its own is what WSGI is made for."
        ),
    ),
)
