"""Lints: pitfalls, each with a check over the State, a reason, a cure, and where one can read of it.

`findings` says which of them apply now, in the order in which they matter; `wsgiviz.analysis.occurrences` adds up for
how long each did. Pure.
"""

from __future__ import annotations

from wsgiviz.analysis.lints import clients, deaths, gil, lines, load, loops, pools, slots, uneven
from wsgiviz.analysis.lints.context import LintContext
from wsgiviz.analysis.lints.lint import Finding, Lint

LINTS: tuple[Lint, ...] = (
    slots.WORKER_TIMEOUT,
    deaths.WORKER_DIED_LINT,
    clients.SELF_CALL,
    slots.NESTED_LOOP,
    slots.MORE_THAN_CORES,
    uneven.UNEVEN_LOOPS,
    loops.ASYNC_COMPUTES,
    loops.LOOP_HELD,
    lines.WAITING_IN_LINE,
    load.QUEUE_OVERFLOW,
    gil.GIL_CONTENTION,
    clients.SILENT_CLIENT,
    clients.LINGERING_CLIENT,
    clients.SLOW_CLIENT,
    slots.THREADS_EXHAUSTED,
    pools.LIMITER_EXHAUSTED,
    pools.EXECUTOR_EXHAUSTED,
    pools.OWN_EXECUTOR_EXHAUSTED,
    pools.PROCESSES_EXHAUSTED,
    pools.ONE_THREAD_FOR_ALL,
    slots.ALL_BLOCKED,
    clients.SERVED_FOR_NOBODY,
    load.SYN_RETRANSMISSION,
    load.DRIVER_BOTTLENECK,
    load.CLOSED_LOOP,
)
"""All lints, in the order of `wsgiviz.lint_names.NAMES`."""

BY_NAME = {lint.name: lint for lint in LINTS}


def findings(context: LintContext) -> list[Finding]:
    """What every lint that is not silenced says of every side of the present run.

    Of a side whose run is on: what is wrong now. Of one whose run is over: what was, as far as it shaped the run.
    """
    return [
        Finding(lint.name, side.name, message)
        for lint in LINTS
        if lint.name not in context.silenced
        for side in context.sides
        if (message := lint.of(context, side)) is not None
    ]


def listing() -> list[tuple[str, str, str]]:
    """Name, explanation and source of each lint, for ``wsgiviz lints``."""
    return [(lint.name, lint.explanation, lint.source) for lint in LINTS]


__all__ = ["BY_NAME", "LINTS", "Finding", "Lint", "LintContext", "findings", "listing"]
