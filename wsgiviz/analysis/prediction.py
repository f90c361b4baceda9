"""How long a run should take: the theory, asked about the servers that there are."""

from __future__ import annotations

import math
from dataclasses import replace

from msgspec import structs

from wsgiviz.analysis.calibration import cost_of
from wsgiviz.analysis.theory import Load, Prediction, loop_lanes, predict_asgi, predict_wsgi
from wsgiviz.scenarios import Cost
from wsgiviz.settings import protocol
from wsgiviz.state import LOOPS, State


def prediction(state: State, side_name: str) -> Prediction | None:
    """For one side; None when one request's cost is not known. Workers are counted as they are now, or
    were when the run ended."""
    settings, cost = state.settings, cost_of(state)
    if cost is None or math.isnan(cost.cpu_s) or settings.duration is not None:
        return None
    at_once = settings.requests if settings.arrivals == "burst" else min(settings.concurrency, settings.requests)
    load = Load(settings.requests, at_once, settings.scenario_seconds("pause"))
    together = settings.order == "together" and cost.cpu_s > 0
    others = [name for name in settings.sides if name != side_name] if together else []
    rivals = sum(_lanes(state, cost, other, load) for other in others)
    kind = settings.kinds[side_name]
    if cost.async_only and protocol(kind) == "wsgi":
        return None
    cost, processes = cost_on(kind, cost), _processes(state, side_name)
    if kind in LOOPS:
        return predict_asgi(cost, load, processes, state.cores, rivals)
    slots = processes * settings.threads_of(side_name)
    found = predict_wsgi(cost, load, slots, state.cores, rivals, slots if cost.async_threads else processes)
    unequal = kind == "gthread" and processes > 1 and not found.caveat
    return structs.replace(found, caveat=UNEQUAL_SHARES) if unequal else found


UNEQUAL_SHARES = "as if threads took equal parts; the worker that accepts first may take most"


def cost_on(kind: str, cost: Cost) -> Cost:
    """A greenlet waits as cheaply as a task, and in no thread; its pool has no limit that a burst meets."""
    return replace(cost, async_limit=None, async_threads=False) if kind == "gevent" else cost


def _lanes(state: State, cost: Cost, side_name: str, load: Load) -> int:
    """How many requests of that side can compute at the same time."""
    processes, kind = _processes(state, side_name), state.settings.kinds[side_name]
    if kind in LOOPS:
        return loop_lanes(cost_on(kind, cost), load, processes, state.cores)
    return min(processes, load.at_once)


def _processes(state: State, side_name: str) -> int:
    """How many workers that side has now: as asked for, unless a person changed it since. Once its run is over, as
    many as it had then: one that is added later changes nothing of it."""
    side = state.sides.get(side_name)
    newest = state.runs[-1] if state.runs else None
    if side is not None and side.run.ended_ns and newest is not None and newest.run == side.run.number:
        had = newest.side(side_name)
        if had is not None and had.workers:
            return had.workers
    return (side.server.wanted if side is not None else 0) or state.settings.processes(side_name)
