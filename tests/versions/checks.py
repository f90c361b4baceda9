"""What every server has to show, whatever its version: states, lines, loop figures, deaths with their causes.

Each check gives what was wrong, in words; nothing when all is right.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.versions.apps.acts import SECONDS
from tests.versions.observed import Observed
from wsgiviz.analysis import deaths, metrics
from wsgiviz.analysis.loop_times import loop_times
from wsgiviz.control.phases import OPEN
from wsgiviz.state import Side

TIMEOUT_S, BOOTS = 3, 10
"""gunicorn's --timeout for `hangs`: at least so many seconds, and so many times what a worker of the servers before
has taken to load the app, which has to come first."""

Faults = Iterator[str]
Check = Callable[[Observed], Faults]


def _served(side: Side, requests: int) -> Faults:
    run = side.run
    if (run.completed, run.failed, side.server.lost) != (requests, 0, 0):
        yield f"{side.kind}: {run.completed} of {requests} served, {run.failed} failed, {side.server.lost} lost"
    if any(row.cpu_ns < 0 and row.began_ns == 0 for row in side.ledger.ours()):
        yield f"{side.kind}: a request that no worker is known to have served"


def waits(on: Observed) -> Faults:
    """Blocked at the line of the sleep, or awaiting there."""
    for side in on.run("/wait", 2):
        yield from _served(side, 2)
        call = "asyncio.sleep" if side.kind in ("asgi", "uvicorn") else "time.sleep"
        if not any(words.startswith("acts.py:") and words.endswith(call) for words in on.lines[side.name]):
            yield f"{side.kind}: not seen at its {call}, but at {sorted(on.lines[side.name])}"
        shares = metrics.fractions(side, on.state.t_ns)
        if not side.is_loop and not (shares.blocked or 0) > (shares.computing or 0):
            yield f"{side.kind}: while it slept, {shares}"


def computes(on: Observed) -> Faults:
    """Computing; a loop is held by it."""
    for side in on.run("/compute", 1):
        yield from _served(side, 1)
        if side.is_loop:
            yield from _held(on, side)
            continue
        shares = metrics.fractions(side, on.state.t_ns)
        if not (shares.computing or 0) > (shares.blocked or 0):
            yield f"{side.kind}: while it computed, {shares}"


def _held(on: Observed, side: Side) -> Faults:
    [loop] = loop_times(side, on.state.t_ns)
    if loop.longest_step_s < SECONDS * 0.9 or loop.max_lag_s <= 0 or loop.requests != 1:
        yield f"{side.kind}: a step held its loop for {SECONDS} s, and shown is {loop}"


def holds(on: Observed) -> Faults:
    """A sleep that is not awaited holds asyncio's loop; gevent has made its own of it."""
    for side in on.run("/hold", 1):
        yield from _served(side, 1)
        if side.kind in ("asgi", "uvicorn"):
            yield from _held(on, side)


def _died(on: Observed, path: str, cause: str) -> Faults:
    for side in on.run(path, 1):
        shown = [(row.cause, row.requests) for row in deaths.rows(side)]
        if side.run.failed != 1 or shown != [(cause, [1])]:
            yield f"{side.kind}: after {path} {side.run.failed} failed, and {shown}"


def exits(on: Observed) -> Faults:
    return _died(on, "/exit", "ended itself with exit status 7 (os._exit)")


def crashes(on: Observed) -> Faults:
    return _died(on, "/crash", "crashed with SIGSEGV")


def hangs(on: Observed) -> Faults:
    """gunicorn ends it for its timeout, and its log has WORKER TIMEOUT; uvicorn for its health check. gunicorn's
    SIGABRT raises SystemExit in the app, which a sync worker answers with status 500."""
    for side in on.run("/hang", 1):
        why = "no answer to its health check" if side.kind == "uvicorn" else "worker timeout"
        causes = [row.cause for row in deaths.rows(side)]
        if side.run.failed + side.run.bad_status != 1 or causes != [
            f"was killed by {deaths.server_of(side)} ({why})"
        ]:
            yield f"{side.kind}: after /hang {side.run.failed} failed, and {causes}"
        if side.kind != "uvicorn":
            on.until(partial(_timeout_logged, on, side.name), "WORKER TIMEOUT in the log")


