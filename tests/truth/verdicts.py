"""Comparisons, and what they come to: a table of classes with agreement, and the disagreements by kind."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

AGREEMENT = 0.99
EXAMPLES = 6


@dataclass(frozen=True, slots=True)
class Verdict:
    """One comparison of what was shown with what was seen.

    ``agrees`` is None where it could not be judged: the state changed between the two readings, and what was shown is
    one of those that it had then.
    """

    shown: str
    seen: str
    agrees: bool | None
    about: str = ""


@dataclass(frozen=True, slots=True)
class ClassFound:
    """The verdicts of one class: ``name``, and of how many comparisons at least it has to consist."""

    name: str
    verdicts: tuple[Verdict, ...]
    wanted: int

    @property
    def judged(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.agrees is not None]

    @property
    def share(self) -> float:
        judged = self.judged
        return sum(bool(verdict.agrees) for verdict in judged) / len(judged) if judged else 0.0

    @property
    def met(self) -> bool:
        return self.share >= AGREEMENT and len(self.judged) >= self.wanted


def table(classes: Iterable[ClassFound]) -> list[str]:
    """A row for each class."""
    lines = [f"{'class':34} {'agree':>8} {'samples':>8} {'changing':>9}"]
    for found in classes:
        judged = len(found.judged)
        changing = len(found.verdicts) - judged
        verdict = "met" if found.met else "MISSED"
        lines.append(f"{found.name:34} {found.share:8.2%} {judged:8,} {changing:9,}  {verdict}")
    return lines


def states_seen(found: ClassFound) -> str:
    """How many comparisons there were of each state."""
    counts = Counter(verdict.seen for verdict in found.judged)
    most = ", ".join(f"{number} {state}" for state, number in counts.most_common(4))
    return most + (", ..." if len(counts) > 4 else "")


def disagreements(found: ClassFound) -> list[str]:
    """Each kind with its number and some examples."""
    examples: dict[tuple[str, str], list[str]] = defaultdict(list)
    for verdict in found.judged:
        if not verdict.agrees:
            examples[verdict.shown, verdict.seen].append(verdict.about)
    ordered = sorted(examples.items(), key=lambda item: -len(item[1]))
    return [
        f"{len(abouts)} x {found.name}: shown {shown}, seen {seen}: {'; '.join(abouts[:EXAMPLES])}"
        for (shown, seen), abouts in ordered
    ]
