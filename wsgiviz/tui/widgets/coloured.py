"""Words in the panes' colours: what a widget needs so that its text can be read on every theme."""

from __future__ import annotations

from textual.style import Style
from textual.widgets import Static

from wsgiviz.tui.render.palette import Palette
from wsgiviz.tui.widgets.canvas import palette_of
from wsgiviz.tui.widgets.keeps_lines import KeepsLines


class Coloured(Static, KeepsLines):
    """A Static that draws itself anew when the theme changes."""

    _palette: Palette | None = None
    _palette_of: tuple[object, ...] = ()

    def words(self, name: str = "", flags: str = "") -> Style:
        """How text of that colour looks here."""
        return self.palette.words(name, flags)

    @property
    def palette(self) -> Palette:
        if self._palette is None or self._palette_of[0] != self.app.theme:
            self._palette = palette_of(self)
            self._palette_of = self._colours_now()
        return self._palette

    def _colours_now(self) -> tuple[object, ...]:
        return self.app.theme, self.background_colors[1], self.styles.color

    def notify_style_update(self) -> None:
        super().notify_style_update()
        if self.is_mounted and self._palette is not None and self._colours_now() != self._palette_of:
            self._palette = None
            self.recoloured()

    def recoloured(self) -> None:
        """Other colours: make the text anew."""
