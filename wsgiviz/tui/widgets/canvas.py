"""A widget that is drawn as rows, in the colours of the theme: what such widgets have in common."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual import events
from textual.filter import ANSIToTruecolor
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from wsgiviz.tui.render.line import PLAIN, Row
from wsgiviz.tui.render.palette import Palette
from wsgiviz.tui.widgets.keeps_lines import KeepsLines


def palette_of(widget: Widget) -> Palette:
    """The colours of the present theme, on the widget's own background."""
    dark, background = widget.app.current_theme.dark, widget.background_colors[1]
    return Palette(widget.app.theme_variables, background, widget.styles.color, dark)


class Canvas(KeepsLines):
    """Paints its rows; `take` new ones, and those that look different are painted anew."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: Sequence[Row] = ()
        self._strips: dict[int, Strip] = {}
        self._palette: Palette | None = None

    @property
    def palette(self) -> Palette:
        if self._palette is None:
            self._palette = palette_of(self)
        return self._palette

    def take(self, rows: Sequence[Row]) -> None:
        """Show these in the place of those before, of which there were as many; else all are painted."""
        before, self._rows = self._rows, rows
        if len(before) == len(rows):
            self.repaint([y for y, row in enumerate(rows) if row is not before[y] and row != before[y]])
        else:
            self._strips.clear()
            self.refresh()

    def repaint(self, rows: list[int]) -> None:
        """These look different now, in order."""
        for y in rows:
            self._strips.pop(y, None)
        if rows:
            self.refresh(*regions(rows, self.size.width))

    def lines(self, crop: Region) -> list[Strip]:
        """The strips as they are: only with a border or padding do they go through the box model, which costs more
        than to paint them."""
        if self.gutter:
            return super().lines(crop)
        strips = [self.render_line(y) for y in crop.line_range]
        for line_filter in self.get_line_filters():
            if not isinstance(line_filter, ANSIToTruecolor):  # nothing to do for it here
                strips = [strip.apply_filter(line_filter, self.background_colors[1]) for strip in strips]
        if crop.x or any(strip.cell_length != crop.width for strip in strips):
            strips = [strip.crop_extend(*crop.column_span, self.palette.style(PLAIN)) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        strip = self._strips.get(y)
        if strip is None:
            strip = self._strips[y] = self.painted(y)
        return strip

    def painted(self, y: int) -> Strip:
        """Row ``y``, as long as it is; below the last a blank one."""
        style = self.palette.style
        if y >= len(self._rows):
            return Strip.blank(self.size.width, style(PLAIN))
        row = self.row_at(y)
        return Strip([Segment(text, style(cell)) for text, cell in row], sum(len(text) for text, _ in row))

    def row_at(self, y: int) -> Row:
        """As it is painted."""
        return self._rows[y]

    def on_resize(self, event: events.Resize) -> None:
        """Another width: after what the widget itself does about it, since Textual calls both."""
        self._strips.clear()

    def notify_style_update(self) -> None:
        """Another theme: other colours."""
        super().notify_style_update()
        self._palette = None
        self._strips.clear()


def regions(rows: list[int], width: int) -> list[Region]:
    """Rows in order as few regions: each run of neighbours is one."""
    found: list[Region] = []
    for y in rows:
        if found and found[-1].bottom == y:
            found[-1] = found[-1].grow((0, 0, 1, 0))
        else:
            found.append(Region(0, y, width, 1))
    return found
