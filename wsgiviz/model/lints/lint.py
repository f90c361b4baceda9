"""What a lint is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wsgiviz.model.lints.scene import Scene
from wsgiviz.model.state import Side


@dataclass(frozen=True, slots=True)
class Lint:
    """A pitfall. ``of`` says it of one side, with the numbers, or None when it is not there.

    ``explanation``: why it is one, and what to do; ``source``: the document which says so. A message may hold words
    from an app: escape it before it is shown.
    """

    name: str
    of: Callable[[Scene, Side], str | None]
    explanation: str
    source: str

    def check(self, scene: Scene) -> str | None:
        """What it says of the first side that it speaks of."""
        return next(filter(None, (self.of(scene, side) for side in scene.sides)), None)


@dataclass(frozen=True, slots=True)
class Finding:
    """A lint that speaks of ``side``."""

    lint: Lint
    side: str
    message: str
