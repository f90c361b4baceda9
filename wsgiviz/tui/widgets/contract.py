"""Below the panes, where a scenario follows the steps of a request: those of each side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.strip import Strip
from textual.widget import Widget

from wsgiviz.tui.render.contract_rows import ContractView, rows
from wsgiviz.tui.render.line import PLAIN, Row
from wsgiviz.tui.render.palette import Palette
from wsgiviz.tui.widgets.pane import regions


class ContractPane(Horizontal):
    """A list of steps for each side that has a pane; hidden where steps are not followed."""

    DEFAULT_CSS = """
    ContractPane { height: 1fr; background: $background; }
    """

    def __init__(self) -> None:
        super().__init__(id="contract")

    def compose(self) -> ComposeResult:
        yield StepList(id="steps-left")
        yield StepList(id="steps-right")

    def show(self, views: Sequence[ContractView]) -> None:
        """Show these, in the order of the sides; nothing when there are none."""
        for shown, view in zip_longest(self.query(StepList), views[:2]):
            shown.display = view is not None
            if view is not None:
                shown.show(view)


class StepList(Widget):
    """The steps of one side on a canvas; it repaints the rows that changed."""

    DEFAULT_CSS = """
    StepList { width: 1fr; height: 1fr; margin: 0 1; background: $surface; color: $foreground; }
    """

    ALLOW_SELECT = False

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._view: ContractView | None = None
        self._rows: list[Row] = []
        self._palette: Palette | None = None

    def show(self, view: ContractView) -> None:
        """Show ``view``: at most once a frame."""
        self._view = view
        self._draw()

    def _draw(self) -> None:
        width, height = self.size
        if self._view is None or not width or not height:
            return
        before, self._rows = self._rows, rows(self._view, width, height)
        if len(before) != height:
            self.refresh()
            return
        changed = [y for y, row in enumerate(self._rows) if row != before[y]]
        if changed:
            self.refresh(*regions(changed, width))

    def render_line(self, y: int) -> Strip:
        style = self._colours().style
        if y >= len(self._rows):
            return Strip.blank(self.size.width, style(PLAIN))
        return Strip([Segment(text, style(how)) for text, how in self._rows[y]], self.size.width)

    def _colours(self) -> Palette:
        if self._palette is None:
            dark = self.app.current_theme.dark
            background = self.background_colors[1]
            self._palette = Palette(self.app.theme_variables, background, self.styles.color, dark)
        return self._palette

    def notify_style_update(self) -> None:
        """Another theme: other colours."""
        super().notify_style_update()
        self._palette = None

    def on_resize(self, event: events.Resize) -> None:
        self._rows = []
        self._draw()
