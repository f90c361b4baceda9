"""The runs of a session: what differed between them, how long each took, and two of them compared in a line."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from wsgiviz.analysis.session_runs import difference, verdicts
from wsgiviz.printable import printable
from wsgiviz.state import RunSummary
from wsgiviz.tui.feed import Frame
from wsgiviz.tui.render.fitting import fitted
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.widgets.keys import Keys
from wsgiviz.tui.widgets.run_list import RunList

NONE_YET = "No run has finished yet."

DIFFERENCE_LINES, VERDICT_LINES = 3, 3

WIDE, MOST_WIDE, EDGES = 0.96, 200, 4
"""The dialog's width as a share of the screen's, its limit, and the cells of its border and padding."""

OTHER_LINES = 12
"""Lines of the dialog and the screen that are not the list's."""


class RunsScreen(ModalScreen[None]):
    """The runs of the newest State."""

    CSS = """
    #runs { width: 96%; max-width: 200; height: auto; max-height: 96%; }
    #runs #difference { height: auto; max-height: 3; margin: 1 0 0 0; color: $foreground; text-style: bold; }
    #runs #verdict { height: auto; max-height: 3; color: $foreground; }
    #runs .keys { dock: none; margin: 1 0 0 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,h,q", "dismiss(None)", "back"),
        Binding("space,enter", "mark", "compare with this one"),
    ]

    def __init__(self, frame: Frame, glyphs: Glyphs) -> None:
        super().__init__()
        self._frame = frame
        self._glyphs = glyphs
        self._list = RunList(glyphs)
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        with Vertical(id="runs", classes="dialog"):
            yield Static("Runs of this session", classes="title")
            yield self._list
            yield Static("", id="difference", markup=False)
            yield Static("", id="verdict", markup=False)
            yield Keys([("up down", "choose"), ("space", "compare with this one"), ("escape", "back")], None, "keys")

    def on_mount(self) -> None:
        self.set_class(self._glyphs.name == "ascii", "ascii")
        self._list.focus()
        self._update()

    def on_resize(self) -> None:
        self._fit()
        self._say()

    def show(self, frame: Frame) -> None:
        """Take in what is new."""
        self._frame = frame
        if self.is_mounted and (frame.state.runs, frame.occurrences.verdicts) != self._shown:
            self._update()

    def _update(self) -> None:
        state, occurrences = self._frame.state, self._frame.occurrences
        self._shown = state.runs, occurrences.verdicts
        self._list.show(state.runs, occurrences)
        self._fit()
        self._say()

    def _fit(self) -> None:
        lines = len(self._frame.state.runs) + 1
        self._list.styles.height = max(2, min(lines, self.size.height - OTHER_LINES))

    def _say(self) -> None:
        """The chosen run against another, and the verdict on it."""
        chosen, compared = self._list.chosen, self._list.compared
        if chosen is None:
            words = NONE_YET
        elif compared is None:
            words = "The first run: there is none before it to compare with."
        else:
            words = difference(compared, chosen, self._frame.occurrences)
        self.query_one("#difference", Static).update(self._text(words, DIFFERENCE_LINES))
        self.query_one("#verdict", Static).update(self._text(self._why(chosen), VERDICT_LINES))

    def _why(self, run: RunSummary | None) -> str:
        found = verdicts(self._frame.occurrences).get(run.run) if run is not None else None
        return " ".join(filter(None, (found.because, found.change))) if found is not None else ""

    def _text(self, words: str, lines: int) -> Content:
        """As much as so many lines hold, by clauses."""
        width = int(min(MOST_WIDE, self.size.width * WIDE)) - EDGES
        return Content(fitted(printable(words, self._glyphs.name == "ascii"), width, lines, self._glyphs.ellipsis))

    def on_run_list_chosen(self) -> None:
        self._say()

    def action_mark(self) -> None:
        self._list.mark()
        self._say()
