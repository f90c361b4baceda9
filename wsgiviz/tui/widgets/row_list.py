"""Rows as they are, one below the other: a small table that nobody moves in."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from wsgiviz.tui.render.line import PLAIN, Row
from wsgiviz.tui.render.palette import Palette


class RowList(Widget):
    """As high as its rows; not there without any."""

    DEFAULT_CSS = """
    RowList { width: 1fr; height: 0; background: $surface; color: $foreground; display: none; }
    """

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: Sequence[Row] = ()
        self._palette: Palette | None = None

    def show(self, rows: Sequence[Row]) -> None:
        if rows == self._rows:
            return
        if len(rows) != len(self._rows):
            self.display, self.styles.height = bool(rows), len(rows)
        self._rows = rows
        self.refresh()

    def render_line(self, y: int) -> Strip:
        if self._palette is None:
            dark, background = self.app.current_theme.dark, self.background_colors[1]
            self._palette = Palette(self.app.theme_variables, background, self.styles.color, dark)
        style = self._palette.style
        if y >= len(self._rows):
            return Strip.blank(self.size.width, style(PLAIN))
        strip = Strip([Segment(text, style(cell)) for text, cell in self._rows[y]])
        return strip.adjust_cell_length(self.size.width, style(PLAIN))

    def notify_style_update(self) -> None:
        """Another theme: other colours."""
        super().notify_style_update()
        self._palette = None
