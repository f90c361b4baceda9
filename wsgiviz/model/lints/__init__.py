"""Lints: pitfalls, each with a check over the picture, a reason, a cure, and where one can read of it.

`findings` says which of them speak now, in the order in which they matter; `Watch` sums up for how long each did.
"""

from __future__ import annotations

from wsgiviz.model.lints import load, loops, slots
from wsgiviz.model.lints.lint import Finding, Lint
from wsgiviz.model.lints.scene import Scene

LINTS: tuple[Lint, ...] = (
    slots.WORKER_TIMEOUT,
    slots.NESTED_LOOP,
    slots.MORE_THAN_CORES,
    loops.ASYNC_COMPUTES,
    loops.LOOP_HELD,
    load.QUEUE_OVERFLOW,
    slots.SLOW_CLIENT,
    slots.THREADS_EXHAUSTED,
    loops.EXECUTOR_EXHAUSTED,
    slots.ALL_BLOCKED,
    load.SYN_RETRANSMISSION,
    load.DRIVER_BOTTLENECK,
    load.CLOSED_LOOP,
)
"""All lints, the one that is told first first: what ends requests, then what holds all of them up, then the rest."""

NAMES = tuple(lint.name for lint in LINTS)


def findings(scene: Scene, silenced: frozenset[str] = frozenset()) -> list[Finding]:
    """What every lint says of every side of the present run, but for those ``silenced`` (here or in the scene).

    Of a side whose run is on: what is wrong now. Of one whose run is over: what was, as far as it shaped the run.
    """
    told = [lint for lint in LINTS if lint.name not in silenced and lint.name not in scene.silenced]
    return [
        Finding(lint, side.name, message)
        for lint in told
        for side in scene.sides
        if (message := lint.of(scene, side)) is not None
    ]


def listing() -> list[tuple[str, str, str]]:
    """Name, explanation and source of each lint, for ``wsgiviz lints``."""
    return [(lint.name, lint.explanation, lint.source) for lint in LINTS]


__all__ = ["LINTS", "NAMES", "Finding", "Lint", "Scene", "findings", "listing"]
