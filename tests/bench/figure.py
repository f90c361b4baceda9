"""One measured figure beside its budget."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, and whether it keeps to the budget."""

    name: str
    value: float
    unit: str
    budget: str
    met: bool
    note: str = ""
