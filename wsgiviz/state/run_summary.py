"""What is kept of each run of a session once it has finished."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

RUNS_KEPT = 32
"""Runs of a session that are kept, the newest."""


class SideSummary(Struct, frozen=True, gc=False):
    """One side of it. Times are nanoseconds; ``p95_ns`` is of the latency from the planned time, -1 without an
    answer. ``workers`` are those that were wanted in the end: a person may have added some."""

    name: str
    kind: str
    workers: int
    planned: int
    completed: int
    failed: int  # without an answer, or with an error as the answer
    total_ns: int  # 0 when nothing ended
    p95_ns: int
    earlier: int = 0  # requests of earlier runs that its workers served meanwhile


class RunSummary(Struct, frozen=True, gc=False):
    """A run. ``number`` counts the runs that a person has fired, from 1; ``run`` is its number in the log.

    ``settings`` are those that it ran with, by name, as texts; parameters as "set NAME". What may hold a password
    is hidden in them. From a person or a recording: escape them before they are shown.
    """

    number: int
    run: int
    app: str  # the scenario, or the import strings
    cancelled: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    sides: tuple[SideSummary, ...] = ()

    def side(self, name: str) -> SideSummary | None:
        return next((side for side in self.sides if side.name == name), None)
