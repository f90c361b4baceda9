"""The time axis below the lanes."""

from __future__ import annotations

from wsgiviz.tui.render.chart import EIGHTHS, Chart, Scale
from wsgiviz.tui.render.line import BOLD, DIM, Part
from wsgiviz.tui.render.view import PaneView

TICK_CELLS = 8
"""Ticks are at least this far apart."""

STEPS_NS: list[int] = [factor * 10**power for power in range(5, 13) for factor in (1, 2, 5)]


def tick_step(scale: Scale) -> int:
    """Nanoseconds between ticks: 1, 2 or 5 times a power of ten."""
    per_cell = max(1, scale.end_ns - scale.start_ns) / max(1, scale.cells // 4 * 4)
    return next((step for step in STEPS_NS if step >= per_cell * TICK_CELLS), STEPS_NS[-1])


def tick_label(since_ns: int, step_ns: int) -> str:
    if step_ns >= 10**9 or since_ns == 0:
        return f"{since_ns // 10**9}s"
    if step_ns >= 10**8:
        return f"{since_ns / 1e9:.1f}s"
    return f"{since_ns / 1e6:g}ms"


def axis(scale: Scale, view: PaneView) -> list[Part]:
    """Ticks from the axis's zero on, where the run before ended, and where now is."""
    chart = Chart(scale.cells)
    step = tick_step(scale)
    origin = view.origin_ns
    first = -(-(scale.start_ns - origin) // step) * step
    for since in range(first, scale.end_ns - origin + 1, step):
        cell, label = scale.at(origin + since) // EIGHTHS, tick_label(since, step)
        if cell + len(label) <= scale.cells:
            chart.write(cell, label, DIM)
    ghost = -1
    if view.ghost_ns and scale.start_ns <= view.ghost_ns <= scale.end_ns:
        ghost = min(scale.at(view.ghost_ns) // EIGHTHS, scale.cells - 1)
        _draw_alone(chart, ghost, view.glyphs.ghost)
    if scale.start_ns <= view.now_ns <= scale.end_ns:
        _draw_now(chart, min(scale.at(view.now_ns) // EIGHTHS, scale.cells - 1), view.glyphs.now)
    beside_now = ghost >= 0 and chart.chars[ghost] == " " and chart.style(ghost) != BOLD
    if beside_now:  # its place was blanked for now's word
        chart.put(ghost, view.glyphs.ghost, BOLD)
    return chart.parts()


def _draw_now(chart: Chart, cell: int, sign: str) -> None:
    """The sign at now's cell, its word to the right or, near the end, to the left; labels it touches go."""
    word, at = (f"{sign} now", cell) if cell + 5 <= len(chart.chars) else (f"now {sign}", cell - 4)
    _draw_alone(chart, at, word)


def _draw_alone(chart: Chart, at: int, word: str) -> None:
    """A word at that cell, without the labels that it touches."""
    first, end = _widened(chart, max(0, at - 1), min(len(chart.chars), at + len(word) + 1))
    chart.fill(first, end, " ", DIM)
    chart.write(at, word, BOLD)


def _widened(chart: Chart, first: int, end: int) -> tuple[int, int]:
    """The cells from ``first`` to ``end``, and the rest of the labels which begin or end in them."""
    chars = chart.chars
    while first > 0 and chars[first] != " " and chars[first - 1] != " ":
        first -= 1
    while end < len(chars) and chars[end - 1] != " " and chars[end] != " ":
        end += 1
    return first, end
