"""All workers, what each is at, and the signals that end one."""

from __future__ import annotations

import signal
import time
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from wsgiviz.model.state import Picture, Side, Slot, Worker
from wsgiviz.session import Session
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.words import name_of, running

REFRESH_S = 0.25

Ending = tuple[str, int, signal.Signals]
"""Side, pid, and what to send it."""


class WorkersScreen(ModalScreen[Ending | None]):
    """Gives the worker that shall be ended and the signal for it, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "back"),
        Binding("t,enter", "end('SIGTERM')", "TERM", priority=True),
        Binding("k", "end('SIGKILL')", "KILL"),
    ]

    def __init__(self, session: Session, glyphs: Glyphs, chosen: Slot | None = None) -> None:
        super().__init__()
        self._session = session
        self._glyphs = glyphs
        self._chosen = chosen
        self._shown: list[tuple[str, Slot]] = []

    def compose(self) -> ComposeResult:
        with Vertical(id="workers", classes="dialog"):
            yield Static("Workers", classes="title")
            yield OptionList(markup=False)
            keys = "t TERM: it finishes its request   k KILL: at once   escape back"
            yield Static(keys, classes="keys", markup=False)

    def on_mount(self) -> None:
        self.set_class(self._glyphs.name == "ascii", "ascii")
        self._refresh()
        keys = [key for _, key in self._shown]
        if self._chosen in keys:
            self.query_one(OptionList).highlighted = keys.index(self._chosen)
        self.set_interval(REFRESH_S, self._refresh)

    def _refresh(self) -> None:
        """The list as it is now; the highlight stays with its worker."""
        picture, listed = self._session.picture, self.query_one(OptionList)
        before = self._highlighted()
        rows = [(side, worker) for side in picture.sides.values() for worker in side.living()]
        self._shown = [(side.name, worker.key) for side, worker in rows]
        listed.set_options([Option(self._row(side, worker)) for side, worker in rows])
        if self._shown:
            listed.highlighted = self._shown.index(before) if before in self._shown else 0

    def _row(self, side: Side, worker: Worker) -> Content:
        number = f"{worker.number}.{worker.slot}" if worker.slot else str(worker.number)
        lasts = running((time.monotonic_ns() - worker.since_ns) / 1e9)
        doing = f"{self._glyphs.doing[worker.doing]} {worker.doing.value} {lasts}"
        if side.is_loop:
            doing = f"{len(side.in_app())} requests on its loop"
        held = f" on {name_of(worker.req)}" if worker.req else ""
        size = f"{worker.rss_bytes / 1e6:.0f} MB" if worker.rss_bytes else ""
        share = f"{worker.cpu_permille / 10:.0f} % CPU" if worker.rss_bytes else ""
        words = f" {side.kind:<8}{number:>5}  pid {worker.pid:<8}{size:>7} {share:>9}  {doing}{held}"
        return Content(words)

    def _highlighted(self) -> tuple[str, Slot] | None:
        at = self.query_one(OptionList).highlighted
        return self._shown[at] if at is not None and at < len(self._shown) else None

    def action_end(self, name: str) -> None:
        chosen = self._highlighted()
        self.dismiss((chosen[0], chosen[1][0], signal.Signals[name]) if chosen else None)


def told_end(picture: Picture, side: str, pid: int) -> str | None:
    """In words, that a worker has ended and how; None while it lives."""
    slots = [worker for worker in picture.sides[side].workers.values() if worker.pid == pid]
    if any(worker.alive for worker in slots):
        return None
    how = {"exit": "has gone in order", "timeout": "was killed by its master for its timeout"}
    cause = slots[0].died_of if slots else "exit"
    number = slots[0].number if slots else "?"
    held = [name_of(worker.req) for worker in slots if worker.req and cause != "exit"]
    return f"Worker {number} {how.get(cause, 'was killed')}" + (f"; {', '.join(held)} died with it." if held else ".")
