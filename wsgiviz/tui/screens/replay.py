"""The live screen on a recording: it can be played, paused and stepped through; there are no servers to ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from wsgiviz.tui import intents
from wsgiviz.tui.screens.bindings import CONTROL, PLAYBACK, REPLAY_HINTS, VIEW, keys_of
from wsgiviz.tui.screens.live import LiveScreen
from wsgiviz.tui.widgets.keys import Hint

NO_SERVERS = sorted(set(keys_of(CONTROL)) - set(keys_of(PLAYBACK)))
"""Keys that do something on the live screen and nothing here; they say so."""


class ReplayScreen(LiveScreen, inherit_bindings=False):
    """The live screen with the keys of a recording."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *PLAYBACK,
        *VIEW,
        Binding(",".join(NO_SERVERS), "no_servers", "", show=False),
    ]
    HINTS: ClassVar[Sequence[Hint]] = REPLAY_HINTS

    def action_toggle_playback(self) -> None:
        self.post_message(intents.TogglePlayback())

    def action_step(self, by: int) -> None:
        self.post_message(intents.StepPlayback(by))

    def action_restart(self) -> None:
        self.post_message(intents.Restart())

    def action_to_end(self) -> None:
        self.post_message(intents.ToEnd())

    def action_no_servers(self) -> None:
        self.post_message(intents.AskServers())
