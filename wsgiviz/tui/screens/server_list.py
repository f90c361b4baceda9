"""The servers that can be attached to: one is opened, or two are marked and opened side by side."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from wsgiviz.printable import printable
from wsgiviz.tui.render.words import counted
from wsgiviz.tui.widgets.keys import Hint, Keys

PANES = 2
"""So many are shown side by side."""

HINTS: list[Hint] = [("enter", "open"), ("space", "mark for a second pane"), ("escape", "quit")]
COMMAND_LINES_SHOWN = 2000


class ServerRow(NamedTuple):
    """A server that runs: ``key`` says which one it is, ``pid`` ran the ``command`` in ``folder``, ``since``: a time
    in words. What the command says is its own: it may hold anything."""

    key: str
    pid: int
    workers: int
    since: str
    command: tuple[str, ...]
    folder: str


class ServerListScreen(Screen[None]):
    """The list; what is chosen goes up as `Chosen`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.quit", "quit"),
        Binding("space", "mark", "mark"),
    ]

    class Chosen(Message):
        """These are to be opened: the keys of one or two."""

        def __init__(self, keys: Sequence[str]) -> None:
            super().__init__()
            self.keys = tuple(keys)

    def __init__(self, rows: Sequence[ServerRow], ascii_only: bool) -> None:
        super().__init__()
        self._rows = tuple(rows)
        self._ascii_only = ascii_only
        self._marked: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(id="servers", classes="dialog"):
            yield Static("Which server?", classes="title", markup=False)
            yield Static(f"  {'pid':>8}  {'workers':>7}  {'since':<12}  command", id="columns", markup=False)
            yield OptionList(markup=False, compact=True)
            yield Static("", id="chosen", markup=False)
            yield Keys(HINTS, None, "keys")

    def on_mount(self) -> None:
        self.set_class(self._ascii_only, "ascii")
        self._list()

    def show(self, rows: Sequence[ServerRow]) -> None:
        """The servers that run now; the highlight stays with its own."""
        if self.is_mounted and tuple(rows) != self._rows:
            before = self._highlighted()
            self._rows = tuple(rows)
            self._marked = [key for key in self._marked if any(row.key == key for row in rows)]
            self._list(before)

    def _list(self, before: ServerRow | None = None) -> None:
        listed = self.query_one(OptionList)
        at = next((at for at, row in enumerate(self._rows) if before and row.key == before.key), None)
        at = listed.highlighted if at is None else at
        listed.set_options([Option(self._row(row)) for row in self._rows])
        listed.highlighted = min(at or 0, len(self._rows) - 1) if self._rows else None
        self._say()

    def _row(self, row: ServerRow) -> Content:
        mark = ("x" if self._ascii_only else "✓") if row.key in self._marked else " "
        command = self._safe(shlex.join(row.command))
        return Content(f"{mark} {row.pid:>8}  {row.workers:>7}  {row.since:<12}  {command}").truncate(
            COMMAND_LINES_SHOWN
        )

    def _safe(self, text: str) -> str:
        return printable(text, self._ascii_only)

    def _highlighted(self) -> ServerRow | None:
        at = self.query_one(OptionList).highlighted
        return self._rows[at] if at is not None and at < len(self._rows) else None

    def _say(self) -> None:
        """Where the highlighted one runs; its command is whole here."""
        row = self._highlighted()
        if row is None:
            return
        words = f"{shlex.join(row.command)}\nin {row.folder}, {counted(row.workers, 'worker', 'workers')}"
        if len(self._marked) == PANES:
            words += f"\n{PANES} are marked: enter opens them side by side."
        self.query_one("#chosen", Static).update("\n".join(self._safe(line) for line in words.splitlines()))

    def on_option_list_option_highlighted(self) -> None:
        self._say()

    def action_mark(self) -> None:
        """Mark the highlighted one, or no longer; with too many marked, the first one marked is no longer."""
        row = self._highlighted()
        if row is None:
            return
        if row.key in self._marked:
            self._marked.remove(row.key)
        else:
            self._marked = [*self._marked, row.key][-PANES:]
        self._list(row)

    def on_option_list_option_selected(self) -> None:
        """The marked ones, with the highlighted one where there is room for it; in the order of the list."""
        row = self._highlighted()
        if row is None:
            return
        chosen = {*self._marked, *([row.key] if len(self._marked) < PANES else [])}
        self.post_message(self.Chosen([each.key for each in self._rows if each.key in chosen]))
