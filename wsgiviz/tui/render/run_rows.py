"""The runs of a session as the rows of a table, as wide as there is room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.analysis.session_runs import differing, verdicts, words_of
from wsgiviz.printable import printable
from wsgiviz.state import RunSummary
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.line import BOLD, DIM, PLAIN, CellStyle, Line, Part, Row, shortened
from wsgiviz.tui.render.words import measured

NUMBER, TIME, VERDICT = 6, 9, 26
"""Widths of columns, in cells."""

LEAST = 16
"""What differs needs so much."""


@dataclass(frozen=True, slots=True)
class RunTable:
    """A heading, and a row for each run, the newest last."""

    head: Row
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which columns there is room for."""

    sides: tuple[str, ...]
    differs: int
    p95: bool
    verdict: int


def run_table(
    runs: Sequence[RunSummary], occurrences: Occurrences, width: int, glyphs: Glyphs, reference: int = 0
) -> RunTable:
    """``reference`` is the run that others are compared with: it has a sign."""
    known = verdicts(occurrences)
    judged = [words_of(known.get(run.run)) for run in runs]
    differ = differing(runs)
    plan = _plan(runs, width, max(map(len, differ), default=0) + 2, max(map(len, judged), default=0) + 3)
    rows = [
        _row(run, words, verdict, width, plan, glyphs, run.run == reference)
        for run, words, verdict in zip(runs, differ, judged, strict=True)
    ]
    return RunTable(_head(width, plan), tuple(rows))


def _plan(runs: Sequence[RunSummary], width: int, differ: int, judged: int) -> _Plan:
    """``differ`` and ``judged``: cells that the longest words of these columns need."""
    sides = tuple(dict.fromkeys(side.name for run in runs for side in run.sides))
    room = width - NUMBER - LEAST - TIME * len(sides)
    p95 = room >= TIME * len(sides)
    room -= TIME * len(sides) * p95
    differs = max(LEAST, min(differ, LEAST + room))
    verdict = min(judged, LEAST + room - differs)
    if verdict < min(judged, VERDICT) and room >= VERDICT:  # then both are cut
        verdict, differs = VERDICT, LEAST + room - VERDICT
    return _Plan(sides, differs, p95, verdict if verdict >= min(judged, VERDICT) else 0)


def _head(width: int, plan: _Plan) -> Row:
    line = Line(width).add("run".rjust(NUMBER - 1), DIM).add("  ").add("what differs".ljust(plan.differs - 1), DIM)
    for name in plan.sides:
        line.add(f"{printable(name.upper(), True)[: TIME - 2]} ".rjust(TIME), _style_of(name))
        if plan.p95:
            line.add("p95 ".rjust(TIME), DIM)
    return line.add("  verdict" if plan.verdict else "", DIM).row()


def _row(
    run: RunSummary, differs: str, verdict: str, width: int, plan: _Plan, glyphs: Glyphs, reference: bool
) -> Row:
    ascii_only = glyphs.name == "ascii"
    line = Line(width).add(f" {glyphs.ghost if reference else ' '}", BOLD)
    line.add(str(run.number).rjust(NUMBER - 3), BOLD).add("  ")
    words = printable(differs, ascii_only) or "nothing"
    line.add(listed(words, plan.differs - 2, glyphs.ellipsis).ljust(plan.differs - 1), PLAIN if differs else DIM)
    for name in plan.sides:
        line.extend(_times(run, name, plan.p95))
    if plan.verdict:
        line.add("  ").add(shortened(printable(verdict, ascii_only), plan.verdict - 2, glyphs.ellipsis), PLAIN)
    return line.row()


def listed(words: str, width: int, ellipsis: str) -> str:
    """As many of "sleep, 8 workers, 20 requests" as ``width`` cells hold, whole; the first cut if it must."""
    if len(words) <= width:
        return words
    items = words.split(", ")
    for count in range(len(items) - 1, 0, -1):
        shorter = f"{', '.join(items[:count])}, {ellipsis}"
        if len(shorter) <= width:
            return shorter
    return shortened(words, width, ellipsis)


def _style_of(side: str) -> CellStyle:
    """A name may be anything in a recording; there are two colours."""
    return CellStyle("asgi!" if side.startswith("asgi") else "wsgi!", "", "b")


def _times(run: RunSummary, name: str, p95: bool) -> list[Part]:
    """Total and 95th percentile; what failed instead of the latter."""
    side = run.side(name)
    if side is None or not side.total_ns:
        return [Part(" " * TIME * (1 + p95), PLAIN)]
    total = Part(f"{measured(side.total_ns / 1e9)} ".rjust(TIME), _style_of(name))
    if run.cancelled:
        return [Part("cancelled".rjust(TIME) + " " * TIME * p95, DIM)]
    if not p95:
        return [total]
    if side.failed:
        return [total, Part(f"{side.failed} failed".rjust(TIME), CellStyle("failed!", "", "b"))]
    return [total, Part(f"{measured(side.p95_ns / 1e9)} ".rjust(TIME) if side.p95_ns >= 0 else " " * TIME, PLAIN)]
