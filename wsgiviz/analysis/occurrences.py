"""What the lints have found in a run, and for how long each applied: a fold over one State after the other. Pure."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from wsgiviz.analysis.lints import BY_NAME, Finding, LintContext, findings
from wsgiviz.analysis.verdict import Verdict, verdict
from wsgiviz.state import RUNS_KEPT, Phase, State

TICK_NS = 100_000_000
"""Lints are evaluated once in each tick of event time: what lasts less may be missed."""

LONGEST_GAP_NS = 1_000_000_000
"""Between two evaluations that are further apart nobody knows whether a lint applied."""

UNSETTLED = frozenset({Phase.NEW, Phase.STARTING, Phase.MEASURING, Phase.FAILED})
"""Phases in which there are no servers and requests of a person's to look at."""


class Occurrence(Struct, frozen=True):
    """The newest finding of one lint about one side, when that was, and for how long it has applied in all."""

    finding: Finding
    seen_ns: int
    lasted_ns: int = 0


class Occurrences(Struct, frozen=True):
    """``found``: what applies now; ``met``: all that was found since ``fired`` was fired, in the order of the first
    time; ``verdicts``: by number in the log, of the runs that have finished (`wsgiviz.state.State.runs`). Plain data:
    it can be encoded and decoded."""

    fired: int = 0
    phase: Phase = Phase.NEW
    evaluated_ns: int = 0
    found: tuple[Finding, ...] = ()
    met: tuple[Occurrence, ...] = ()
    verdicts: tuple[tuple[int, Verdict], ...] = ()

    def after(self, state: State) -> Occurrences:
        """The occurrences after one more State: others only when the next tick has begun, when the run has just
        finished, or when a new one was fired, which begins anew."""
        begun = replace(self, fired=state.fired, phase=Phase.NEW, found=(), met=())
        before = self if state.fired == self.fired else begun
        finished = state.phase is Phase.FINISHED and before.phase is not Phase.FINISHED
        due = state.t_ns // TICK_NS > before.evaluated_ns // TICK_NS
        if before is self and not due and not finished:
            return self if self.phase is state.phase else replace(self, phase=state.phase)
        return before._evaluated(state)._judged(state) if finished else before._evaluated(state)

    def at(self, state: State) -> Occurrences:
        """With what applies at this State itself: where time stands, the last tick is too long ago."""
        return replace(self, found=tuple(_findings(state)), evaluated_ns=state.t_ns)

    def rows(self) -> list[dict[str, Any]]:
        """All that was found in the run, for the JSON report."""
        return [_row(occurrence) for occurrence in self.met if occurrence.finding.lint in BY_NAME]

    def _judged(self, state: State) -> Occurrences:
        """With the verdict on the run that has just finished."""
        found = verdict(state, state.t_ns)
        if found is None:
            return self
        others = tuple(pair for pair in self.verdicts if pair[0] != state.run)
        return replace(self, verdicts=(*others, (state.run, found))[-RUNS_KEPT:])

    def _evaluated(self, state: State) -> Occurrences:
        now_ns, found = state.t_ns, _findings(state)
        met = {(entry.finding.lint, entry.finding.side): entry for entry in self.met}
        for finding in found:
            key = finding.lint, finding.side
            lasted_ns = self._lasted_ns(met.get(key), state.sides[finding.side].run.ended_ns, now_ns)
            met[key] = Occurrence(finding, now_ns, lasted_ns)
        return replace(
            self,
            fired=state.fired,
            phase=state.phase,
            evaluated_ns=now_ns,
            found=tuple(found),
            met=tuple(met.values()),
        )

    def _lasted_ns(self, before: Occurrence | None, ended_ns: int, now_ns: int) -> int:
        """Time counts while the side's run is on, and from one evaluation to the next if the lint applied at both."""
        if before is None:
            return 0
        gap_ns = now_ns - self.evaluated_ns
        still = before.seen_ns == self.evaluated_ns and gap_ns <= LONGEST_GAP_NS
        return before.lasted_ns + (gap_ns if still and not ended_ns else 0)


def _findings(state: State) -> list[Finding]:
    if state.phase in UNSETTLED or not state.sides:
        return []
    return findings(LintContext.of(state, state.t_ns))


def _row(occurrence: Occurrence) -> dict[str, Any]:
    lint = BY_NAME[occurrence.finding.lint]
    return {
        "name": lint.name,
        "side": occurrence.finding.side,
        "message": occurrence.finding.message,
        "explanation": lint.explanation,
        "source": lint.source,
        "seconds": occurrence.lasted_ns / 1e9,
    }
