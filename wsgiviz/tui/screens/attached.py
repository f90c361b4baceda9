"""The live screen on servers that somebody else runs: nothing is fired, and what is sent to them is confirmed."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from wsgiviz.analysis.signals import of_worker, why_none
from wsgiviz.state import Side, Slot
from wsgiviz.tui import intents
from wsgiviz.tui.screens.bindings import ATTACHED_HINTS, CONTROL, LOOKS_BACK, STAGE_HINTS, VIEW, keys_of
from wsgiviz.tui.screens.live import LiveScreen
from wsgiviz.tui.widgets.keys import Hint, Keys

if TYPE_CHECKING:
    from wsgiviz.tui.screens.signals import Signalling

NOBODY = "No process of the server records yet."
SIGNALS_AT = 4
"""Where among the hints those of signals stand."""

BLACK_BOX: list[BindingType] = [
    Binding("d", "deaths", "deaths", tooltip="Workers that died: of what, and with which requests"),
]

SIGNALS: list[BindingType] = [
    Binding("k", "signal", "signal", tooltip="Send a signal to a worker or a master, once you have confirmed it"),
    Binding("plus,equals_sign", "signal_master('plus')", "add worker", tooltip="TTIN to the master, once confirmed"),
    Binding("minus", "signal_master('minus')", "remove worker", tooltip="TTOU to the master, once confirmed"),
    Binding("r", "signal_master('r')", "reload", tooltip="HUP to the master, once confirmed"),
]

NOT_ASKED = sorted(set(keys_of(CONTROL)) - set(keys_of([*LOOKS_BACK, *SIGNALS])))
"""Keys that ask something of servers of ours; here they say that these are not."""

SIGNAL_HINTS: list[Hint] = [("k", "signal"), ("+ -", "workers"), ("r", "reload")]


class AttachedScreen(LiveScreen, inherit_bindings=False):
    """The live screen without the keys that ask something of the servers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *LOOKS_BACK,
        *SIGNALS,
        *BLACK_BOX,
        *VIEW[:-1],
        Binding("q", "app.quit", "quit", tooltip="Detach, and quit: the servers go on"),
        Binding(",".join(NOT_ASKED), "not_asked", "", show=False),
    ]
    HINTS: ClassVar[Sequence[Hint]] = ATTACHED_HINTS
    STAGE_HINTS: ClassVar[Sequence[Hint]] = STAGE_HINTS[1:]

    def action_not_asked(self) -> None:
        self.post_message(intents.AskServers())

    def action_deaths(self) -> None:
        from wsgiviz.tui.screens.deaths import DeathsScreen

        self.app.push_screen(DeathsScreen(self.frame, self.glyphs))

    # --- signals ----------------------------------------------------------------------------------------------------

    @property
    def _sides(self) -> list[Side]:
        state = self.frame.state
        return [state.sides[name] for name in state.side_names]

    def _draw(self) -> None:
        super()._draw()
        self._show_keys()

    def _show_keys(self) -> None:
        """Those of signals only where they do something."""
        hints = self.STAGE_HINTS if self.stage else self.HINTS
        if not self.stage and any(of_worker(side) for side in self._sides):
            hints = [*hints[:SIGNALS_AT], *SIGNAL_HINTS, *hints[SIGNALS_AT:]]
        self.query_one(Keys).show(hints)

    def _choose_worker(self, chosen: Slot | None = None) -> None:
        """From all processes; a click on a lane chooses its worker."""
        self._choose(chosen[0] if chosen is not None else self._some_worker())

    def _some_worker(self) -> int:
        return next((worker.pid for side in self._sides for worker in side.server.living()), 0)

    def _choose(self, pid: int) -> None:
        if not any(of_worker(side) for side in self._sides):
            self.post_message(intents.SayWhy(why_none(self._sides[0]) if self._sides else NOBODY))
            return
        from wsgiviz.tui.screens.signals import SignalsScreen

        self.app.push_screen(SignalsScreen(self.frame, self.glyphs, pid), self._ask)

    def _ask(self, wanted: Signalling | None) -> None:
        if wanted is not None:
            self.post_message(intents.AskToSignal(*wanted))

    def action_signal(self) -> None:
        self._choose_worker()

    def action_signal_master(self, key: str) -> None:
        """To the only master there is; else it is chosen."""
        from wsgiviz.tui.screens.signals import Signalling, masters

        found = masters(self.frame.state, key)
        if len(found) == 1:
            [(side, pid, offer)] = found
            self._ask(Signalling(side.name, pid, signal.Signals[offer.signal], offer.effect))
        elif key == "minus" and not found and any(of_worker(side) for side in self._sides):
            self.post_message(intents.SayWhy("One worker is the least that a master keeps."))
        else:
            self._choose(found[0][1] if found else 0)
