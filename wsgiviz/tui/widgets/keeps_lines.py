"""A widget that gives the same lines until something of it is refreshed."""

from __future__ import annotations

from typing import Self

from textual import events
from textual.containers import Horizontal
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class KeepsLines(Widget):
    """Keeps its lines, as they are on the screen.

    When anything on a screen has changed, Textual asks each of its widgets for all of its lines, and looks at each of
    them to find out whether it's still right: thirty times a second that is more than the drawing of what did change.
    """

    _held: tuple[Region, list[Strip]] | None = None

    def render_lines(self, crop: Region) -> list[Strip]:
        if self._held is None or self._held[0] != crop:
            self._held = crop, self.lines(crop)
        return self._held[1]

    def lines(self, crop: Region) -> list[Strip]:
        """Make them anew."""
        return super().render_lines(crop)

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        self._held = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def notify_style_update(self) -> None:
        self._held = None
        super().notify_style_update()


class Beside(Horizontal, KeepsLines):
    """Two children beside each other, equally wide, so that one cell is the same time in both.

    Of an even width a cell is left over: the class ``even`` puts it between the two (see app.tcss).
    """

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width % 2 == 0, "even")
