"""What a person asked for, until the servers have done it: the screen says so, or that they have not."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from wsgiviz.analysis.deaths import cause
from wsgiviz.state import Activity, Side, State
from wsgiviz.tui.render.words import name_of

PATIENCE_NS = 10_000_000_000

Outcome = Callable[[State], str | None]
"""In words, that something has happened, "" where the sentence says so itself; None while it has not."""


class Expectation(NamedTuple):
    """``outcome`` gives the words once it has happened; ``otherwise`` is said when it has not by ``until_ns``."""

    outcome: Outcome
    otherwise: str
    until_ns: int


class Expectations:
    """All that is still expected."""

    def __init__(self) -> None:
        self._open: list[Expectation] = []

    def __bool__(self) -> bool:
        return bool(self._open)

    def add(self, outcome: Outcome, otherwise: str, now_ns: int) -> None:
        self._open.append(Expectation(outcome, otherwise, now_ns + PATIENCE_NS))

    def clear(self) -> None:
        self._open.clear()

    def settle(self, state: State, now_ns: int) -> list[tuple[str, bool]]:
        """What can be said now, each with whether it has happened; it is not expected any more."""
        said, still_open = [], []
        for expected in self._open:
            words = expected.outcome(state)
            if words is not None:
                said += [(words, True)] if words else []
            elif now_ns > expected.until_ns:
                said.append((expected.otherwise, False))
            else:
                still_open.append(expected)
        self._open = still_open
        return said


def workers_changed(before: State, side: str, wanted: int) -> Outcome:
    """As many workers as are wanted are there, and ready."""
    was = len(before.sides[side].server.processes())

    def outcome(state: State) -> str | None:
        count = len(ready(state.sides[side])) if side in state.sides else 0
        if count != wanted:
            return None
        what = "Worker added (TTIN)" if wanted > was else "Worker removed (TTOU)"
        return f"{what}: {count} worker{'s' if count != 1 else ''} now."

    return outcome


def reloaded(before: State, only: str = "") -> Outcome:
    """Every worker of before has gone, and others are ready in their place: of gunicorn's sides, or of ``only``."""
    sides = [side for side in before.sides.values() if (side.name == only if only else side.kind != "uvicorn")]
    old = {side.name: side.server.processes() for side in sides}

    def outcome(state: State) -> str | None:
        for name, pids in old.items():
            now = state.sides.get(name)
            if now is None or now.server.processes() & pids or len(ready(now)) < len(pids):
                return None
        return f"Reloaded: {sum(map(len, old.values()))} new workers have loaded the app."

    return outcome


def worker_ended(side: str, pid: int, said: bool = False) -> Outcome:
    """The worker has ended: how, and which requests died with it. ``said``: violent deaths are in the sentence, and
    what they took along."""

    def outcome(state: State) -> str | None:
        workers = state.sides[side].server.workers.values() if side in state.sides else ()
        slots = [worker for worker in workers if worker.pid == pid]
        if any(worker.alive for worker in slots):
            return None
        died_of = slots[0].died_of if slots else "exit"
        if said and died_of != "exit":
            return ""
        words = cause(slots[0], state.sides[side]).words if slots else "exited"
        number = slots[0].number if slots else "?"
        held = [name_of(worker.req) for worker in slots if worker.req and died_of != "exit"]
        lost = f"; {', '.join(held)} died with it." if held else "."
        return f"Worker {number} {'has exited' if died_of == 'exit' else words}{lost}"

    return outcome


def ready(side: Side) -> set[int]:
    """Pids of the workers that have loaded the app and go on."""
    return {
        worker.pid for worker in side.server.living() if worker.activity not in (Activity.BOOTING, Activity.STOPPING)
    }
