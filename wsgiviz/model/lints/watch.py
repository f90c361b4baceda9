"""For how long each lint spoke in a run: a fold over one look after the other. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from wsgiviz.model.lints.lint import Finding
from wsgiviz.model.lints.scene import Scene

LONGEST_GAP_NS = 1_000_000_000
"""Between two looks that are further apart nobody knows whether it spoke."""


class Spell(Struct, frozen=True):
    """The newest of what one lint said of one side, when that was, and how long it said so in all."""

    finding: Finding
    seen_ns: int
    spoke_ns: int = 0

    @property
    def seconds(self) -> float:
        return self.spoke_ns / 1e9


class Watch(Struct, frozen=True):
    """What has been found in a run so far, by lint and side. A new run begins a new watch by itself."""

    run: int = 0
    looked_ns: int = 0
    spells: Mapping[tuple[str, str], Spell] = field(default_factory=dict)

    def look(self, scene: Scene, found: Sequence[Finding]) -> Watch:
        """The watch after one more look, which gave ``found``. Time counts while a side's run is on."""
        fresh = scene.picture.run != self.run
        spells = {} if fresh else dict(self.spells)
        for finding in found:
            key = finding.lint.name, finding.side
            before = spells.get(key)
            spoke_ns = before.spoke_ns if before else 0
            gap_ns = scene.now_ns - self.looked_ns
            still = before is not None and before.seen_ns == self.looked_ns and gap_ns <= LONGEST_GAP_NS
            if still and not scene.picture.sides[finding.side].run_ended_ns:
                spoke_ns += gap_ns
            spells[key] = Spell(finding, scene.now_ns, spoke_ns)
        return Watch(scene.picture.run, scene.now_ns, spells)

    def rows(self) -> list[dict[str, Any]]:
        """As they stand in the JSON report."""
        return [
            {
                "name": name,
                "side": side,
                "message": spell.finding.message,
                "explanation": spell.finding.lint.explanation,
                "source": spell.finding.lint.source,
                "seconds": spell.seconds,
            }
            for (name, side), spell in self.spells.items()
        ]
