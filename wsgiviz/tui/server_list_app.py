"""The terminal program that lists the servers of this user that run under ``wsgiviz exec``, to choose from."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from textual import on
from textual.app import App
from textual.screen import Screen

from wsgiviz.control.running import Running, none_runs, running
from wsgiviz.tui.leaving import leaving
from wsgiviz.tui.readable_theme import readable
from wsgiviz.tui.screens.server_list import ServerListScreen, ServerRow
from wsgiviz.tui.themes import WSGIVIZ

LIST_EVERY_S = 1.0


class ServerListApp(App[list[Path]]):
    """Lists them anew every second. Gives the directories of those that were chosen, or None."""

    TITLE = "wsgiviz attach"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, ascii: bool = False) -> None:
        super().__init__()
        self.register_theme(WSGIVIZ)
        self.theme = WSGIVIZ.name
        self.none_left = False
        """The last of them has ended while the list was shown."""
        self._servers = running()
        self._list = ServerListScreen([row(server) for server in self._servers], ascii)

    def get_css_variables(self) -> dict[str, str]:
        return readable(super().get_css_variables())

    def get_default_screen(self) -> Screen[Any]:
        return self._list

    def on_mount(self) -> None:
        self.set_interval(LIST_EVERY_S, self._look)

    def _look(self) -> None:
        if not self.is_running:  # the screen is being taken down
            return
        self._servers = running()
        if not self._servers:
            self.none_left = True
            self.exit(None)
            return
        self._list.show([row(server) for server in self._servers])

    @on(ServerListScreen.Chosen)
    def _chosen(self, message: ServerListScreen.Chosen) -> None:
        self.exit([server.directory for server in self._servers if str(server.directory) in message.keys])

    async def action_quit(self) -> None:
        self.exit(None)


def row(server: Running) -> ServerRow:
    about = server.about
    return ServerRow(
        str(server.directory), about.pid, server.workers, _since(about.started), about.command, about.folder
    )


def _since(started: str) -> str:
    """The local time of day; with its date where it was not today. "?" for what is no time."""
    with suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(started)
        at = (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone()
        today = at.date() == datetime.now(at.tzinfo).date()
        return at.strftime("%H:%M:%S" if today else "%b %d %H:%M")
    return "?"


def choose_servers(ascii: bool = False) -> list[Path]:
    """The directories of the servers that a person has chosen; none when they quit.

    Raises UsageError when the last server ends meanwhile.
    """
    app = ServerListApp(ascii)
    with leaving(app, lambda: None) as how:
        chosen = app.run()
    if how.ended_by:
        raise SystemExit(how.status(0))
    if app.none_left:
        raise none_runs()
    return chosen or []
