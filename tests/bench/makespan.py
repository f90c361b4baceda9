"""A burst of requests that sleep: how long until all are answered, over what the theory says."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from tests.bench import runs
from tests.bench.figure import Figure
from wsgiviz.analysis.metrics import makespan_ns

WORKERS = 4
REQUESTS = 20
SECONDS = 0.5
ROUNDS = 5
BUDGET = 1.02
WSGI_S = math.ceil(REQUESTS / WORKERS) * SECONDS
"""⌈N/W⌉·S: each worker sleeps through its requests, one after the other."""


def figures() -> Iterator[Figure]:
    makespans: dict[str, list[float]] = {"wsgi": [], "asgi": []}
    settings = {"scenario": "sleep", "parameters": {"seconds": SECONDS}, "workers": WORKERS, "requests": REQUESTS}
    with runs.session(**settings) as opened:
        for _ in range(ROUNDS):
            state = opened.run()
            for side, found in makespans.items():
                found.append(makespan_ns(state.sides[side]) / 1e9)
    what = f"{REQUESTS} sleeps of {SECONDS} s"
    ratio, note = _over(makespans["wsgi"], WSGI_S)
    name = f"{what}, {WORKERS} sync workers: makespan / ⌈N/W⌉·S"
    yield Figure(name, ratio, "", f"≤ {BUDGET}", ratio <= BUDGET, note)
    ratio, note = _over(makespans["asgi"], SECONDS)
    yield Figure(f"{what}, one loop: makespan / S", ratio, "", "", True, note)


def _over(makespans: list[float], theory_s: float) -> tuple[float, str]:
    """The median over the theory, and what is behind it."""
    middle = statistics.median(makespans)
    spread = f"{min(makespans):.3f} to {max(makespans):.3f} s"
    return middle / theory_s, f"median of {len(makespans)}, {spread}, by theory {theory_s:g} s; both sides together"
