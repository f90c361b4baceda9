"""What a run asks of each of its paths, in rows: a slow one makes requests to the others wait."""

from __future__ import annotations

from collections.abc import Iterable

from wsgiviz.analysis.by_path import PathTimes, by_path
from wsgiviz.analysis.metrics import Quantiles
from wsgiviz.printable import printable
from wsgiviz.state import Side
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.line import BOLD, DIM, PLAIN, CellStyle, Line, Part, Row, shortened
from wsgiviz.tui.render.words import measured

PATH, NUMBER, TIME = 16, 10, 10
"""Widths of columns, in cells; what is left over is the path's."""


def path_rows(sides: Iterable[Side], width: int, glyphs: Glyphs) -> list[Row]:
    """A heading, and a row for each path of each side; nothing where there is only one path."""
    found = [(side, times) for side in sides for times in by_path(side)]
    if not found:
        return []
    paths = max(PATH, min(40, width - 6 - 2 * NUMBER - 3 * TIME - 3))
    head = Line(width).add(" " * 6).add("path".ljust(paths), DIM)
    for heading, cells in (("answered", NUMBER), ("failed", NUMBER), ("wait p50", TIME), ("service p50", TIME + 2)):
        head.add(heading.rjust(cells), DIM)
    head.add("total p95".rjust(TIME), DIM)
    return [head.row(), *(_row(side, times, paths, width, glyphs) for side, times in found)]


def _row(side: Side, times: PathTimes, paths: int, width: int, glyphs: Glyphs) -> Row:
    path = shortened(printable(times.path, glyphs.name == "ascii"), paths - 1, glyphs.ellipsis)
    line = Line(width).add(side.name.ljust(6), CellStyle(side.protocol + "!", "", "b")).add(path.ljust(paths), BOLD)
    line.add(f"{times.completed}/{times.requests}".rjust(NUMBER))
    bad = times.failed + sum(count for status, count in times.statuses.items() if int(status) >= 400)
    line.add((str(bad) if bad else "").rjust(NUMBER), CellStyle("failed!", "", "b"))
    line.extend([_time(times.queue_wait_s, "p50", TIME), _time(times.service_s, "p50", TIME + 2)])
    return line.extend([_time(times.latency_s, "p95", TIME)]).row()


def _time(found: Quantiles | None, name: str, cells: int) -> Part:
    return Part((measured(getattr(found, name)) if found is not None else "").rjust(cells), PLAIN)
