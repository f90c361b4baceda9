"""`wsgiviz notes`: follows the lesson on this machine, for whoever speaks about it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from textual.app import App
from textual.screen import Screen

from wsgiviz.errors import WsgivizError
from wsgiviz.tui.lesson.position import folder, read_position
from wsgiviz.tui.screens.notes import NotesScreen
from wsgiviz.tui.themes import WSGIVIZ

FOLLOW_S = 0.25
"""A step is shown here so soon after it is shown there, at the latest."""


class NotesApp(App[int]):
    """Reads the position a few times a second, and shows it."""

    TITLE = "wsgiviz notes"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, place: Path, ascii: bool = False) -> None:
        super().__init__()
        self.register_theme(WSGIVIZ)
        self.theme = WSGIVIZ.name
        self._place = place
        self._notes = NotesScreen(ascii)

    def get_default_screen(self) -> Screen[Any]:
        return self._notes

    def on_mount(self) -> None:
        self._follow()
        self.set_interval(FOLLOW_S, self._follow)

    def _follow(self) -> None:
        if not self.is_running:  # the screen is being taken down
            return
        try:
            position = read_position(self._place)
        except WsgivizError as error:
            self._notes.show(None, 0.0, f"{error.message}. {error.hint}".strip())
            return
        self._notes.show(position, position.timer_s(time.monotonic()) if position is not None else 0.0)

    async def action_quit(self) -> None:
        self.exit(0)


def run_notes(ascii: bool = False) -> int:
    """Follow the lesson until the person quits. Gives the exit status. Raises WsgivizError: no private folder."""
    from wsgiviz.tui.leaving import leaving

    app = NotesApp(folder(), ascii)
    with leaving(app, lambda: None) as how:
        app.run()
    return how.status(app.return_code or 0)
