"""A small language over the result of a run: `wsgi.makespan_s ≈ 2 * seconds ± 5 %`. None of it is run as Python."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Formula:
    """An arithmetic expression over a result's numbers, as it was written."""

    text: str


@dataclass(frozen=True, slots=True)
class Assertion:
    """A comparison that must hold of a result, as it was written, and where."""

    text: str
    line: int = 0
