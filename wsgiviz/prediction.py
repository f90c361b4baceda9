"""How long a run should take: the theory, asked about the servers that there are."""

from __future__ import annotations

import math
from dataclasses import replace

from wsgiviz.model.state import LOOPS, Picture
from wsgiviz.model.theory import Load, Prediction, loop_lanes, predict_asgi, predict_wsgi
from wsgiviz.scenarios import Cost
from wsgiviz.settings import Settings


def prediction(settings: Settings, cost: Cost | None, picture: Picture, side: str, cores: int) -> Prediction | None:
    """For one side; None when one request's cost is not known. Workers are counted as they are now."""
    if cost is None or math.isnan(cost.cpu_s) or settings.duration is not None:
        return None
    load = Load(settings.requests, settings.requests if settings.arrivals == "burst" else settings.concurrency)
    together = len(settings.sides) > 1 and settings.order == "together" and cost.cpu_s > 0
    rivals = 0
    if together:
        [other] = [name for name in settings.sides if name != side]
        rivals = _lanes(settings, cost, picture, other, load, cores)
    kind = settings.kinds[side]
    cost, processes = cost_on(kind, cost), _processes(settings, picture, side)
    if kind in LOOPS:
        return predict_asgi(cost, load, processes, cores, rivals)
    slots = processes * settings.threads_of(side)
    return predict_wsgi(cost, load, slots, cores, rivals, slots if cost.async_threads else processes)


def cost_on(kind: str, cost: Cost) -> Cost:
    """A greenlet waits as cheaply as a task, and in no thread; its pool has no limit that a burst meets."""
    return replace(cost, async_limit=None, async_threads=False) if kind == "gevent" else cost


def _lanes(settings: Settings, cost: Cost, picture: Picture, side: str, load: Load, cores: int) -> int:
    """How many requests of that side can compute at the same moment."""
    processes = _processes(settings, picture, side)
    if settings.kinds[side] in LOOPS:
        return loop_lanes(cost_on(settings.kinds[side], cost), load, processes, cores)
    return min(processes, load.at_once)


def _processes(settings: Settings, picture: Picture, side: str) -> int:
    """How many workers that side has now: as asked for, unless a person changed it since."""
    return picture.sides[side].wanted or settings.processes(side)
