"""The speaker's notes of the step that a lesson is at, for a second terminal."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from wsgiviz.printable import printable
from wsgiviz.tui.lesson.position import Position
from wsgiviz.tui.render.markdown import markdown_lines
from wsgiviz.tui.widgets.keys import Keys

NOBODY = "No lesson is on. Start one with wsgiviz lesson, or wsgiviz tour, in another terminal."
NO_NOTES = "There are no notes for this step."


class NotesScreen(Screen[None]):
    """Draws the position that it was handed last."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "app.quit", "quit"),
        Binding("down,pagedown,space", "scroll_notes(1)", "down"),
        Binding("up,pageup", "scroll_notes(-1)", "up"),
    ]

    def __init__(self, ascii_only: bool) -> None:
        super().__init__()
        self._ascii_only = ascii_only
        self._position: Position | None = None
        self._problem = ""
        self._timer_s = 0.0
        self._where = Static("", id="where", markup=False)
        self._words = Static("", id="notes-words", markup=False)
        self._upcoming = Static("", id="upcoming", markup=False)
        self._scrolled = VerticalScroll(self._words, id="notes-text", can_focus=False)

    def compose(self) -> ComposeResult:
        with Vertical(id="notes"):
            yield self._where
            yield self._scrolled
            yield self._upcoming
        yield Keys([("up down", "scroll"), ("q", "quit")])

    def on_mount(self) -> None:
        self.set_class(self._ascii_only, "ascii")
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def show(self, position: Position | None, timer_s: float, problem: str = "") -> None:
        """Where the lesson is, None when none is on, and what its timer shows; or why that is not known."""
        before, self._position = self._position, position
        self._timer_s, self._problem = timer_s, problem
        if self.is_mounted:
            self._draw()
            if before is not None and position is not None and before.step != position.step:
                self._scrolled.scroll_home(animate=False)

    def _draw(self) -> None:
        at = self._position
        if at is None:
            _put(self._where, Content(""))
            _put(self._words, Content(self._safe(self._problem or NOBODY)))
            _put(self._upcoming, Content(""))
            return
        timer = clock(self._timer_s) + ("" if at.running else "  paused")
        where = f"{at.step}/{at.steps}  {self._safe(at.lesson)}: {self._safe(at.title)}"
        _put(self._where, Content.assemble((timer, "bold reverse"), "  ", (where, "bold")))
        width = self._words.content_size.width or self.size.width
        lines = markdown_lines(at.notes or NO_NOTES, width, self._ascii_only)
        _put(self._words, Content("\n").join(lines))
        next_up = self._safe(at.upcoming) if at.upcoming else "this was the last step"
        _put(self._upcoming, Content.assemble(("Next  ", "bold"), next_up))

    def _safe(self, text: str) -> str:
        return printable(text, self._ascii_only)

    def action_scroll_notes(self, by: int) -> None:
        self._scrolled.scroll_relative(y=3 * by, animate=False)


def _put(widget: Static, content: Content) -> None:
    """Only what is new."""
    if widget.content != content:
        widget.update(content)


def clock(seconds: float) -> str:
    """ "12:05"; hours only where there are some."""
    minutes, rest = divmod(int(max(0.0, min(seconds, 360_000.0))), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
