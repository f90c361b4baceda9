"""How far a session has come, from its State. Pure: the controller asks, and acts on the answers."""

from __future__ import annotations

import math
from typing import NamedTuple

from wsgiviz.analysis.calibration import from_many, from_one, is_short
from wsgiviz.events import (
    DriverLate,
    DriverSampled,
    Event,
    LogWritten,
    LoopBeat,
    OverflowsSampled,
    PhaseChanged,
    ProcessSampled,
    QueueSampled,
    RunRequested,
    ThreadSampled,
)
from wsgiviz.state import Activity, Measured, Phase, Side, State, Worker
from wsgiviz.state.worker import SIGABRT

OPEN = (Phase.READY, Phase.RUNNING, Phase.FINISHED)
"""Servers are ready, and a run can be fired."""

RUN_ON = (Phase.MEASURING, Phase.RUNNING)

AT_REST = (Phase.READY, Phase.FINISHED, Phase.FAILED)

BACKGROUND = (
    LoopBeat,
    DriverLate,
    DriverSampled,
    LogWritten,
    ThreadSampled,
    QueueSampled,
    ProcessSampled,
    OverflowsSampled,
)
"""Events that come although nothing happens."""


def late_side(state: State) -> str | None:
    """The first side whose server has not got ready yet; None when all have."""
    return next((name for name, side in state.sides.items() if not _is_ready(state, side)), None)


def _is_ready(state: State, side: Side) -> bool:
    workers = side.server.living()
    ready = {w.pid for w in workers if w.activity not in (Activity.BOOTING, Activity.STOPPING)}
    return side.server.up and len(ready) >= state.settings.processes(side.name)


class DiedBooting(NamedTuple):
    """A worker that died before it was ready."""

    side: Side
    worker: Worker


def died_booting(state: State) -> DiedBooting | None:
    """A worker of a server that gets ready which died while it loaded its app: another one would do the same."""
    for side in state.sides.values():
        for worker in side.server.workers.values():
            if worker.died_booting and worker.pid not in side.server.signals:
                return DiedBooting(side, worker)
    return None


def run_ended(state: State) -> bool:
    """The load driver is through with the newest run, at all sides."""
    return all(side.run.number == state.run and side.run.ended_ns for side in state.sides.values())


def can_go_on(state: State) -> bool:
    """A person has fired the newest run, and the load driver has begun with it at all sides, or will."""
    newest = all(side.run.number == state.run for side in state.sides.values())
    return bool(state.run) and state.shows_fired and newest


def going_on(state: State, now_ns: int) -> list[Event]:
    """What is to be known before the driver is asked for a request more: where the run has ended, it goes on."""
    ended = [side for side in state.sides.values() if side.run.ended_ns]
    more = [RunRequested(now_ns, "", 0, state.run, side.run.done + 1, (side.name,)) for side in ended]
    return [*more, *([PhaseChanged(now_ns, "", 0, Phase.RUNNING.value)] if state.phase is not Phase.RUNNING else [])]


def unsettled(state: State) -> bool:
    """Somebody is not through with a request: mostly a worker that still closes what it has answered."""
    return any(side.ledger.in_flight() for side in state.sides.values())


def deaths_unreported(state: State) -> bool:
    """A worker has died, or been aborted by gunicorn for its timeout, and its master has not said so yet: only that
    knows the cause."""
    return any(_unreported(worker) for side in state.sides.values() for worker in side.server.workers.values())


def _unreported(worker: Worker) -> bool:
    return worker.stopped_by == SIGABRT if worker.death is None else worker.death.unreported


def needs_calibration(state: State) -> bool:
    """What one request of the scenario costs is not known before it is measured."""
    cost = state.settings.cost()
    return cost is not None and math.isnan(cost.cpu_s)


class Calibration(NamedTuple):
    """What was measured, None when no request succeeded; or whether it was so ``short`` that many are needed."""

    measured: Measured | None
    short: bool


def calibration(state: State) -> Calibration:
    """What the calibration that has ended says, by the first side: the app's work is the same at both."""
    side = next(iter(state.sides.values()))
    alone = side.run.planned == 1
    measured = from_one(side) if alone else from_many(side)
    return Calibration(measured, alone and measured is not None and is_short(measured))


def at_rest(state: State, events: list[Event]) -> bool:
    """Nothing happens: no run is on, nobody is busy, and ``events`` hold nothing but heartbeats and samples."""
    if state.phase not in AT_REST or any(not isinstance(event, BACKGROUND) for event in events):
        return False
    for side in state.sides.values():
        if any(worker.busy or worker.activity is Activity.BOOTING for worker in side.server.living()):
            return False
        if side.run.in_app or side.server.queue_depth > 0:
            return False
    return True


def progress(state: State) -> tuple[object, ...]:
    """What changes as long as the load driver makes progress."""
    runs = [side.run for side in state.sides.values()]
    return tuple((run.number, run.started_ns, run.planned, run.done, run.ended_ns) for run in runs)
