"""Workers that import an app which takes seconds for that, against py-spy: booting, and at which line.

A line is shown when the probe has found it twice, so what is shown is read before a look and for SETTLED_NS after it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.truth.observer import Sight, look
from tests.truth.session import Session
from tests.truth.verdicts import Verdict
from wsgiviz.settings import Settings
from wsgiviz.state import Activity, Location, Phase, State, Worker

SETTLED_NS = 60_000_000
DEADLINE_S = 150.0

IMPORTING = "<module>"
"""What Python calls the code of a module."""


def compare(settings: Settings, samples: int) -> Iterator[tuple[Verdict, Verdict | None]]:
    """Sights of workers that boot and are free then, each with that of its line, if there is one; they are told to
    begin again whenever all are."""
    with Session(settings, fires=False) as session:
        deadline = time.monotonic() + DEADLINE_S
        free_since = 0.0
        while samples > 0 and time.monotonic() < deadline:
            session.pump_for(0.01)
            before = session.pump()
            sights = look(sorted(_processes(before)))
            after = session.pump()
            session.pump_for(SETTLED_NS / 1e9)
            for sight in sights:
                line = _judge_line((before, after, session.state), sight)
                for verdict in _judge(before, after, sight):
                    samples -= verdict.agrees is not None
                    yield verdict, line
            free_since = _reload_when_free(session, free_since)


def _reload_when_free(session: Session, free_since: float) -> float:
    """Since when all have been free, 0 when they are not: after a while they are reloaded."""
    workers = [worker for side in session.state.sides.values() for worker in side.server.living()]
    if session.state.phase is not Phase.READY or any(worker.activity is not Activity.IDLE for worker in workers):
        return 0.0
    if free_since and time.monotonic() - free_since > 0.1:
        session.controller.reload()
        return 0.0
    return free_since or time.monotonic()


def _processes(state: State) -> set[int]:
    return {pid for side in state.sides.values() for pid in side.server.processes()}


def _judge(before: State, after: State, sight: Sight) -> Iterator[Verdict]:
    """Each slot of the process is shown as booting, as long as its main thread is at that."""
    if sight.thread_id != sight.pid:
        return
    seen = "booting" if sight.activity is Activity.BOOTING else "not booting"
    for was, now in _slots(before, after, sight.pid):
        shown = "booting" if now.activity is Activity.BOOTING else "not booting"
        if was.activity is now.activity is Activity.STOPPING:
            continue
        stands = was.activity is now.activity and sight.from_ns - now.since_ns >= SETTLED_NS
        about = f"pid {now.pid} shown {now.activity} in {'<'.join(sight.functions[:5])}"
        yield Verdict(shown, seen, shown == seen if stands else None, about)


def _judge_line(states: tuple[State, ...], sight: Sight) -> Verdict | None:
    """Of a process that loaded its app all the time. Of what computes, the function counts: its line is another one
    by the time it is read."""
    shown = [_boot_line(state, sight) for state in states]
    if None in shown or sight.activity is not Activity.BOOTING or not sight.line:
        return None
    found = {_is_at(where, sight) for where in shown if where is not None}
    agrees = None if len(found) > 1 else found.pop()
    words = shown[-1].words if shown[-1] is not None else ""
    return Verdict(words, f"line {sight.line} in {sight.function}", agrees, f"pid {sight.pid}")


def _boot_line(state: State, sight: Sight) -> Location | None:
    if sight.thread_id != sight.pid:
        return None
    workers = [worker for side in state.sides.values() for worker in side.server.living() if worker.pid == sight.pid]
    return next((one.boot_where for one in workers if one.activity is Activity.BOOTING), None)


def _is_at(where: Location, sight: Sight) -> bool:
    at_line = where.line == sight.line if sight.function == IMPORTING else where.function == sight.function
    return at_line and sight.file.endswith(where.file)


def _slots(before: State, after: State, pid: int) -> list[tuple[Worker, Worker]]:
    found = []
    for name, side in after.sides.items():
        known = before.sides[name].server.workers if name in before.sides else {}
        found += [(known[worker.key], worker) for worker in side.server.living() if worker.key in known]
    return [pair for pair in found if pair[1].pid == pid]
