"""Every request in a table: sorted and filtered as one likes, followed, and opened in the inspector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import DataTable, Input, Static

from wsgiviz.analysis.entries import Entry
from wsgiviz.analysis.entry_filter import entry_filter
from wsgiviz.printable import printable
from wsgiviz.state import State
from wsgiviz.tui.feed import Frame, Pace
from wsgiviz.tui.ledger_entries import LedgerEntries
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.ledger_columns import BAR
from wsgiviz.tui.render.path_rows import path_rows
from wsgiviz.tui.screens.inspector import InspectorScreen
from wsgiviz.tui.screens.request_table import RequestTable
from wsgiviz.tui.widgets.keys import Keys
from wsgiviz.tui.widgets.row_list import RowList

UPDATE_S = 0.25
REST_S_PER_ROW = 1e-4
"""A table of 10,000 rows takes a part of a second to put in order: it is brought up to date once a second."""

FILTERED_AT_ONCE = 2_000
"""With more rows than these a filter is applied when it is entered, and not with each letter."""

PATHS_SHARE = 3
"""Of the screen's lines, paths take one in so many at most."""

HINTS = [
    ("enter", "inspect"), ("f", "follow"), ("/", "filter"), ("tab", "side"), ("s", "sort"), ("escape", "back"),
]  # fmt: skip

HINTS_OF_FILTER = [("enter", "keep it"), ("escape", "without it")]
"""While it is typed, letters are its own."""

PLACEHOLDER = "wsgi  failed  open  500  4xx  #17  /path  text; -word: without it"


