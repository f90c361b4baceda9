"""What one request costs: what its scenario says, and where that says nothing, what was measured here."""

from __future__ import annotations

import math
from dataclasses import replace

from wsgiviz.analysis.metrics import nearest_rank
from wsgiviz.analysis.theory import SHORT_S
from wsgiviz.scenarios import Cost
from wsgiviz.state import Measured, Side, State

MOSTLY = 0.6
"""A request that computes for this share of its time is taken to do nothing else: the rest was a wait for a core.
(What the kernel has counted as such is taken off before. It is sampled: some of it is missed.)"""


def cost_of(state: State) -> Cost | None:
    """Of the scenario's requests; None for an app of one's own, and where it could not be measured.

    ``cpu_s`` is NaN while it has yet to be measured.
    """
    cores = state.host.get("cores")  # of the machine that ran it, which may not be the one that replays it
    known = cores if isinstance(cores, int) and cores > 0 else None
    cost = state.settings.cost(known)
    measured = state.measured
    if cost is None or measured is None or not math.isnan(cost.cpu_s):
        return cost
    if measured.wait_s < 0 or measured.cpu_s < 0:
        return None
    return replace(cost, wait_s=measured.wait_s, cpu_s=measured.cpu_s)


def is_short(measured: Measured) -> bool:
    """So short that the server's and the client's own work are most of it."""
    return measured.wait_s + measured.cpu_s < SHORT_S


def from_one(side: Side) -> Measured | None:
    """From one request that was alone, by its time in the app; None when it failed."""
    answered = [request for request in side.ledger.ours() if request.ok and request.began_ns and request.ended_ns]
    if not answered:
        return None
    request = answered[-1]
    service_s = max(0, request.ended_ns - request.began_ns) / 1e9
    # On a loop the CPU time of one request can't be known; how long it held the loop is the nearest.
    cpu_s = min(service_s, (request.cpu_ns if request.cpu_ns > 0 else request.run_ns) / 1e9)
    wait_s = max(0.0, service_s - cpu_s - _without_core_s(side))
    return Measured(0.0 if cpu_s >= MOSTLY * (cpu_s + wait_s) else wait_s, cpu_s)


def _without_core_s(side: Side) -> float:
    """For how long its workers have been runnable since the run began, while others had the cores: no wait of the
    app's."""
    sampled = [worker for worker in side.server.workers.values() if worker.tally.first.t_ns and worker.sample.t_ns]
    return sum(max(0, worker.sample.runq_ns - worker.tally.first.runq_ns) for worker in sampled) / 1e9


def from_many(side: Side) -> Measured | None:
    """From short requests sent one after the other: the median round trip, all of it taken as computing."""
    trips = sorted(request.received_ns - request.sent_ns for request in side.ledger.ours() if request.ok)
    return Measured(0.0, nearest_rank(trips, 50) / 1e9) if trips else None
