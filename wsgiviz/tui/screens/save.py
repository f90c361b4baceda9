"""Where to save the run."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from wsgiviz.printable import printable
from wsgiviz.state import State
from wsgiviz.tui.widgets.keys import Keys


class SaveScreen(ModalScreen[Path | None]):
    """Gives the file to write, or None. One that is there already is given only when that is confirmed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "back")]

    def __init__(self, state: State, ascii_only: bool) -> None:
        super().__init__()
        self._default = default_name(state)
        self._ascii_only = ascii_only
        self._confirmed: Path | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="save", classes="dialog"):
            yield Static("Save this run as a recording", classes="title")
            yield Input(self._default, id="file", select_on_focus=False, compact=True)
            yield Static("", id="problem", markup=False)
            yield Keys([("enter", "save"), ("escape", "back")], None, "keys")

    def on_mount(self) -> None:
        self.set_class(self._ascii_only, "ascii")

    def on_input_changed(self) -> None:
        self._confirmed = None
        self._say("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        try:
            path = Path(event.value.strip()).expanduser()
            problem = self._problem(path)
        except (OSError, ValueError, RuntimeError):  # too long, a null, the home of nobody
            problem = "a file can't have this name"
        if problem:
            self._say(problem)
        else:
            self.dismiss(path)

    def _problem(self, path: Path) -> str:
        try:
            found = os.stat(
                path
            )  # raises where no file can have that name: Path.exists does so no more in Python 3.14
        except (FileNotFoundError, NotADirectoryError):
            folder = path.parent
            return "" if folder.is_dir() else f"there is no folder {printable(str(folder), self._ascii_only)}"
        if stat.S_ISDIR(found.st_mode):
            return "this is a folder: give a file's name"
        if path != self._confirmed:
            self._confirmed = path
            return "this file is there already: press enter again to replace it"
        return ""

    def _say(self, problem: str) -> None:
        self.query_one("#problem", Static).update(problem)


def default_name(state: State) -> str:
    """ "wsgiviz-sleep-20261125-034821.wviz": what is run, and when the program began."""
    settings = state.settings
    what = "attached" if state.attached else "app" if settings.own_app else settings.scenario
    when = re.sub(r"\D", "", state.started[:19])
    when = f"-{when[:8]}-{when[8:]}" if len(when) == 14 else ""
    return f"wsgiviz-{what}{when}.wviz"


def size_words(path: Path) -> str:
    """How large a file is."""
    try:
        size = path.stat().st_size
    except OSError:
        return "gone by now"
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
