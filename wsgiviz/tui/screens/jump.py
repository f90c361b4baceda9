"""Where to jump to in what is played back: a time, a request, or a mark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from wsgiviz.log import Mark
from wsgiviz.tui.feed import Frame, Pace, Playhead
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.mark_words import mark_line
from wsgiviz.tui.widgets.keys import Keys

REFRESH_S = 0.5

EMPTY = Playhead(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Jump:
    """One of the three: a mark, the number of a request, or seconds since the run began."""

    mark: Mark | None = None
    request: int = 0
    seconds: float = 0.0


def parse_jump(text: str) -> Jump | None:
    """ "2.5" or "2.5 s" is a time, "#12" a request; None for anything else."""
    words = text.strip().removesuffix("s").strip()
    try:
        if words.startswith("#"):
            number = int(words[1:])
            return Jump(request=number) if number > 0 else None
        seconds = float(words)
    except ValueError:
        return None
    return Jump(seconds=seconds) if abs(seconds) < 1e9 else None


class JumpScreen(ModalScreen[Jump | None]):
    """Gives where to jump to, or None. What is typed comes first; without it, the mark that stands out."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "back"),
        Binding("down", "highlight(1)", "down", priority=True),
        Binding("up", "highlight(-1)", "up", priority=True),
    ]

    def __init__(self, frame: Frame, glyphs: Glyphs) -> None:
        super().__init__()
        self._frame = frame
        self._glyphs = glyphs
        self._marks: tuple[Mark, ...] = ()
        self._pace = Pace(REFRESH_S)

    def compose(self) -> ComposeResult:
        with Vertical(id="jump", classes="dialog"):
            yield Static("Jump to", classes="title")
            yield Input(placeholder="2.5 seconds, or #12 for a request", id="target", compact=True)
            yield Static("", id="problem", markup=False)
            yield OptionList(markup=False)
            yield Static("", id="search", markup=False)
            yield Keys([("enter", "jump"), ("up down", "mark"), ("escape", "back")], None, "keys")

    def on_mount(self) -> None:
        self.set_class(self._glyphs.name == "ascii", "ascii")
        self._list(self._frame)
        self.query_one(Input).focus()

    def show(self, frame: Frame) -> None:
        """Marks are found while it is open."""
        if self.is_mounted and self._pace.due(frame.shown_s):
            self._list(frame)

    def _list(self, frame: Frame) -> None:
        playhead = frame.playhead or EMPTY
        said = f"{playhead.searched:.0%} searched" if playhead.searched < 1 else ""
        self.query_one("#search", Static).update(said)
        if playhead.marks == self._marks and self._marks:
            return
        listed, self._marks = self.query_one(OptionList), playhead.marks
        at = listed.highlighted
        rows = [mark_line(mark, playhead, self._glyphs) for mark in self._marks]
        listed.set_options([Option(Content(row)) for row in rows])
        listed.highlighted = min(at or 0, len(self._marks) - 1) if self._marks else None

    def action_highlight(self, by: int) -> None:
        listed = self.query_one(OptionList)
        if self._marks:
            listed.highlighted = ((listed.highlighted or 0) + by) % len(self._marks)

    def on_input_changed(self) -> None:
        self.query_one("#problem", Static).update("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            jump = parse_jump(event.value)
            if jump is None:
                self.query_one("#problem", Static).update("give seconds since the run began, or # and a number")
            else:
                self.dismiss(jump)
        elif self._marks:
            self.dismiss(Jump(self._marks[self.query_one(OptionList).highlighted or 0]))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(Jump(self._marks[event.option_index]))
