"""The black box: workers that died, of what, by whom, and which requests they took along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from wsgiviz.analysis.black_box import reports
from wsgiviz.tui.feed import Frame, Pace
from wsgiviz.tui.render.death_rows import lines
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.widgets.keys import Keys

REFRESH_S = 0.5
NONE = "No worker has died out of order, as far as the black box goes."


class DeathsScreen(ModalScreen[None]):
    """Those that the newest State knows of, the newest first."""

    CSS = """
    #deaths { width: 96%; max-width: 140; height: auto; max-height: 90%; }
    #deaths VerticalScroll { height: auto; max-height: 70vh; margin: 0 0 1 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,d,q", "dismiss(None)", "back")]

    def __init__(self, frame: Frame, glyphs: Glyphs) -> None:
        super().__init__()
        self._frame = frame
        self._glyphs = glyphs
        self._pace = Pace(REFRESH_S)

    def compose(self) -> ComposeResult:
        with Vertical(id="deaths", classes="dialog"):
            yield Static("Deaths of workers", classes="title", markup=False)
            with VerticalScroll():
                yield Static("", id="reports", markup=False)
            yield Keys([("up down", "scroll"), ("escape", "back")], None, "keys")

    def on_mount(self) -> None:
        self.set_class(self._glyphs.name == "ascii", "ascii")
        self._update()

    def show(self, frame: Frame) -> None:
        self._frame = frame
        if self.is_mounted and self._pace.due(frame.shown_s):
            self._update()

    def _update(self) -> None:
        words = "\n\n".join(self._deaths()) or NONE
        self.query_one("#reports", Static).update(Content(words))

    def _deaths(self) -> Iterator[str]:
        state, several = self._frame.state, len(self._frame.state.side_names) > 1
        found = [(side, one) for side in state.sides.values() for one in reports(side)]
        for side, one in sorted(found, key=lambda pair: -pair[1].at_ns):
            first, *rest = lines(one, self._frame.now_ns, self._glyphs.name == "ascii")
            yield "\n".join([f"{first} ({side.kind}, pid {side.server.pid})" if several else first, *rest])
