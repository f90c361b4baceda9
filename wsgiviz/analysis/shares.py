"""What the time of all workers of a side went to, as shares of the whole: for people, who add shares up. Pure."""

from __future__ import annotations

from msgspec import Struct

from wsgiviz.analysis.metrics import fractions
from wsgiviz.state import Side


class Shares(Struct, frozen=True):
    """Of the time of all workers (or loops); they add up to 1 where all are known. None where nobody knows.

    ``idle``: no request is there, or the loop waits in its selector. ``transfer``: reading requests, writing answers
    and waiting for clients to hang up.
    """

    blocked: float | None = None
    computing: float | None = None
    gil_wait: float | None = None
    transfer: float | None = None
    idle: float | None = None


def shares(side: Side, now_ns: int) -> Shares:
    """The shares of a side's run until now, or until its end."""
    found = fractions(side, now_ns)
    busy = found.busy
    if busy is None:
        return Shares()

    def of_all(part: float | None) -> float | None:
        if not busy:
            return 0.0
        return None if part is None else busy * part

    known = [part for part in (found.reading, found.writing) if part is not None]
    return Shares(
        blocked=of_all(found.blocked),
        computing=of_all(found.computing),
        gil_wait=of_all(found.gil_wait),
        transfer=of_all(min(1.0, sum(known)) if known else None),
        idle=1.0 - busy,
    )
