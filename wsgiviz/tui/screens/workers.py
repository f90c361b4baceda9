"""All workers, what each does, and the signals that end one."""

from __future__ import annotations

import signal
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from wsgiviz.analysis.lints.wording import request_name
from wsgiviz.printable import printable
from wsgiviz.state import Side, Slot, Worker
from wsgiviz.tui.feed import Frame, Pace
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.line import shortened
from wsgiviz.tui.render.words import counted, running
from wsgiviz.tui.widgets.keys import Keys

REFRESH_S = 0.25

HINTS = [("t", "TERM: it finishes its request"), ("k", "KILL: at once"), ("escape", "back")]

LONGEST_NAME = 11
"""Of a request, so that a worker has one line in 80 columns."""

Ending = tuple[str, int, signal.Signals]
"""Side, pid, and what to send it."""


class WorkersScreen(ModalScreen[Ending | None]):
    """Gives the worker that shall be ended and the signal for it, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "back"),
        Binding("t,enter", "end('SIGTERM')", "TERM", priority=True),
        Binding("k", "end('SIGKILL')", "KILL"),
    ]

    def __init__(self, frame: Frame, glyphs: Glyphs, chosen: Slot | None = None) -> None:
        super().__init__()
        self._frame = frame
        self._glyphs = glyphs
        self._chosen = chosen
        self._pace = Pace(REFRESH_S)
        self._shown: list[tuple[str, Slot]] = []

    def compose(self) -> ComposeResult:
        with Vertical(id="workers", classes="dialog"):
            yield Static("Workers", classes="title")
            yield OptionList(markup=False)
            yield Keys(HINTS, None, "keys")

    def on_mount(self) -> None:
        self.set_class(self._glyphs.name == "ascii", "ascii")
        self._list(self._frame)
        keys = [key for _, key in self._shown]
        if self._chosen in keys:
            self.query_one(OptionList).highlighted = keys.index(self._chosen)

    def show(self, frame: Frame) -> None:
        if self.is_mounted and self._pace.due(frame.shown_s):
            self._list(frame)

    def _list(self, frame: Frame) -> None:
        """The workers as they are now; the highlight stays with its own."""
        listed, before = self.query_one(OptionList), self._highlighted()
        rows = [(side, worker) for side in frame.state.sides.values() for worker in side.server.living()]
        self._shown = [(side.name, worker.key) for side, worker in rows]
        options = [Option(Content(worker_words(side, worker, frame.now_ns, self._glyphs))) for side, worker in rows]
        listed.set_options(options)
        if self._shown:
            listed.highlighted = self._shown.index(before) if before in self._shown else 0

    def _highlighted(self) -> tuple[str, Slot] | None:
        at = self.query_one(OptionList).highlighted
        return self._shown[at] if at is not None and at < len(self._shown) else None

    def action_end(self, name: str) -> None:
        chosen = self._highlighted()
        self.dismiss((chosen[0], chosen[1][0], signal.Signals[name]) if chosen else None)


def worker_words(side: Side, worker: Worker, now_ns: int, glyphs: Glyphs) -> str:
    """A line about it."""
    number = f"{worker.number}.{worker.slot}" if worker.slot else str(worker.number)
    lasts = running((now_ns - worker.since_ns) / 1e9)
    activity = f"{glyphs.activity[worker.activity]} {worker.activity.value} {lasts}"
    if side.is_loop:
        activity = counted(len(side.in_app()), "request")
    name = printable(request_name(side, worker.req), glyphs.name == "ascii")
    held = f" on {shortened(name, LONGEST_NAME, glyphs.ellipsis)}" if worker.req else ""
    size = f"{worker.rss_bytes / 1e6:.0f} MB" if worker.rss_bytes else ""
    share = f"{worker.cpu_permille / 10:.0f} %CPU" if worker.rss_bytes else ""
    return f" {side.kind:<7}{number:>3} pid {worker.pid:<6}{size:>6} {share:>8} {activity}{held}"
