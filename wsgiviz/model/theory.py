"""What the theory says: how long all requests should take, from what one costs.

With W workers that serve one request at a time, N requests of S seconds each take ⌈N/W⌉·S: rounds. A loop waits
for all of them at once. Whatever computes needs a core, and there are only so many. For closed arrivals: the
asymptotic bounds of closed queueing networks (Denning and Buzen, 1978).
"""

from __future__ import annotations

import math
from typing import Protocol

from msgspec import Struct


class OneRequest(Protocol):
    """What one request costs alone: see `wsgiviz.scenarios.Cost`."""

    @property
    def wait_s(self) -> float: ...
    @property
    def cpu_s(self) -> float: ...
    @property
    def async_limit(self) -> int | None: ...


class Prediction(Struct, frozen=True):
    """``seconds`` from the first planned request to the last answer; ``caveat``: what the figure leaves out."""

    seconds: float
    formula: str
    caveat: str = ""


class Load(Struct, frozen=True):
    """``requests`` in all, at most ``at_once`` of them at a time (all of them in a burst)."""

    requests: int
    at_once: int


SMALL = 0.02
"""Below this share of the whole, computing is not worth a word."""


def predict_wsgi(cost: OneRequest, load: Load, workers: int, cores: int, shared: bool) -> Prediction:
    """``workers`` slots that serve one request each; ``shared``: the other side computes on the same cores."""
    service_s = cost.wait_s + cost.cpu_s
    slots = min(workers, load.at_once)
    rounds = math.ceil(load.requests / slots)
    by_slots, by_cores = rounds * service_s, load.requests * cost.cpu_s / cores
    if by_cores > by_slots * (1 + SMALL):
        formula = f"{load.requests} × {_seconds(cost.cpu_s)} / {cores} cores"
    else:
        formula = f"⌈{load.requests}/{slots}⌉ × {_seconds(service_s)}"
    return Prediction(max(by_slots, by_cores), formula, _caveat(cost, shared, cores))


def predict_asgi(cost: OneRequest, load: Load, workers: int, cores: int, shared: bool) -> Prediction:
    """``workers`` event loops; what is computed is computed one at a time on each."""
    at_once = min(load.at_once, cost.async_limit * workers if cost.async_limit else load.at_once)
    service_s = cost.wait_s + cost.cpu_s
    by_rounds = math.ceil(load.requests / at_once) * service_s
    by_loop = load.requests * cost.cpu_s / min(workers, cores)
    if by_loop > by_rounds * (1 + SMALL):
        loops = "" if workers == 1 else f" / {min(workers, cores)} loops"
        return Prediction(
            by_loop, f"{load.requests} × {_seconds(cost.cpu_s)}{loops}", _caveat(cost, shared, cores)
        )
    if at_once < load.requests:
        formula = f"⌈{load.requests}/{at_once}⌉ × {_seconds(service_s)}"
    else:
        formula = f"all at once, {_seconds(service_s)}"
    return Prediction(by_rounds, formula, _caveat(cost, shared, cores))


def _caveat(cost: OneRequest, shared: bool, cores: int) -> str:
    if cost.cpu_s > SMALL * (cost.wait_s + cost.cpu_s) and shared:
        return f"both sides compute on the same {cores} cores at once, so each gets less than alone"
    return ""


def _seconds(value: float) -> str:
    return f"{value:.3g} s" if value >= 0.1 or value == 0 else f"{value * 1000:.3g} ms"
