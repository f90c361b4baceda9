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
    """Ticks from the axis's zero on, and where now is."""
    chart = Chart(scale.cells)
    step = tick_step(scale)
    origin = view.origin_ns
    first = -(-(scale.start_ns - origin) // step) * step
    for since in range(first, scale.end_ns - origin + 1, step):
        cell, label = scale.at(origin + since) // EIGHTHS, tick_label(since, step)
        if cell + len(label) <= scale.cells:
            chart.write(cell, label, DIM)
    if scale.start_ns <= view.now_ns <= scale.end_ns:
        _draw_now(chart, min(scale.at(view.now_ns) // EIGHTHS, scale.cells - 1), view.glyphs.now)
    return chart.parts()


def _draw_now(chart: Chart, cell: int, sign: str) -> None:
    """The sign at now's cell, its word to the right or, near the end, to the left; blanks keep labels off."""
    word, at = (f"{sign} now", cell) if cell + 5 <= len(chart.chars) else (f"now {sign}", cell - 4)
    for near in range(at - 1, at + len(word) + 1):
        if 0 <= near < len(chart.chars):
            chart.put(near, " ", DIM)
    _drop_halves(chart, at - 2, at + len(word) + 1)
    chart.write(at, word, BOLD)


def _drop_halves(chart: Chart, left: int, right: int) -> None:
    """What the blanks have cut from a label goes too."""
    while 0 <= left < len(chart.chars) and chart.chars[left] != " ":
        chart.put(left, " ", DIM)
        left -= 1
    while 0 <= right < len(chart.chars) and chart.chars[right] != " ":
        chart.put(right, " ", DIM)
        right += 1
