"""What a lint is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct

from wsgiviz.analysis.lints.context import LintContext
from wsgiviz.state import Side


@dataclass(frozen=True, slots=True)
class Lint:
    """A pitfall. ``of`` says it of one side, with the numbers, or None when it is not there.

    ``explanation``: why it is one, and what to do; ``source``: the document which says so.
    """

    name: str
    of: Callable[[LintContext, Side], str | None]
    explanation: str
    source: str


class Finding(Struct, frozen=True):
    """What the lint of that name says of ``side``. A message may hold words from an app: escape it before it is
    shown."""

    lint: str
    side: str
    message: str
