"""Below the panes, where a scenario follows the steps of a request: those of each side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from textual import events
from textual.app import ComposeResult

from wsgiviz.tui.render.contract_rows import ContractView, rows
from wsgiviz.tui.widgets.canvas import Canvas
from wsgiviz.tui.widgets.keeps_lines import Beside


class ContractPane(Beside):
    """A list of steps for each side that has a pane; hidden where steps are not followed."""

    DEFAULT_CSS = """
    ContractPane { height: 1fr; background: $background; }
    """

    def __init__(self) -> None:
        super().__init__(id="contract")
        self._any = True

    def compose(self) -> ComposeResult:
        yield StepList(id="steps-left")
        yield StepList(id="steps-right")

    def show(self, views: Sequence[ContractView]) -> None:
        """Show these, in the order of the sides; nothing when there are none."""
        if not (views or self._any):
            return
        self._any = bool(views)
        for shown, view in zip_longest(self.query(StepList), views[:2]):
            shown.display = view is not None
            if view is not None:
                shown.show(view)


class StepList(Canvas):
    """The steps of one side on a canvas; it repaints the rows that changed."""

    DEFAULT_CSS = """
    StepList { width: 1fr; height: 1fr; margin: 0 1; background: $surface; color: $foreground; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._view: ContractView | None = None

    def show(self, view: ContractView) -> None:
        """Show ``view``: at most once a frame."""
        self._view = view
        self._draw()

    def _draw(self) -> None:
        width, height = self.size
        if self._view is None or not width or not height:
            return
        self.take(rows(self._view, width, height))

    def on_resize(self, event: events.Resize) -> None:
        self._rows = ()
        self._draw()
