"""The rows that say how many threads of each pool behind an event loop run, and what waits for one."""

from __future__ import annotations

from wsgiviz.analysis.pools import PoolUse, known_pools
from wsgiviz.printable import printable
from wsgiviz.state import OF_PROCESSES, PoolKind, Task
from wsgiviz.tui.render.head_rows import bar_cells, labelled, shares
from wsgiviz.tui.render.line import DIM, CellStyle, Part, Row, shortened
from wsgiviz.tui.render.view import PaneView

MOST = 2
"""So many pools have a row; those for which most wait come first."""

LEAST_LANES = 4
"""So many lanes stay."""

NAME_CELLS = 18

NAMES = {
    PoolKind.ANYIO: "AnyIO's limiter",
    PoolKind.LIMITER: "own limiter",
    PoolKind.ASYNCIO: "asyncio's executor",
    PoolKind.ASGIREF: "asgiref's thread",
    PoolKind.PROCESSES: "an executor",
    PoolKind.PROCESS_LIMITER: "AnyIO's limiter",
}


def rows_for_pools(view: PaneView, lanes: int) -> int:
    """How many rows of those that ``lanes`` have go to pools."""
    return max(0, min(MOST, lanes - LEAST_LANES, len(known_pools(view.side, ()))))


def each_pool(view: PaneView, width: int, column: int, count: int) -> tuple[Row, ...]:
    """A row for each of the ``count`` most crowded."""
    uses = known_pools(view.side, ())
    crowded = sorted(uses, key=lambda use: (-use.waiting, -use.most_waiting, -use.most_running))[:count]
    return tuple(_one(view, width, column, use) for use in uses if use in crowded)


def _one(view: PaneView, width: int, column: int, use: PoolUse) -> Row:
    line = labelled("pool", width, column)
    inside, outside = (
        (Task.IN_PROCESS, Task.FOR_PROCESS) if use.kind in OF_PROCESSES else (Task.IN_THREAD, Task.FOR_THREAD)
    )
    counts: dict[str, int] = {inside: use.running, outside: use.waiting}
    size = use.size * use.pools
    line.extend(shares(counts, max(size, sum(counts.values())), bar_cells(width), view))
    line.to(column + bar_cells(width) + (2 if width >= 50 else 1))
    of = f"{use.running:>{len(str(size))}} of {size}" if size > 0 else str(use.running)
    main = Part(of, CellStyle("awaiting!", "", "b") if use.running else DIM)
    what = "processes" if use.kind in OF_PROCESSES else "threads"
    name = Part(f" {what}, {_name(use, view)}", DIM)
    wait = Part(f"  {use.waiting} wait" if use.waiting else "", CellStyle("queue!", "", "b"))
    peak = Part(f"   peak {use.most_waiting} wait" if use.most_waiting else "", DIM)
    return line.first_fitting((main, name, wait, peak), (main, name, wait), (main, wait), (main,)).row()


def _name(use: PoolUse, view: PaneView) -> str:
    name = NAMES.get(use.kind) or use.name
    return shortened(printable(name, not view.glyphs.eighths), NAME_CELLS, view.glyphs.ellipsis)
