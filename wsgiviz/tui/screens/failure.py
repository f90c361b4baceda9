"""What went wrong, and the fix."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from wsgiviz.printable import printable
from wsgiviz.state import Failure
from wsgiviz.tui.widgets.keys import Keys

KEYS = [("space", "try again"), ("o", "options"), ("s", "scenario"), ("l", "logs"), ("escape", "back"), ("q", "quit")]
RECORDED_KEYS = [("escape", "back"), ("l", "logs"), ("q", "quit")]


class FailureScreen(ModalScreen[str | None]):
    """Gives the action of the live screen that a person chose, or None.

    Its words may come from an app, so they are shown as they are, and harmless. In a recording there is nothing to
    try again.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "back"),
        Binding("space", "leave('fire')", "try again"),
        Binding("o", "leave('form')", "options"),
        Binding("s", "leave('pick')", "scenario"),
        Binding("l", "leave('logs')", "logs"),
        Binding("q", "app.quit", "quit"),
    ]

    def __init__(self, failure: Failure, ascii_only: bool, recorded: bool = False) -> None:
        super().__init__()
        self._failure = failure
        self._ascii_only = ascii_only
        self._recorded = recorded

    def compose(self) -> ComposeResult:
        failure = self._failure
        with Vertical(id="failure", classes="dialog"):
            yield Static(self._safe(failure.message), id="message", markup=False)
            if failure.hint:
                yield Static(self._safe(failure.hint), markup=False)
            if failure.detail:
                with VerticalScroll():
                    yield Static(Content("\n" + self._safe(failure.detail)), id="detail", markup=False)
            yield Keys(RECORDED_KEYS if self._recorded else KEYS, None, "keys")

    def on_mount(self) -> None:
        self.set_class(self._ascii_only, "ascii")

    def _safe(self, text: str) -> str:
        return "\n".join(printable(line.expandtabs(4), self._ascii_only) for line in text.splitlines())

    def action_leave(self, action: str) -> None:
        """Go on to another screen, or try again."""
        if not self._recorded or action == "logs":
            self.dismiss(action)
