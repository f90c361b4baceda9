"""Rows as they are, one below the other: a small table that nobody moves in."""

from __future__ import annotations

from collections.abc import Sequence

from wsgiviz.tui.render.line import Row
from wsgiviz.tui.widgets.canvas import Canvas


class RowList(Canvas):
    """As high as its rows; not there without any."""

    DEFAULT_CSS = """
    RowList { width: 1fr; height: 0; background: $surface; color: $foreground; display: none; }
    """

    def show(self, rows: Sequence[Row]) -> None:
        if len(rows) != len(self._rows):
            self.display, self.styles.height = bool(rows), len(rows)
        self.take(rows)