def _timeout_logged(on: Observed, name: str) -> bool:
    return any("WORKER TIMEOUT" in line for line in on.state.logs.get(name, ()))


def leaves(on: Observed) -> Faults:
    """A worker that a person has had wsgiviz stop has not died.

    One that has served nobody: gunicorn's asgi worker of 25 counts connections that are gone, waits for them as long
    as its --timeout, and is killed for that.
    """
    on.until(partial(_all_ready, on), "workers")
    before = {name: side.deaths for name, side in on.state.sides.items()}
    old = {name: min(side.server.processes()) for name, side in on.state.sides.items()}
    for name, pid in old.items():
        on.controller.end_worker(name, pid, signal.SIGTERM)
    for name, pid in old.items():
        on.until(partial(_is_gone, on, name, pid), "the end of a worker")
        side = on.state.sides[name]
        [worker, *_] = [worker for worker in side.server.workers.values() if worker.pid == pid]
        found = deaths.cause(worker, side).words
        if found != "ended as asked (SIGTERM from wsgiviz)" or side.deaths != before[name]:
            yield f"{side.kind}: told to stop, it {found}"


def _all_ready(on: Observed) -> bool:
    sides = on.state.sides.values()
    return on.state.phase in OPEN and all(any(worker.ready_ns for worker in side.server.living()) for side in sides)


def _is_gone(on: Observed, name: str, pid: int) -> bool:
    return pid not in on.state.sides[name].server.processes()


CHECKS: tuple[Check, ...] = (leaves, waits, computes, holds, exits, crashes, hangs)


DEADLY = frozenset({leaves, exits, crashes})
"""Another worker has to come after them, and not every version of gunicorn starts one."""


def in_order(python: Path, kinds: tuple[str, ...], checks: tuple[Check, ...] = CHECKS, apart: bool = False) -> Faults:
    """All that is wrong with servers of these kinds under ``python``. ``apart``: those that are `DEADLY` have servers
    of their own. So has `hangs`, since no other check may fail on a machine that is too slow for its timeout."""
    alone = {hangs} | (DEADLY if apart else set())
    together = tuple(check for check in checks if check not in alone)
    boot_s = 0.0
    for group in (together, *((check,) for check in checks if check in alone)):
        timeout = _timeout_s(boot_s) if hangs in group and "uvicorn" not in kinds else None
        with Observed(python, kinds, server_timeout=timeout) as on:
            for check in group:
                yield from check(on)
            boot_s = max(boot_s, _boot_s(on))


def _timeout_s(boot_s: float) -> int:
    return max(TIMEOUT_S, math.ceil(BOOTS * boot_s))


def _boot_s(on: Observed) -> float:
    """What a worker has taken at most, from its start until it was ready."""
    workers = (worker for side in on.state.sides.values() for worker in side.server.workers.values())
    return max((worker.ready_ns - worker.booted_ns for worker in workers if worker.ready_ns), default=0) / 1e9


def import_fails(python: Path, kind: str) -> Faults:
    """An app that raises, or ends its process, at import ends the start with that reason: in a worker, and in
    gunicorn's master."""
    for preload in (False,) if kind == "uvicorn" else (False, True):
        for app, words in (("raises", "config missing"), ("exits", "exit status 7")):
            with Observed(python, (kind,), app, preload=preload) as on:
                said = on.failure()
            if words not in said or ("gunicorn's master" in said) != (preload and app == "exits"):
                yield f"{kind}: an app that {app} at import{' (--preload)' if preload else ''} is {said!r}"
