"""Scenarios about workers themselves: threads or processes, and one that dies."""

from __future__ import annotations

import math
from collections.abc import Mapping

from wsgiviz.scenarios.scenario import Choice, Cost, Parameter, Scenario, Value, seconds


def _waits_or_computes(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost(float(values["seconds"]), 0.0) if values["work"] == "wait" else Cost(0.0, math.nan)


WORKERS = (
    Scenario(
        name="threads",
        question="Four threads or four processes: when is it the same?",
        wsgi="demo_apps.threads:wsgi_app",
        asgi="demo_apps.threads:asgi_app",
        wsgi_call="time.sleep({seconds:g})",
        asgi_call="await asyncio.sleep({seconds:g})",
        parameters=(
            Choice("work", ("wait", "compute"), "what a request does"),
            seconds(0.5, "how long a request waits, with work=wait"),
            Parameter("below", 200_000, 100, 5_000_000, "", "up to where it counts primes, with work=compute"),
        ),
        cost_of=_waits_or_computes,
        settings={
            "left": "gthread",
            "right": "sync",
            "workers": 1,
            "threads": 4,
            "right_workers": 4,
            "order": "in-turn",
        },
        calls_by={"compute": ("count_primes({below})", "count_primes({below})")},
        narration=(
            "Watch both sides wait alike; then set work=compute, and the threads take turns. "
            "Only one thread of a process runs Python at a time: that is the GIL's price, and processes don't pay it."
        ),
    ),
    Scenario(
        name="crash",
        question="A worker dies in mid-request: what becomes of the requests that it had?",
        wsgi="demo_apps.crash:wsgi_app",
        asgi="demo_apps.crash:asgi_app",
        wsgi_call="time.sleep({seconds:g} / 2)",
        asgi_call="await asyncio.sleep({seconds:g} / 2)",
        parameters=(seconds(1.0, "how long each request waits; one in ten kills its worker half-way"),),
        cost_of=None,
        paths=((1, "/crash"), (9, "/")),
        narration=(
            "Watch what is lost: a sync worker takes one request along, a loop all that it had in progress. "
            "The master starts another worker in its place, and nobody repeats the requests."
        ),
    ),
)
