"""The processes of servers that somebody else runs, and the signals that can be sent to each."""

from __future__ import annotations

import signal
import textwrap
from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from wsgiviz.analysis.signals import Offer, of_master, of_worker
from wsgiviz.state import Side, Slot, State
from wsgiviz.tui.feed import Frame, Pace
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.screens.workers import REFRESH_S, worker_words
from wsgiviz.tui.widgets.keys import KEY_NAMES, Hint, Keys

MOST_CELLS, SHARE, EDGES = 110, 90, 4
"""Of a dialog: its width at most, and in percent of the screen's; border and padding of both sides. (app.tcss)"""


class Signalling(NamedTuple):
    """Which signal to which process of which side; ``effect``: what it does, a clause."""

    side: str
    pid: int
    number: signal.Signals
    effect: str


class Addressed(NamedTuple):
    """A process in the list; ``key`` is a worker's, None of a master."""

    side: str
    pid: int
    key: Slot | None
    words: str
    offers: tuple[Offer, ...]


def addressed(state: State, glyphs: Glyphs, now_ns: int) -> Iterator[Addressed]:
    """Each process that a signal can be sent to, a side's masters first; of a process with slots the first."""
    for name in state.side_names:
        side = state.sides[name]
        for pid in side.server.masters if of_master(side) else ():
            yield Addressed(name, pid, None, f" {side.kind:<8}master pid {pid}", of_master(side))
        seen: set[int] = set()
        for worker in side.server.living() if of_worker(side) else ():
            if worker.pid not in seen:
                seen.add(worker.pid)
                yield Addressed(
                    name, worker.pid, worker.key, worker_words(side, worker, now_ns, glyphs), of_worker(side)
                )


class SignalsScreen(ModalScreen[Signalling | None]):
    """Gives the signal that a person wants to send, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "back"),
        Binding("t", "send('t')", "TERM"),
        Binding("k", "send('k')", "KILL"),
        Binding("plus,equals_sign", "send('plus')", "TTIN"),
        Binding("minus", "send('minus')", "TTOU"),
        Binding("r", "send('r')", "HUP"),
    ]

    def __init__(self, frame: Frame, glyphs: Glyphs, pid: int = 0) -> None:
        super().__init__()
        self._frame = frame
        self._glyphs = glyphs
        self._first = pid
        self._pace = Pace(REFRESH_S)
        self._shown: list[Addressed] = []

    def compose(self) -> ComposeResult:
        with Vertical(id="workers", classes="dialog"):
            yield Static("Send a signal to", classes="title", markup=False)
            yield OptionList(markup=False)
            yield Static("", id="offers", markup=False)
            yield Keys([], None, "keys")

    def on_mount(self) -> None:
        self.set_class(self._glyphs.name == "ascii", "ascii")
        self._list(self._first)

    def show(self, frame: Frame) -> None:
        self._frame = frame
        if self.is_mounted and self._pace.due(frame.shown_s):
            chosen = self._highlighted
            self._list(chosen.pid if chosen is not None else 0)

    def _list(self, pid: int) -> None:
        """The processes as they are now; the highlight stays with its own."""
        listed = self.query_one(OptionList)
        self._shown = list(addressed(self._frame.state, self._glyphs, self._frame.now_ns))
        listed.set_options([Option(Content(one.words)) for one in self._shown])
        if self._shown:
            listed.highlighted = next((at for at, one in enumerate(self._shown) if one.pid == pid), 0)
        self._offer()

    @property
    def _highlighted(self) -> Addressed | None:
        at = self.query_one(OptionList).highlighted
        return self._shown[at] if at is not None and at < len(self._shown) else None

    def on_option_list_option_highlighted(self) -> None:
        self._offer()

    def on_resize(self) -> None:
        self._offer()

    @property
    def _room(self) -> int:
        """Cells of a line in the dialog."""
        return min(MOST_CELLS, self.size.width * SHARE // 100) - EDGES

    def _offer(self) -> None:
        """What can be sent to the highlighted one."""
        chosen = self._highlighted
        offers: Sequence[Offer] = chosen.offers if chosen is not None else ()
        lines = "\n".join(described(one, self._room) for one in offers)
        self.query_one("#offers", Static).update(lines or "No process is left.")
        keys: list[Hint] = [(KEY_NAMES.get(one.key, one.key), one.signal.removeprefix("SIG")) for one in offers]
        self.query_one(Keys).show([*keys, ("escape", "back")])

    def action_send(self, key: str) -> None:
        chosen = self._highlighted
        offer = next((one for one in chosen.offers if one.key == key), None) if chosen is not None else None
        if chosen is not None and offer is not None:
            self.dismiss(Signalling(chosen.side, chosen.pid, signal.Signals[offer.signal], offer.effect))


def described(offer: Offer, width: int) -> str:
    """The signal and what it does, in lines of ``width`` cells that begin below each other."""
    name = f" {offer.signal.removeprefix('SIG'):<5} "
    return textwrap.fill(
        offer.effect, max(width, 2 * len(name)), initial_indent=name, subsequent_indent=" " * len(name)
    )


def masters(state: State, key: str) -> list[tuple[Side, int, Offer]]:
    """The masters that take the signal of that key."""
    sides = [state.sides[name] for name in state.side_names]
    return [
        (side, pid, offer)
        for side in sides
        for offer in of_master(side)
        if offer.key == key
        for pid in side.server.masters
    ]
