"""What the theory says: how long all requests should take, from what one costs.

With W workers that serve one request at a time, N requests of S seconds each take ⌈N/W⌉·S: rounds. A loop
waits for all of them at once. Whatever computes needs a core, and there are only so many. For closed arrivals:
the asymptotic bounds of closed queueing networks (Denning and Buzen, 1978).
"""

from __future__ import annotations

import math
from functools import lru_cache
from heapq import heapreplace
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
    @property
    def async_threads(self) -> bool: ...
    @property
    def waits_s(self) -> tuple[float, ...]: ...


class Prediction(Struct, frozen=True):
    """``seconds`` from the first planned request to the last answer; ``caveat``: what that leaves out."""

    seconds: float
    formula: str
    caveat: str = ""


class Load(Struct, frozen=True):
    """``requests`` in all, at most ``at_once`` of them at a time (all of them in a burst). Each user pauses for
    ``pause_s`` between an answer and the next request."""

    requests: int
    at_once: int
    pause_s: float = 0.0

    @property
    def rounds(self) -> int:
        """The requests of the user who has most of them."""
        return math.ceil(self.requests / self.at_once)


SMALL = 0.02
"""Below this share of the whole, computing is not worth mentioning."""


SHORT_S = 0.005
"""A request that takes less is mostly its server's and its client's work: accepting, parsing, logging."""


def predict_wsgi(
    cost: OneRequest, load: Load, workers: int, cores: int, rivals: int = 0, processes: int | None = None
) -> Prediction:
    """``workers`` slots that serve one request each.

    ``rivals``: how many processes or threads of the other side compute the same on the same cores meanwhile.
    ``processes``: how many slots can compute at once, where threads of one process share its interpreter lock.
    """
    service_s = cost.wait_s + cost.cpu_s
    slots = min(workers, load.at_once)
    if cost.waits_s:
        return _first_come_first_served(cost.waits_s, load.requests, slots)
    by_slots = math.ceil(load.requests / slots) * service_s
    by_cores = _shared_out(load.requests * cost.cpu_s, min(slots, processes or slots), rivals, cores)
    if by_cores > by_slots * (1 + SMALL):
        formula = f"{load.requests} × {_seconds(cost.cpu_s)} {_on_cores(min(cores, processes or cores))}"
    else:
        formula = f"⌈{load.requests}/{slots}⌉ × {_seconds(service_s)}"
    return _with_pauses(Prediction(max(by_slots, by_cores), formula, _caveat(cost, rivals, cores)), load, service_s)


def predict_asgi(cost: OneRequest, load: Load, workers: int, cores: int, rivals: int = 0) -> Prediction:
    """``workers`` event loops; each computes one thing at a time, or as many as it has threads for that."""
    at_once = min(load.at_once, cost.async_limit * workers if cost.async_limit else load.at_once)
    if cost.waits_s:
        return _first_come_first_served(cost.waits_s, load.requests, at_once)
    lanes = loop_lanes(cost, load, workers, cores)
    service_s = cost.wait_s + cost.cpu_s
    by_rounds = math.ceil(load.requests / at_once) * service_s
    by_loop = _shared_out(load.requests * cost.cpu_s, lanes, rivals, cores)
    if by_loop > by_rounds * (1 + SMALL):
        where = "" if lanes == 1 else f" {_on_cores(min(lanes, cores))}"
        formula = f"{load.requests} × {_seconds(cost.cpu_s)}{where}"
    elif at_once < load.requests:
        formula = f"⌈{load.requests}/{at_once}⌉ × {_seconds(service_s)}"
    else:
        formula = f"all at once, {_seconds(service_s)}"
    return _with_pauses(Prediction(max(by_loop, by_rounds), formula, _caveat(cost, rivals, cores)), load, service_s)


def _with_pauses(found: Prediction, load: Load, service_s: float) -> Prediction:
    """Nobody is sooner done than a user who never waits for others: what it takes, and what it pauses."""
    rounds, pause_s = load.rounds, load.pause_s
    alone_s = (rounds - 1) * pause_s + rounds * service_s
    if not pause_s or alone_s <= found.seconds:
        return found
    return Prediction(alone_s, f"{rounds - 1} × {_seconds(pause_s)} + {rounds} × {_seconds(service_s)}")


@lru_cache(maxsize=64)
def _first_come_first_served(waits_s: tuple[float, ...], requests: int, slots: int) -> Prediction:
    """Requests of different lengths, in the order of their arrival; each takes the slot that is free first, which is
    list scheduling (Graham, 1966)."""
    all_s = [waits_s[at % len(waits_s)] for at in range(requests)]
    if slots >= requests:
        return Prediction(max(all_s), f"all at once, the longest {_seconds(max(all_s))}")
    free_s = [0.0] * slots
    for wait_s in all_s:
        heapreplace(free_s, free_s[0] + wait_s)
    counts = " + ".join(f"{all_s.count(wait_s)} × {_seconds(wait_s)}" for wait_s in sorted(set(all_s), reverse=True))
    return Prediction(max(free_s), f"{counts}, in order, on {slots}")


def loop_lanes(cost: OneRequest, load: Load, workers: int, cores: int) -> int:
    """How many requests can compute at the same time on the async side."""
    return min(load.at_once, workers * cores) if cost.async_threads else min(load.at_once, workers)


def _shared_out(work_s: float, lanes: int, rivals: int, cores: int) -> float:
    """When ``lanes`` have done ``work_s``, if ``rivals`` do as much beside them and all get equal shares.

    Processor sharing: each gets one core, or its part of them; who is left when others are done gets more.
    """
    share = min(1.0, cores / (lanes + rivals))
    mine_s = work_s / (lanes * share)
    theirs_s = work_s / (rivals * share) if rivals else math.inf
    if mine_s <= theirs_s:
        return mine_s
    return theirs_s + (work_s - theirs_s * lanes * share) / min(lanes, cores)


def _caveat(cost: OneRequest, rivals: int, cores: int) -> str:
    if cost.wait_s + cost.cpu_s < SHORT_S:
        return "so short a request is mostly server and driver, which share the cores too"
    if cost.cpu_s > SMALL * (cost.wait_s + cost.cpu_s) and rivals:
        return f"both sides share the same {cores} cores equally, and the driver needs some too"
    return ""


def _on_cores(count: int) -> str:
    return "on 1 core" if count == 1 else f"on {count} cores"


def _seconds(value: float) -> str:
    return f"{value:.3g} s" if value >= 0.1 or value == 0 else f"{value * 1000:.3g} ms"
