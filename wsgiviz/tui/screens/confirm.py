"""Asks whether a signal shall be sent to a process of somebody else's server. Only `y` says yes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from wsgiviz.printable import printable
from wsgiviz.tui.widgets.keys import Keys

SHOWN = 300


class ConfirmScreen(ModalScreen[bool]):
    """Gives True where a person said yes. ``what``: the signal and its addressee; ``effect``: what it does, a clause;
    ``command``: what the process runs, which may be anything."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "send it"),
        Binding("escape,enter,n,q,space", "dismiss(False)", "no"),
    ]

    def __init__(self, what: str, effect: str, command: Sequence[str], ascii_only: bool) -> None:
        super().__init__()
        self._what, self._effect = what, effect
        self._command = printable(shlex.join(command), ascii_only)
        self._ascii_only = ascii_only

    def compose(self) -> ComposeResult:
        with Vertical(id="confirm", classes="dialog"):
            yield Static(f"{self._what}?", classes="title", markup=False)
            yield Static(f"{self._effect[:1].upper()}{self._effect[1:]}.", markup=False)
            if self._command:
                cut = "..." if len(self._command) > SHOWN else ""
                yield Static(f"\nThe process is {self._command[:SHOWN]}{cut}", markup=False)
            yield Keys([("y", "send it"), ("enter", "no"), ("escape", "no")], None, "keys")

    def on_mount(self) -> None:
        self.set_class(self._ascii_only, "ascii")
