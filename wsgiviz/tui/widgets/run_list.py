"""The runs of a session on one canvas: one of them is chosen, and one is what others are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.state import RunSummary
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.line import PLAIN
from wsgiviz.tui.render.run_rows import RunTable, run_table
from wsgiviz.tui.widgets.canvas import Canvas


class RunList(Canvas, can_focus=True):
    """A heading, and a line for each run, the newest last; the newest are seen where not all fit."""

    DEFAULT_CSS = """
    RunList { width: 1fr; height: 1fr; background: $surface; color: $foreground; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "choose(-1)", "earlier", show=False),
        Binding("down", "choose(1)", "later", show=False),
        Binding("home", "choose(-99)", "first", show=False),
        Binding("end", "choose(99)", "last", show=False),
    ]

    class Chosen(Message):
        """Another run is chosen."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._runs: Sequence[RunSummary] = ()
        self._occurrences = Occurrences()
        self._table: RunTable | None = None
        self._chosen = 0  # numbers in the log: a place would move when the oldest goes
        self.reference = 0
        """The run that others are compared with; 0: each with the one before it."""

    def show(self, runs: Sequence[RunSummary], occurrences: Occurrences) -> None:
        """These runs. The newest is chosen, until a person chooses another."""
        newest = not self._runs or self._chosen == self._runs[-1].run
        self._runs, self._occurrences = runs, occurrences
        if runs and (newest or self.chosen is None):
            self._chosen = runs[-1].run
        self._draw()

    @property
    def chosen(self) -> RunSummary | None:
        return next((run for run in self._runs if run.run == self._chosen), None)

    @property
    def compared(self) -> RunSummary | None:
        """What the chosen one is compared with."""
        if self.reference and self.reference != self._chosen:
            return next((run for run in self._runs if run.run == self.reference), None)
        earlier = [run for run in self._runs if run.run < self._chosen]
        whole = [run for run in earlier if not run.cancelled]
        return max(whole or earlier, key=lambda run: run.run, default=None)

    def action_choose(self, by: int) -> None:
        if self._runs:
            self._chosen = self._runs[min(max(0, self._place + by), len(self._runs) - 1)].run
            self._draw()
            self.post_message(self.Chosen())

    def mark(self) -> None:
        """Compare with the chosen one from now on; or, when that is so, each with the one before it again."""
        self.reference = 0 if self.reference == self._chosen else self._chosen
        self._draw()

    @property
    def _place(self) -> int:
        return next((at for at, run in enumerate(self._runs) if run.run == self._chosen), 0)

    @property
    def _first(self) -> int:
        """The first run that is seen: the chosen one is, and as many of the newest as can be."""
        room = max(1, self.size.height - 1)
        return max(0, min(self._place, len(self._runs) - room))

    def _draw(self) -> None:
        if self.size.width:
            self._table = run_table(self._runs, self._occurrences, self.size.width, self._glyphs, self.reference)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        style = self.palette.style
        at = self._first + y - 1
        if self._table is None or at >= len(self._table.rows):
            return Strip.blank(self.size.width, style(PLAIN))
        row = self._table.head if y == 0 else self._table.rows[at]
        chosen = y > 0 and at == self._place
        cells = ((text, cell._replace(flags=cell.flags + "r") if chosen else cell) for text, cell in row)
        return Strip([Segment(text, style(cell)) for text, cell in cells], self.size.width)

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def on_click(self, event: events.Click) -> None:
        at = self._first + event.y - 1
        if event.y > 0 and at < len(self._runs):
            self.action_choose(at - self._place)
