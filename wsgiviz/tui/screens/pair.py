"""Two recordings beside each other: one side of both, on one axis, without controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from wsgiviz.settings import Settings
from wsgiviz.tui.feed import Frame
from wsgiviz.tui.pair_view import PairView, other_of
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.screens.bindings import PLAYBACK, REPLAY_HINTS, VIEW
from wsgiviz.tui.screens.replay import ReplayScreen
from wsgiviz.tui.source import called, find_source
from wsgiviz.tui.widgets.code import CodePane
from wsgiviz.tui.widgets.keys import Hint
from wsgiviz.tui.widgets.pane import Pane

OF_ONE_RUN = ("tab,enter", "l", "h")
"""Keys of screens that show one recording, or what ran in it."""


class PairScreen(ReplayScreen, inherit_bindings=False):
    """``names`` are those of the two recordings, and ``side`` is what is shown of both."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *PLAYBACK,
        *(binding for binding in VIEW if isinstance(binding, Binding) and binding.key not in OF_ONE_RUN),
    ]
    HINTS: ClassVar[Sequence[Hint]] = [hint for hint in REPLAY_HINTS if hint[0] not in ("tab", "l", "h")]

    def __init__(self, frame: Frame, glyphs: Glyphs, names: tuple[str, str], side: str) -> None:
        super().__init__(frame, glyphs)
        self._names, self._side = names, side
        self._shown_code: tuple[object, ...] = ()

    def _view(self) -> PairView:
        viewed = self.glyphs, self.viewport, self.followed, self.by_request, self.stage
        return PairView(self.frame, *viewed, only=self._side, names=self._names)

    def _take_settings(self, settings: Settings) -> None:
        self._settings = settings
        for pane in self._panes:
            pane.display = True

    def _show_code(self) -> None:
        """The app of each recording, as its text is in it."""
        states = [frame.state for frame in (self.frame, other_of(self.frame))]
        key = tuple(found for state in states for found in (state.settings, id(state.sources)))
        if key != self._shown_code:
            self._shown_code = key
            found = [find_source(state.settings.target(self._side), state.sources, files=False) for state in states]
            self.query_one(CodePane).show(found, [called(state.settings, self._side) for state in states])

    def on_pane_worker_chosen(self, message: Pane.WorkerChosen) -> None:
        """There is nobody to send a signal to."""

    def on_pane_request_chosen(self, message: Pane.RequestChosen) -> None:
        """It is followed in both panes where both have it."""
        self.followed = message.req
