"""What went wrong, and the mend."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from wsgiviz.errors import WsgivizError
from wsgiviz.tui.render.printable import printable

if TYPE_CHECKING:
    from wsgiviz.tui.app import WsgivizApp


class FailureScreen(ModalScreen[None]):
    """Shows an error; its words may come from an app, so they are shown as they are, and harmless."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "back"),
        Binding("space", "again", "try again"),
        Binding("o", "leave('form')", "options"),
        Binding("s", "leave('pick')", "scenario"),
        Binding("l", "leave('logs')", "logs"),
        Binding("q", "app.quit", "quit"),
    ]

    def __init__(self, error: WsgivizError, ascii_only: bool) -> None:
        super().__init__()
        self._error = error
        self._ascii_only = ascii_only

    def compose(self) -> ComposeResult:
        error = self._error
        with Vertical(id="failure", classes="dialog"):
            yield Static(self._safe(error.message), id="message", markup=False)
            if error.hint:
                yield Static(self._safe(error.hint), markup=False)
            if error.detail:
                with VerticalScroll():
                    yield Static(Content("\n" + self._safe(error.detail)), id="detail", markup=False)
            keys = "space try again   o options   s scenario   l logs   q quit"
            yield Static(keys, classes="keys", markup=False)

    def on_mount(self) -> None:
        self.set_class(self._ascii_only, "ascii")

    def _safe(self, text: str) -> str:
        return "\n".join(printable(line.expandtabs(4), self._ascii_only) for line in text.splitlines())

    def action_again(self) -> None:
        self.dismiss(None)
        cast("WsgivizApp", self.app).live.action_fire()

    async def action_leave(self, where: str) -> None:
        """Go on to another screen."""
        await self.dismiss(None)
        await cast("WsgivizApp", self.app).live.run_action(where)
