"""The one figure of a pane in large digits, and beside it what belongs to it: answered, predicted, failed."""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.renderables.digits import Digits

from wsgiviz.analysis.attached import oldest
from wsgiviz.tui.render import total_rows
from wsgiviz.tui.render.line import DIM, CellStyle, Line, Part, Row
from wsgiviz.tui.render.total_rows import Median
from wsgiviz.tui.render.view import PaneView

LINES = 3
"""Height of the digits."""

ASCII = str.maketrans(
    dict.fromkeys("╭╮╰╯┌┐└┘├┤┴┬", "+") | dict.fromkeys("─╶╴", "-") | dict.fromkeys("│╷╵", "|") | {"•": ".", "×": "x"}
)
"""The signs that Textual draws digits of, in plain characters."""

GAP = "   "


def figure(view: PaneView) -> str:
    """Seconds so far, or in all: "3.4", "5.02", "0.053"; "" before a run. Of somebody else's server those of its
    oldest request, or ""."""
    run = view.side.run
    if view.attached:
        request = oldest(view.in_flight)
        return _seconds((view.now_ns - request.began_ns) / 1e9) if request is not None else ""
    if view.makespan_s is not None and view.makespan_s < 0.0995:  # as precise as the sentence, which has milliseconds
        return f"{view.makespan_s:.3f}"
    if view.makespan_s is not None:
        return f"{view.makespan_s:.2f}" if view.makespan_s < 100 else f"{view.makespan_s:.0f}"
    if not run.started_ns:
        return ""
    return _seconds((view.now_ns - run.started_ns) / 1e9)


def _seconds(elapsed_s: float) -> str:
    return f"{max(0.0, elapsed_s):.1f}" if elapsed_s < 100 else f"{elapsed_s:.0f}"


@lru_cache(maxsize=256)
def large(text: str, ascii_only: bool) -> tuple[str, ...]:
    """``text`` as three lines of equal width, by Textual's own digits."""
    drawn = [part for part in Digits(text).render(Style()) if isinstance(part, Segment)]
    lines = [segment.text for segment in drawn if segment.text != "\n"]
    width = max(map(len, lines))
    lines = [line.ljust(width) for line in lines]
    return tuple(line.translate(ASCII) for line in lines) if ascii_only else tuple(lines)


def digits(view: PaneView, width: int, median: Median) -> tuple[Row, ...]:
    """Three rows."""
    text = figure(view)
    drawn = large(f"{text}s", view.glyphs.name == "ascii") if text else ("",) * LINES
    style = CellStyle(view.side.protocol + "!", "", "b")
    beside = (_answered(view, median), total_rows.predicted_words(view), total_rows.trouble_words(view))
    made = []
    for line, choices in zip(drawn, beside, strict=True):
        row = Line(width).add(" ").add(line, style if view.side.run.started_ns else DIM)
        row.add(GAP if text else "")
        made.append(row.first_fitting(*choices).row())
    return tuple(made)


def _answered(view: PaneView, median: Median) -> list[tuple[Part, ...]]:
    run = view.side.run
    if not run.started_ns:
        return [(Part("", DIM),)]
    done, speed, half, failed = total_rows.answered(view, median)
    if run.refused and run.refused == run.failed + run.bad_status:  # said in the third line
        failed = Part("", DIM)
    brief = Part(f"{run.completed}/{run.planned}", done.style)
    return [(done, speed, half, failed), (done, speed, failed), (done, failed), (brief, failed), (done,), (brief,)]
