"""One measured figure beside its budget."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, and whether it keeps to the budget. A ``value`` of NaN could not be measured."""

    name: str
    value: float
    unit: str
    budget: str
    met: bool
    note: str = ""


class Unmeasured(Exception):
    """Why something can't be measured here."""


def unmeasured(name: str, budget: str, why: object) -> Figure:
    """A figure without a value; ``why`` is its note."""
    return Figure(name, math.nan, "", budget, False, str(why))
