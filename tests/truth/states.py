"""States and lines of worker threads against py-spy and /proc, under a load that goes on while we look.

What is shown is read before a look and after it. The state has to be the same, and as old as SETTLED_NS when the look
begins: a younger one may not have reached us yet, or may be over there already.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from tests.truth.observer import Sight, look
from tests.truth.session import Session
from tests.truth.verdicts import Verdict
from wsgiviz.settings import Settings
from wsgiviz.state import Activity, Phase, State, Worker

SETTLED_NS = 60_000_000
"""A poll of the rings, and two looks of the sampler."""

IN_APP = {Activity.BLOCKED, Activity.COMPUTING, Activity.WAITING_FOR_GIL}
TAKING_TURNS = {Activity.COMPUTING, Activity.WAITING_FOR_GIL}
"""Threads that compute change between these every 5 ms, and a state is shown that a thread had most of the time
between two samples, every 33 ms: which of the two is shown, is compared in `tests.truth.turns`."""

DEADLINE_S = 150.0


def compare(settings: Settings, samples: int, seed: int) -> Iterator[tuple[Verdict, Verdict | None]]:
    """``samples`` comparisons of states with these settings, each with that of the line, if there is one."""
    draw = random.Random(seed)
    with Session(settings) as session:
        session.until(Phase.RUNNING, 30)
        left = samples
        deadline = time.monotonic() + DEADLINE_S
        while left > 0 and time.monotonic() < deadline:
            if session.state.phase is Phase.FINISHED:
                session.controller.fire()
            session.pump_for(draw.uniform(0.005, 0.04))
            side = next(iter(session.state.sides.values()))
            processes = sorted(side.server.processes())
            if not processes or session.state.phase is not Phase.RUNNING:
                continue
            before = session.pump()
            sights = look(processes)
            after = session.pump()
            for sight in sights:
                verdict = _judge(before, after, sight)
                if verdict is not None:
                    left -= verdict.agrees is not None
                    yield verdict, _judge_line(after, sight)


def _judge(before: State, after: State, sight: Sight) -> Verdict | None:
    was, now = _worker(before, sight), _worker(after, sight)
    if was is None or now is None:
        return None
    shown, about = now.activity, f"pid {sight.pid} req {now.req} in {'<'.join(sight.functions[:4])}"
    agrees = shown is sight.activity or {shown, sight.activity} <= TAKING_TURNS
    if not _stands(was, now, sight):
        return Verdict(shown.value, sight.activity.value, None)
    if was.activity is not shown and was.activity in IN_APP and sight.activity in IN_APP and not agrees:
        agrees = was.activity is sight.activity
    return Verdict(shown.value, sight.activity.value, agrees, about)


def _stands(was: Worker, now: Worker, sight: Sight) -> bool:
    """It is at the same request, and if not in the app then in the same state, since before SETTLED_NS."""
    same = was.req == now.req and now.activity in (was.activity, *IN_APP)
    since_ns = was.mark.t_ns and now.since_ns if now.activity not in IN_APP else min(was.since_ns, now.since_ns)
    return same and sight.from_ns - since_ns >= SETTLED_NS


def _judge_line(after: State, sight: Sight) -> Verdict | None:
    """None where there is no line to be compared. Of what computes, the line is another one by the time it is read:
    there the function counts."""
    now = _worker(after, sight)
    if now is None or now.activity not in IN_APP or sight.from_ns - now.since_ns < SETTLED_NS:
        return None
    request = next(iter(after.sides.values())).ledger.get(now.req)
    where = request.where if request is not None else None
    if where is None or not sight.line:
        return None
    at_line = sight.line == where.line if now.activity is Activity.BLOCKED else sight.function == where.function
    agrees = at_line and sight.file.endswith(where.file)
    return Verdict(where.words, f"line {sight.line} in {sight.function}", agrees, f"pid {sight.pid} req {now.req}")


def _worker(state: State, sight: Sight) -> Worker | None:
    for side in state.sides.values():
        for worker in side.server.living():
            if worker.pid == sight.pid and (worker.thread_id or worker.pid) == sight.thread_id:
                return worker
    return None
