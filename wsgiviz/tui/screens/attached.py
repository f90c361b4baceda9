"""The live screen on servers that somebody else runs: nothing is fired, and nothing is sent to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from wsgiviz.state import Slot
from wsgiviz.tui import intents
from wsgiviz.tui.screens.bindings import ATTACHED_HINTS, CONTROL, LOOKS_BACK, VIEW, keys_of
from wsgiviz.tui.screens.live import LiveScreen
from wsgiviz.tui.widgets.keys import Hint

NOT_ASKED = sorted(set(keys_of(CONTROL)) - set(keys_of(LOOKS_BACK)))
"""Keys that ask something of servers of ours; here they say that these are not."""


class AttachedScreen(LiveScreen, inherit_bindings=False):
    """The live screen without the keys that ask something of the servers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *LOOKS_BACK,
        *VIEW[:-1],
        Binding("q", "app.quit", "quit", tooltip="Quit; the servers go on"),
        Binding(",".join(NOT_ASKED), "not_asked", "", show=False),
    ]
    HINTS: ClassVar[Sequence[Hint]] = ATTACHED_HINTS
    STAGE_HINTS: ClassVar[Sequence[Hint]] = ATTACHED_HINTS[-3:]

    def action_not_asked(self) -> None:
        self.post_message(intents.AskServers())

    def _choose_worker(self, chosen: Slot | None = None) -> None:
        """A click on a lane: no signal is sent to these workers."""
        self.action_not_asked()
