"""Displayed states and lines against py-spy and /proc, under a load that goes on while we look."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.truth.observer import Sight, look
from tests.truth.session import Session
from wsgiviz.settings import Settings
from wsgiviz.state import Activity, Phase, State, Worker

SETTLED_NS = 60_000_000
"""A state younger than this may not have reached the state yet, or may be over there already: a poll of the rings,
two looks of the sampler. Such sights are counted, and compared with nothing."""

IN_APP = {Activity.BLOCKED, Activity.COMPUTING}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One comparison. ``line_agrees`` is None where no line was to be compared."""

    run: str
    shown: Activity
    seen: Activity
    agrees: bool
    line_agrees: bool | None
    about: str


def compare(name: str, settings: Settings, samples: int, seed: int) -> Iterator[Verdict]:
    """``samples`` sights of a session with these settings."""
    draw = random.Random(seed)
    with Session(settings) as session:
        session.until(Phase.RUNNING, 30)
        left = samples
        deadline = time.monotonic() + 120
        while left > 0 and time.monotonic() < deadline:
            if session.state.phase is Phase.FINISHED:
                session.controller.fire()
            session.pump_for(draw.uniform(0.01, 0.08))
            side = next(iter(session.state.sides.values()))
            processes = sorted(side.server.processes())
            if not processes or session.state.phase is not Phase.RUNNING:
                continue
            before = session.pump()
            sights = look(draw.choice(processes))
            after = session.pump()
            for sight in sights:
                verdict = _judge(name, before, after, sight)
                if verdict is not None:
                    left -= 1
                    yield verdict


def _judge(name: str, before: State, after: State, sight: Sight) -> Verdict | None:
    """None when the state was changing just then: it shows what was, some tens of milliseconds later."""
    was, now = _worker(before, sight), _worker(after, sight)
    if was is None or now is None or was.req != now.req or was.since_ns != now.since_ns:
        return None
    if sight.from_ns - now.since_ns < SETTLED_NS or now.activity not in (was.activity, *IN_APP):
        return None
    request = next(iter(after.sides.values())).ledger.get(now.req)
    where = request.where if request is not None and now.activity in IN_APP else None
    line_agrees = None
    if where is not None and sight.line:
        # Of what computes, the line is another one by the time it is read: there the function counts.
        same = sight.function == where.function if now.activity is Activity.COMPUTING else sight.line == where.line
        line_agrees = sight.file.endswith(where.file) and same
    turning = now.activity in IN_APP and sight.activity in IN_APP and was.activity is not now.activity
    agrees = now.activity is sight.activity or turning
    about = f"pid {sight.pid} req {now.req} {where.words if where else '-'} against line {sight.line}"
    return Verdict(name, now.activity, sight.activity, agrees, line_agrees, about)


def _worker(state: State, sight: Sight) -> Worker | None:
    for side in state.sides.values():
        for worker in side.server.living():
            if worker.pid == sight.pid and (worker.thread_id or worker.pid) == sight.thread_id:
                return worker
    return None


def disagreements(verdicts: list[Verdict]) -> list[str]:
    """Disagreements, each kind once with its number and an example."""
    wrong = [v for v in verdicts if not v.agrees or v.line_agrees is False]
    counts = Counter((v.run, v.shown.value, v.seen.value, v.line_agrees) for v in wrong)
    examples = {(v.run, v.shown.value, v.seen.value, v.line_agrees): v.about for v in wrong}
    return [
        f"{number} x {run}: shown {shown}, seen {seen}{', another line' if line is False else ''} ({examples[key]})"
        for key, number in counts.most_common()
        for run, shown, seen, line in [key]
    ]
