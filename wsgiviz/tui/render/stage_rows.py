"""A pane on stage: the time in large digits, the lanes, the axis. No statistics.

Its parts are the same at every size and for every side, so that rows correspond.
"""

from __future__ import annotations

from wsgiviz.tui.render import digit_rows
from wsgiviz.tui.render.block_digits import LINES, block_digits, cells
from wsgiviz.tui.render.digit_rows import figure, large
from wsgiviz.tui.render.layout import Layout
from wsgiviz.tui.render.line import BOLD, DIM, PLAIN, CellStyle, Line, Part, Row, blank_row, shortened
from wsgiviz.tui.render.view import PaneView

LEAST_WITH_GAP = 12
"""From this height on there is a blank line below the digits."""

DIGITS_FROM = 10
"""Below this height badge and time have one line."""

DIGITS_AT = 11
"""The column in which the digits begin, beside the badge."""

WIDEST = "88.88s"
"""What digits of blocks have room for."""

SPARE = 3
"""Cells round the ratio."""

SCALES = ((38, 3), (30, 2), (18, 1))
"""From that height on digits of blocks are so many lines thick."""


def digits_scale(width: int, height: int) -> int:
    """Of digits of blocks; 0 where there is no room for them."""
    room = width - DIGITS_AT - 1
    return next((scale for least, scale in SCALES if height >= least and cells(WIDEST, scale) <= room), 0)


def digits_lines(width: int, height: int) -> int:
    if height < DIGITS_FROM:
        return 1
    return LINES * digits_scale(width, height) or digit_rows.LINES


def plan(width: int, height: int) -> Layout:
    """The lanes and the axis; the digits are above them."""
    head = digits_lines(width, height) + (height >= LEAST_WITH_GAP)
    return Layout(lanes=max(0, height - head - 1), axis=True)


def head(view: PaneView, width: int, height: int) -> tuple[Row, ...]:
    """The badge, the time beside it, at the end by how much this side was faster, and how many are answered."""
    if height < DIGITS_FROM:
        return (_small(view, width),)
    lines, scale = digits_lines(width, height), digits_scale(width, height)
    time = _drawn(f"{figure(view)}s" if figure(view) else "", scale, lines, view)
    ratio = _ratio(view, width - DIGITS_AT - len(time[0]) - SPARE, scale, lines)
    style, first = CellStyle(f"{view.side.protocol}!", "", "b"), {0: _badge(view), lines - 1: _answered(view)}
    rows = []
    for number in range(lines):
        line = (
            Line(width).add(" ").extend([first.get(number, Part("", PLAIN))]).to(DIGITS_AT).add(time[number], style)
        )
        rows.append(line.to(width - len(ratio[number]) - 2).add(ratio[number], BOLD).row())
    return (*rows, *[blank_row(width)] * (height >= LEAST_WITH_GAP))


def _ratio(view: PaneView, room: int, scale: int, lines: int) -> tuple[str, ...]:
    """By how much this side was faster, in the largest digits for which there is room; at the bottom of ``lines``."""
    text = f"{view.faster:.1f}x" if view.faster else ""
    for smaller in range(scale, -1, -1):
        drawn = _drawn(text, smaller, LINES * smaller or digit_rows.LINES, view)
        if len(drawn[0]) <= room:
            return (*[" " * len(drawn[0])] * (lines - len(drawn)), *drawn)
    return ("",) * lines


def _drawn(text: str, scale: int, lines: int, view: PaneView) -> tuple[str, ...]:
    if not text:
        return ("",) * lines
    ascii_only = view.glyphs.name == "ascii"
    return block_digits(text, scale, ascii_only) if scale else large(text, ascii_only)


def _small(view: PaneView, width: int) -> Row:
    line = Line(width).add(" ").extend([_badge(view)]).to(DIGITS_AT)
    text = figure(view)
    line.add(f"{text} s  " if text else "", CellStyle(f"{view.side.protocol}!", "", "b"))
    return line.extend([_answered(view)]).row()


def _badge(view: PaneView) -> Part:
    side = view.side.protocol
    name = view.badge or (view.side.kind if view.twin else side.upper())
    return Part(f" {shortened(name, DIGITS_AT - 4, view.glyphs.ellipsis)} ", CellStyle(side, f"{side}*", "br"))


def _answered(view: PaneView) -> Part:
    """ "8/20": how far it is; "oldest" of somebody else's server, whose oldest request the digits are of."""
    run = view.side.run
    if view.attached:
        return Part("oldest" if figure(view) else "", DIM)
    if not run.started_ns or view.timed_s is not None:
        return Part("", DIM)
    served = run.completed - run.refused
    words = f"{served}/{run.planned}"
    return Part(words if len(words) < DIGITS_AT else str(served), BOLD if served else DIM)
