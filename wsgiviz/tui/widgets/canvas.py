"""A widget that is drawn as rows, in the colours of the theme: what such widgets have in common."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from wsgiviz.tui.render.line import PLAIN, Row
from wsgiviz.tui.render.palette import Palette


def palette_of(widget: Widget) -> Palette:
    """The colours of the present theme, on the widget's own background."""
    dark, background = widget.app.current_theme.dark, widget.background_colors[1]
    return Palette(widget.app.theme_variables, background, widget.styles.color, dark)


class Canvas(Widget):
    """Paints its rows; `take` new ones, and those that look different are painted anew."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: Sequence[Row] = ()
        self._palette: Palette | None = None

    @property
    def palette(self) -> Palette:
        if self._palette is None:
            self._palette = palette_of(self)
        return self._palette

    def take(self, rows: Sequence[Row]) -> None:
        """Show these in the place of those before, of which there were as many; else all are painted."""
        before, self._rows = self._rows, rows
        if len(before) != len(rows):
            self.refresh()
            return
        changed = [y for y, row in enumerate(rows) if row is not before[y] and row != before[y]]
        if changed:
            self.refresh(*regions(changed, self.size.width))

    def render_line(self, y: int) -> Strip:
        style = self.palette.style
        if y >= len(self._rows):
            return Strip.blank(self.size.width, style(PLAIN))
        strip = Strip([Segment(text, style(cell)) for text, cell in self._rows[y]])
        return strip.adjust_cell_length(self.size.width, style(PLAIN))

    def notify_style_update(self) -> None:
        """Another theme: other colours."""
        super().notify_style_update()
        self._palette = None


def regions(rows: list[int], width: int) -> list[Region]:
    """Rows in order as few regions: each run of neighbours is one."""
    found: list[Region] = []
    for y in rows:
        if found and found[-1].bottom == y:
            found[-1] = found[-1].grow((0, 0, 1, 0))
        else:
            found.append(Region(0, y, width, 1))
    return found
