"""Displayed states and lines against py-spy and /proc, under a load that goes on while we look."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.truth.observer import Sight, look
from wsgiviz.model.state import Doing, Picture, Worker
from wsgiviz.session import Phase, Session
from wsgiviz.settings import Settings

SETTLED_NS = 60_000_000
"""A state younger than this may not have reached the picture yet, or may be over there already: a poll of the rings,
two looks of the sampler. Such sights are counted, and compared with nothing."""

IN_APP = {Doing.BLOCKED, Doing.COMPUTING}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One comparison. ``line_agrees`` is None where no line was to be compared."""

    run: str
    shown: Doing
    seen: Doing
    agrees: bool
    line_agrees: bool | None
    about: str


def compare(name: str, settings: Settings, samples: int, seed: int) -> Iterator[Verdict]:
    """``samples`` sights of a session with these settings."""
    draw = random.Random(seed)
    session = Session(settings)
    try:
        session.start()
        session.fire()
        _until_running(session)
        left = samples
        deadline = time.monotonic() + 120
        while left > 0 and time.monotonic() < deadline:
            if session.phase is Phase.FINISHED:
                session.fire()
            _pump_for(session, draw.uniform(0.01, 0.08))
            side = next(iter(session.picture.sides.values()))
            processes = sorted(side.processes())
            if not processes or session.phase is not Phase.RUNNING:
                continue
            before = session.pump()
            sights = look(draw.choice(processes))
            after = session.pump()
            for sight in sights:
                verdict = _judge(name, before, after, sight)
                if verdict is not None:
                    left -= 1
                    yield verdict
    finally:
        session.close()


def _until_running(session: Session) -> None:
    deadline = time.monotonic() + 30
    while session.phase is not Phase.RUNNING and time.monotonic() < deadline:
        session.pump()
        time.sleep(0.01)
    if session.phase is not Phase.RUNNING:
        raise RuntimeError(f"the session did not get to run: {session.failure}")


def _pump_for(session: Session, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        session.pump()
        time.sleep(0.01)


def _judge(name: str, before: Picture, after: Picture, sight: Sight) -> Verdict | None:
    """None when the picture was changing just then: it shows what was, some tens of milliseconds later."""
    was, now = _worker(before, sight), _worker(after, sight)
    if was is None or now is None or was.req != now.req or was.since_ns != now.since_ns:
        return None
    if sight.from_ns - now.since_ns < SETTLED_NS or now.doing not in (was.doing, *IN_APP):
        return None
    request = next(iter(after.sides.values())).in_flight.get(now.req)
    where = request.where if request is not None and now.doing in IN_APP else None
    line_agrees = None
    if where is not None and sight.line:
        # Of what computes, the line is another one by the time it is read: there the function counts.
        same = sight.function == where.function if now.doing is Doing.COMPUTING else sight.line == where.line
        line_agrees = sight.file.endswith(where.file) and same
    turning = now.doing in IN_APP and sight.doing in IN_APP and was.doing is not now.doing
    agrees = now.doing is sight.doing or turning
    about = f"pid {sight.pid} req {now.req} {where.words if where else '-'} against line {sight.line}"
    return Verdict(name, now.doing, sight.doing, agrees, line_agrees, about)


def _worker(picture: Picture, sight: Sight) -> Worker | None:
    for side in picture.sides.values():
        for worker in side.living():
            if worker.pid == sight.pid and (worker.tid or worker.pid) == sight.tid:
                return worker
    return None


def told(verdicts: list[Verdict]) -> list[str]:
    """Disagreements, each kind once with its number and an example."""
    wrong = [v for v in verdicts if not v.agrees or v.line_agrees is False]
    counts = Counter((v.run, v.shown.value, v.seen.value, v.line_agrees) for v in wrong)
    examples = {(v.run, v.shown.value, v.seen.value, v.line_agrees): v.about for v in wrong}
    return [
        f"{number} x {run}: shown {shown}, seen {seen}{', another line' if line is False else ''} ({examples[key]})"
        for key, number in counts.most_common()
        for run, shown, seen, line in [key]
    ]
