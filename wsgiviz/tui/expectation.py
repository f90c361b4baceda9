"""What a person asked for, until the servers have done it: then it is said on the screen, and so is its absence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wsgiviz.model.state import Picture, Side

PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Expectation:
    """``told`` gives the words once it has happened; ``otherwise`` is said when it has not by ``until_s``."""

    told: Callable[[Picture], str | None]
    otherwise: str
    until_s: float


def told_workers(before: Picture, side: str, wanted: int) -> Callable[[Picture], str | None]:
    """That as many workers as wanted are there and ready."""

    def told(picture: Picture) -> str | None:
        count = len(ready(picture.sides[side]))
        if count != wanted:
            return None
        return f"{count} worker{'s' if count != 1 else ''} now: {'TTIN' if wanted > len(was) else 'TTOU'} was done."

    was = before.sides[side].processes()
    return told


def told_reload(before: Picture) -> Callable[[Picture], str | None]:
    """That every worker of before has gone and others are ready in their place."""
    old = {name: side.processes() for name, side in before.sides.items() if side.kind != "uvicorn"}

    def told(picture: Picture) -> str | None:
        for name, pids in old.items():
            now = picture.sides[name]
            if now.processes() & pids or len(ready(now)) < len(pids):
                return None
        return f"Reloaded: {sum(map(len, old.values()))} new workers have loaded the app."

    return told


def ready(side: Side) -> set[int]:
    """Pids of the workers that have loaded the app and go on."""
    return {worker.pid for worker in side.living() if worker.doing not in ("booting", "stopping")}