class LedgerScreen(Screen[int | None]):
    """The requests of the newest State. Gives the request to follow in the panes, or None."""

    CSS = """
    LedgerScreen { layout: vertical; }
    LedgerScreen #about { height: 1; padding: 0 1; background: $background; color: $foreground; }
    LedgerScreen #paths { margin: 0 0 1 0; padding: 0 1; }
    LedgerScreen #filter { height: 1; border: none; padding: 0 1; background: $panel; display: none; }
    LedgerScreen.filtering #filter { display: block; }
    LedgerScreen RequestTable { height: 1fr; scrollbar-size-horizontal: 0; }
    LedgerScreen.ascii RequestTable { scrollbar-size: 0 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "dismiss(None)", "back"),
        Binding("escape", "back", "back"),
        Binding("slash", "filter", "filter", tooltip="Only requests of a side, status or path, or that failed"),
        Binding("tab", "side", "side", tooltip="Requests of both sides, or of one"),
        Binding("f", "follow", "follow", tooltip="Mark this request in every pane"),
        Binding("s", "sort_next", "sort", tooltip="Sort by the next column"),
        *[Binding(str(n), f"sort({n - 1})", f"by column {n}", show=False) for n in range(1, 10)],
    ]

    def __init__(self, frame: Frame, glyphs: Glyphs) -> None:
        super().__init__(id="ledger")
        self._frame = frame
        self._glyphs = glyphs
        self._side = ""
        self._filter = ""
        self._passes = entry_filter("")
        self._shown: State | None = None
        self._pace = Pace(UPDATE_S)
        self._entries = LedgerEntries()
        self._table = RequestTable(glyphs, ours=not frame.state.attached)

    def compose(self) -> ComposeResult:
        yield Static("", id="about", markup=False)
        yield RowList(id="paths")
        yield self._table
        yield Input(id="filter", placeholder=PLACEHOLDER, max_length=200)
        yield Keys(HINTS)

    def on_mount(self) -> None:
        self.set_class(self._glyphs.name == "ascii", "ascii")
        self._table.focus()
        self._show_keys()
        self._update()

    def on_resize(self, event: events.Resize) -> None:
        self._show_paths(event.size.width, event.size.height)

    def show(self, frame: Frame) -> None:
        """Take in what is new."""
        self._frame = frame
        rest_s = self._table.row_count * REST_S_PER_ROW
        if self.is_mounted and frame.state is not self._shown and self._pace.due(frame.shown_s, rest_s):
            self._update()

    def _update(self) -> None:
        self._shown = self._frame.state
        changed, gone = self._entries.update(self._shown)
        out = [(entry.side, entry.req) for entry in changed if not self._is_wanted(entry)]
        self._table.show([entry for entry in changed if self._is_wanted(entry)], [*gone, *out])
        self._show_paths(*self.size)
        self._say()

    def _is_wanted(self, entry: Entry) -> bool:
        return self._side in ("", entry.side) and self._passes(entry)

    def _show_again(self) -> None:
        """Other requests are wanted than before; the cursor stays with its own."""
        current = self._table.current
        self._table.forget()
        self._table.show(entry for entry in self._entries.entries() if self._is_wanted(entry))
        self._table.find(current)
        self._say()

    def _show_paths(self, width: int, height: int) -> None:
        sides = self._frame.state.sides.values()
        rows = path_rows((side for side in sides if self._side in ("", side.name)), width - 2, self._glyphs)
        self.query_one("#paths", RowList).show(rows[: height // PATHS_SHARE])

    def _say(self) -> None:
        """The line above: how many, of which side, in which order, and what they have in common."""
        table = self._table
        order = "descending" if table.descending else "ascending"
        place = f"{table.cursor_row + 1 if table.row_count else 0} of {table.row_count}"
        by = "arrival" if table.sorted_by == "#" and self._frame.state.attached else table.sorted_by
        which = self._side or ("both sides" if len(self._frame.state.side_names) > 1 else "")
        words = "   ".join(filter(None, (f"  {place}", which, f"by {by}, {order}")))
        alike = [text for text in table.in_common if text not in (self._side,)]
        all_of = f"   only {self._filter}: {table.row_count} of {len(self._entries.entries())}"
        found = printable(all_of if self._filter else "", self._glyphs.name == "ascii")
        about = self.query_one("#about", Static)
        room = about.content_size.width - len(f"Requests{words}{found}")
        common = next((text for text in _in_common(alike) if len(text) <= room), "")
        line = Content.assemble(("Requests", "bold $foreground"), words, common, (found, "bold"))
        about.update(line, layout=False)

    def on_data_table_row_highlighted(self) -> None:
        self._say()

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        self.action_sort(event.column_index)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        key = self._table.key_of(event.row_key)
        if key is not None:
            self.app.push_screen(InspectorScreen(self._frame, *key, self._glyphs), self._follow)

    # --- order and filter -------------------------------------------------------------------------------------------

    @property
    def _sortable(self) -> list[str]:
        return [name for name in self._table.shown if name != BAR]

    def action_sort(self, place: int) -> None:
        """By the column that stands in that place; a bar is as long as its request's total."""
        shown = self._table.shown
        if place < len(shown):
            length = next(name for name in ("total", "service", "#") if name in shown)
            self._table.sort_by(length if shown[place] == BAR else shown[place])
            self._say()

    def action_sort_next(self) -> None:
        names = self._sortable
        self._table.sort_by(names[(names.index(self._table.sorted_by) + 1) % len(names)])
        self._say()

    def action_side(self) -> None:
        sides = self._frame.state.sides.values()
        names = ["", *[side.name for side in sides if side.run.number or side.server.workers]]
        self._side = names[(names.index(self._side) + 1) % len(names)] if self._side in names else ""
        self._show_again()
        self._show_paths(*self.size)

    def action_filter(self) -> None:
        self.add_class("filtering")
        self._show_keys()
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        if len(self._entries.entries()) <= FILTERED_AT_ONCE:
            self._filter_by(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._filter_by(event.value)
        self._leave_filter()

    def _filter_by(self, text: str) -> None:
        if text != self._filter:
            self._filter, self._passes = text, entry_filter(text)
            self._show_again()

    def _leave_filter(self) -> None:
        self.remove_class("filtering")
        self._show_keys()
        self._table.focus()

    def _show_keys(self) -> None:
        one = len(self._frame.state.side_names) < 2
        hints = [hint for hint in HINTS if not (one and hint == ("tab", "side"))]
        self.query_one(Keys).show(HINTS_OF_FILTER if self.has_class("filtering") else hints)

    def action_back(self) -> None:
        """First out of the filter, then out of the ledger."""
        if self.has_class("filtering") or self._filter:
            self.query_one(Input).value = ""
            self._filter_by("")
            self._leave_filter()
        else:
            self.dismiss(None)

    # --- what is asked for ------------------------------------------------------------------------------------------

    def action_follow(self) -> None:
        key = self._table.current
        if key is not None:
            self.dismiss(key[1])

    def _follow(self, req: int | None) -> None:
        """It was asked for in the inspector."""
        if req is not None:
            self.dismiss(req)


def _in_common(alike: Sequence[str]) -> list[str]:
    """What all rows have in common, from all of it to nothing."""
    return [f"   all: {', '.join(alike[:count])}" for count in range(len(alike), 0, -1)]
