"""Every request in a table: sorted as one likes, followed, and opened in the inspector."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import DataTable, Static

from wsgiviz.state import State
from wsgiviz.tui.feed import Frame, Pace
from wsgiviz.tui.ledger_entries import LedgerEntries
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.screens.inspector import InspectorScreen
from wsgiviz.tui.screens.request_table import COLUMNS, RequestTable
from wsgiviz.tui.widgets.keys import Keys

UPDATE_S = 0.25
REST_S_PER_ROW = 1e-4
"""A table of 10,000 rows takes a part of a second to put in order: it is brought up to date once a second."""


class LedgerScreen(Screen[int | None]):
    """The requests of the newest State. Gives the request to follow in the panes, or None."""

    CSS = """
    LedgerScreen { layout: vertical; }
    LedgerScreen #about { height: 1; padding: 0 1; background: $background; color: $foreground; }
    LedgerScreen RequestTable { height: 1fr; scrollbar-size-horizontal: 0; }
    LedgerScreen.ascii RequestTable { scrollbar-size: 0 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "back"),
        Binding("tab", "side", "side", tooltip="Requests of both sides, or of one"),
        Binding("f", "follow", "follow", tooltip="Mark this request in every pane"),
        Binding("s", "sort_next", "sort", tooltip="Sort by the next column"),
        *[Binding(str(n), f"sort({n - 1})", f"by {COLUMNS[n - 1].name}", show=False) for n in range(1, 10)],
    ]

    def __init__(self, frame: Frame, glyphs: Glyphs) -> None:
        super().__init__(id="ledger")
        self._frame = frame
        self._glyphs = glyphs
        self._side = ""
        self._shown: State | None = None
        self._pace = Pace(UPDATE_S)
        self._entries = LedgerEntries()
        self._table = RequestTable(glyphs)

    def compose(self) -> ComposeResult:
        yield Static("", id="about", markup=False)
        yield self._table
        yield Keys([("enter", "inspect"), ("f", "follow"), ("tab", "side"), ("1-9 s", "sort"), ("escape", "back")])

    def on_mount(self) -> None:
        self.set_class(self._glyphs.name == "ascii", "ascii")
        self._table.focus()
        self._update()

    def show(self, frame: Frame) -> None:
        """Take in what is new."""
        self._frame = frame
        rest_s = self._table.row_count * REST_S_PER_ROW
        if self.is_mounted and frame.state is not self._shown and self._pace.due(frame.shown_s, rest_s):
            self._update()

    def _update(self) -> None:
        self._shown = self._frame.state
        changed, gone = self._entries.update(self._shown)
        self._table.show([entry for entry in changed if self._side in ("", entry.side)], gone)
        self._say()

    def _say(self) -> None:
        """The line above: how many, of which side, in which order."""
        table = self._table
        order = "descending" if table.descending else "ascending"
        place = f"{table.cursor_row + 1 if table.row_count else 0} of {table.row_count}"
        words = f"  {place}   {self._side or 'both sides'}   by {COLUMNS[table.sorted_by].name}, {order}"
        line = Content.assemble(("Requests", "bold $foreground"), words)
        self.query_one("#about", Static).update(line, layout=False)

    def on_data_table_row_highlighted(self) -> None:
        self._say()

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        self.action_sort(event.column_index)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        key = self._table.key_of(event.row_key)
        if key is not None:
            self.app.push_screen(InspectorScreen(self._frame, *key, self._glyphs))

    def action_sort(self, column: int) -> None:
        self._table.sort_by(column)
        self._say()

    def action_sort_next(self) -> None:
        self.action_sort((self._table.sorted_by + 1) % len(COLUMNS))

    def action_side(self) -> None:
        sides = self._frame.state.sides.values()
        names = ["", *[side.name for side in sides if side.run.number or side.server.workers]]
        self._side = names[(names.index(self._side) + 1) % len(names)] if self._side in names else ""
        current = self._table.current
        self._table.forget()
        self._table.show(entry for entry in self._entries.entries() if self._side in ("", entry.side))
        self._table.find(current)
        self._say()

    def action_follow(self) -> None:
        key = self._table.current
        if key is not None:
            self.dismiss(key[1])
