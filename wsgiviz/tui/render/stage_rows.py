"""A pane on stage: the time in large digits, the lanes, the axis. No statistics.

Its parts are the same at every height and for every side, so that rows correspond.
"""

from __future__ import annotations

from wsgiviz.tui.render.digit_rows import LINES, figure, large
from wsgiviz.tui.render.layout import Layout
from wsgiviz.tui.render.line import BOLD, DIM, PLAIN, CellStyle, Line, Part, Row
from wsgiviz.tui.render.view import PaneView

LEAST_WITH_GAP = 12
"""From this height on there is a blank line below the digits."""

DIGITS_FROM = 10
"""Below this height badge and time have one line."""

DIGITS_AT = 10
"""The column in which the digits begin, beside the badge."""


def plan(height: int) -> Layout:
    """The lanes and the axis; the digits are above them."""
    head = (LINES if height >= DIGITS_FROM else 1) + (height >= LEAST_WITH_GAP)
    return Layout(lanes=max(0, height - head - 1), axis=True, digits=height >= DIGITS_FROM)


def head(view: PaneView, width: int, height: int) -> tuple[Row, ...]:
    """The badge, the time beside it, at the end by how much this side was faster, and how many are answered."""
    if height < DIGITS_FROM:
        return (_small(view, width),)
    text, ratio = figure(view), f"{view.faster:.1f}x" if view.faster else ""
    ascii_only = view.glyphs.name == "ascii"
    time = large(f"{text}s", ascii_only) if text else ("",) * LINES
    faster = large(ratio, ascii_only) if ratio else ("",) * LINES
    style = CellStyle(f"{view.side.protocol}!", "", "b")
    rows = []
    for row, first in enumerate((_badge(view), Part("", PLAIN), _answered(view))):
        line = Line(width).add(" ").extend([first]).to(DIGITS_AT).add(time[row], style)
        if faster[row] and line.left >= len(faster[row]) + 3:
            line.to(width - len(faster[row]) - 2).add(faster[row], BOLD)
        rows.append(line.row())
    return (*rows, *[Line(width).row()] * (height >= LEAST_WITH_GAP))


def _small(view: PaneView, width: int) -> Row:
    line = Line(width).add(" ").extend([_badge(view)]).to(DIGITS_AT)
    text = figure(view)
    line.add(f"{text} s  " if text else "", CellStyle(f"{view.side.protocol}!", "", "b"))
    return line.extend([_answered(view)]).row()


def _badge(view: PaneView) -> Part:
    side = view.side.protocol
    name = view.side.kind if view.twin else side.upper()
    return Part(f" {name[: DIGITS_AT - 4]} ", CellStyle(side, f"{side}*", "br"))


def _answered(view: PaneView) -> Part:
    """ "8/20": how far it is."""
    run = view.side.run
    if not run.started_ns or view.timed_s is not None:
        return Part("", DIM)
    words = f"{run.done}/{run.planned}"
    return Part(words if len(words) < DIGITS_AT else str(run.done), BOLD if run.done else DIM)
