"""Every request in a table: sorted as one likes, followed, and opened in the inspector."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import ClassVar, NamedTuple, Protocol, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import DataTable, Static
from textual.widgets.data_table import RowKey

from wsgiviz.model.ledger import RETURNING, Entry, entries
from wsgiviz.model.state import Doing, Picture, Request, Side, Task
from wsgiviz.session import Session
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.printable import printable
from wsgiviz.tui.render.words import measured
from wsgiviz.tui.screens.inspector import InspectorScreen
from wsgiviz.tui.widgets.keys import Keys

LOOK_EVERY_S = 0.25

SHARE = 0.2
"""Of the time no more than this goes into the table: with 10,000 rows it is looked at less often."""

LONGEST_REST_S = 1.0

Key = tuple[str, int]
"""Side, and number of the request."""


class Cell(NamedTuple):
    """What stands in the table, and by what it is sorted; None: not known."""

    text: str
    order: float | str | None

    def __str__(self) -> str:
        return self.text


class Column(NamedTuple):
    """A column: its name, what it shows of an entry, and its width in a wide and in a narrow terminal."""

    name: str
    cell: Callable[[Entry, Glyphs], Cell]
    width: int
    narrow: int


def _number(text: str, order: float, cells: int = 7) -> Cell:
    return Cell(f"{text:>{cells}}", order)


def _seconds(value: float | None) -> Cell:
    if value is None:
        return Cell("", None)
    return _number(measured(value if abs(value) >= 0.00005 else 0.0), value)  # no "-0.0 ms"


def _worker(entry: Entry) -> Cell:
    """The process's number, and the thread in it where there are several."""
    if entry.worker is None:
        return Cell("", None)
    name = f"{entry.worker}.{entry.slot}" if entry.slot else str(entry.worker)
    return _number(name, entry.worker + entry.slot / 1e6, 6)


def _status(entry: Entry, glyphs: Glyphs) -> Cell:
    """While it is under way what it does, then what the client saw."""
    words = entry.state or printable(entry.status, not glyphs.eighths)
    return Cell(f"{_sign(entry, glyphs)} {words}", words)


TASKS = frozenset(task.value for task in Task)


def _sign(entry: Entry, glyphs: Glyphs) -> str:
    if not entry.state:
        return glyphs.task[Task.FAILED if entry.failed else Task.DONE]
    if entry.state == RETURNING:
        return glyphs.doing[Doing.WRITING]
    return glyphs.task[Task(entry.state)] if entry.state in TASKS else glyphs.doing[Doing(entry.state)]


COLUMNS = (
    Column("side", lambda entry, _: Cell(entry.side, entry.side), 6, 5),
    Column("#", lambda entry, _: _number(str(entry.id), entry.id, 5), 7, 5),
    Column("worker", lambda entry, _: _worker(entry), 8, 6),
    Column("status", _status, 30, 10),
    Column("planned", lambda entry, _: _seconds(entry.planned_s), 9, 7),
    Column("queue wait", lambda entry, _: _seconds(entry.queue_wait_s), 12, 7),
    Column("service", lambda entry, _: _seconds(entry.service_s), 9, 7),
    Column("return", lambda entry, _: _seconds(entry.return_s), 9, 7),
    Column("total", lambda entry, _: _seconds(entry.total_s), 9, 7),
)

SHORT = {"queue wait": "queue"}
"""Headings for narrow columns."""

LEFT = frozenset({"side", "status"})
"""Columns of words; numbers stand to the right of the narrow width, and so do their headings."""

NARROW = 112
"""Below this width of the terminal the narrow columns are used."""


class RequestTable(DataTable[Cell]):
    """Rows for entries, kept in order. A row whose request is gone is given to a new one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "scroll_top", "top", show=False),
        Binding("end", "scroll_bottom", "bottom", show=False),
    ]

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(cursor_type="row", zebra_stripes=False)
        self._glyphs = glyphs
        self._row_of: dict[Key, str] = {}
        self._key_of: dict[str, Key] = {}
        self.sorted_by = 1
        self.descending = False

    def on_mount(self) -> None:
        for column in COLUMNS:
            self.add_column(Text(column.name), width=column.width, key=column.name)

    def on_resize(self) -> None:
        for column, shown in zip(COLUMNS, self.ordered_columns, strict=True):
            shown.width = column.narrow if self.size.width < NARROW else column.width
        self._label()
        self._update_dimensions(())

    def _label(self) -> None:
        """Headings, the one that is sorted by underlined, and with an arrow where there is room."""
        for at, (column, shown) in enumerate(zip(COLUMNS, self.ordered_columns, strict=True)):
            name = column.name if len(column.name) <= shown.width else SHORT[column.name]
            label = name if column.name in LEFT else f"{name:>{column.narrow}}"
            arrow = f" {self._glyphs.down if self.descending else self._glyphs.up}"
            chosen = at == self.sorted_by
            label += arrow if chosen and len(label + arrow) <= shown.width else ""
            shown.label = Text(label, "underline" if chosen else "")

    @property
    def current(self) -> Key | None:
        """The request under the cursor."""
        return self._key_at(self.cursor_row)

    def key_of(self, row: RowKey) -> Key | None:
        return self._key_of.get(str(row.value))

    def _key_at(self, index: int) -> Key | None:
        return self.key_of(self.ordered_rows[index].key) if self.is_valid_row_index(index) else None

    # --- what is shown ----------------------------------------------------------------------------------------------

    def show(self, changed: Iterable[Entry], gone: Iterable[Key] = ()) -> None:
        """Show these entries in their new or old rows; those which are gone leave theirs to new ones."""
        new = {(entry.side, entry.req): entry for entry in changed}
        current, line = self.current, self.cursor_row - self.scroll_offset.y
        free = [self._row_of.pop(key) for key in gone if key in self._row_of]
        moved = len(free) > sum(key not in self._row_of for key in new)
        if moved:
            self._drop(free)  # the table can give up single rows only slowly: so all are laid anew
            free = []
        for key, entry in new.items():
            moved |= COLUMNS[self.sorted_by].name in self._fill(key, entry, free)
        if moved:
            self._put_in_order()
            self._keep_in_place(current, line)

    def _drop(self, rows: Iterable[str]) -> None:
        """Take these rows away."""
        away = set(rows)
        kept = {key: self.get_row(row) for row, key in self._key_of.items() if row not in away}
        self.forget()
        for key, cells in kept.items():
            self._add(key, cells)

    def forget(self) -> None:
        """Show nothing."""
        self.clear()
        self._row_of, self._key_of = {}, {}

    def _fill(self, key: Key, entry: Entry, free: list[str]) -> set[str]:
        """Show an entry in its row; a new one in a free row, or in one more. Gives the columns that changed."""
        cells = [column.cell(entry, self._glyphs) for column in COLUMNS]
        if key not in self._row_of:
            if not free:
                return self._add(key, cells)
            self._give(free.pop(), key)
        row, changed = self._row_of[key], set()
        for column, before, cell in zip(COLUMNS, self.get_row(row), cells, strict=True):
            if before != cell:
                self.update_cell(row, column.name, cell)
                changed.add(column.name)
        return changed

    def _add(self, key: Key, cells: list[Cell]) -> set[str]:
        row = str(self.row_count)
        self.add_row(*cells, key=row)
        self._give(row, key)
        return {column.name for column in COLUMNS}

    def _give(self, row: str, key: Key) -> None:
        self._row_of[key], self._key_of[row] = row, key

    # --- order ------------------------------------------------------------------------------------------------------

    def sort_by(self, column: int) -> None:
        """Sort by that column, the other way round when it was by that one before; begin at the top."""
        self.descending = not self.descending if column == self.sorted_by else False
        self.sorted_by = column
        self._label()
        self._put_in_order()
        self.move_cursor(row=0, scroll=False)
        self.scroll_to(y=0, animate=False, immediate=True)

    def _put_in_order(self) -> None:
        self.sort(COLUMNS[self.sorted_by].name, key=self._order, reverse=self.descending)
        self._update_dimensions(())  # at once, so that there is room to scroll to

    def _keep_in_place(self, key: Key | None, line: int) -> None:
        """The cursor stays on its request and that, when it is in sight, on its line of the screen."""
        if key not in self._row_of:
            return
        row = self.get_row_index(self._row_of[key])
        self.set_reactive(DataTable.cursor_coordinate, self.cursor_coordinate._replace(row=row))
        if 0 <= line < self.scrollable_content_region.height - self.header_height:
            self.scroll_to(y=row - line, animate=False, immediate=True, force=True)

    def find(self, key: Key | None) -> None:
        """Put the cursor on a request, if it is shown."""
        if key in self._row_of:
            self.move_cursor(row=self.get_row_index(self._row_of[key]))

    def _order(self, cell: Cell) -> tuple[bool, float | str]:
        """What is not known stands last, whichever way the others are sorted."""
        return (cell.order is None) != self.descending, 0 if cell.order is None else cell.order

    def _update_dimensions(self, new_rows: Iterable[RowKey]) -> None:
        """Columns and rows have their sizes: to measure the cells of 10,000 rows would take a second."""
        super()._update_dimensions(())


class _Live(Protocol):
    def follow_request(self, req: int) -> None: ...


class _App(Protocol):
    live: _Live


class LedgerScreen(Screen[None]):
    """The requests of the session's picture; what is new comes four times a second."""

    CSS = """
    LedgerScreen { layout: vertical; }
    LedgerScreen #about { height: 1; padding: 0 1; background: $background; color: $foreground; }
    LedgerScreen RequestTable { height: 1fr; scrollbar-size-horizontal: 0; }
    LedgerScreen.ascii RequestTable { scrollbar-size: 0 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.pop_screen", "back"),
        Binding("tab", "side", "side", tooltip="Requests of both sides, or of one"),
        Binding("f", "follow", "follow", tooltip="Mark this request in every pane"),
        Binding("s", "sort_next", "sort", tooltip="Sort by the next column"),
        *[Binding(str(n), f"sort({n - 1})", f"by {COLUMNS[n - 1].name}", show=False) for n in range(1, 10)],
    ]

    def __init__(self, session: Session, glyphs: Glyphs) -> None:
        super().__init__(id="ledger")
        self.session = session
        self._glyphs = glyphs
        self._side = ""
        self._picture: Picture | None = None
        self._ledger = Ledger()
        self._table = RequestTable(glyphs)
        self._not_before = 0.0

    def compose(self) -> ComposeResult:
        yield Static("", id="about", markup=False)
        yield self._table
        yield Keys([("enter", "inspect"), ("f", "follow"), ("tab", "side"), ("1-9 s", "sort"), ("escape", "back")])

    def on_mount(self) -> None:
        self.set_class(self._glyphs.name == "ascii", "ascii")
        self._table.focus()
        self.look()
        self.set_interval(LOOK_EVERY_S, self.look)

    def look(self) -> None:
        """Take in what is new."""
        picture, began = self.session.picture, time.perf_counter()
        if picture is self._picture or began < self._not_before:
            return
        self._picture = picture
        changed, gone = self._ledger.update(picture)
        self._table.show([entry for entry in changed if self._side in ("", entry.side)], gone)
        self._say()
        ended = time.perf_counter()
        self._not_before = ended + min(LONGEST_REST_S, (ended - began) * (1 - SHARE) / SHARE)

    def _say(self) -> None:
        """The line above: how many, of which side, in which order."""
        table = self._table
        order = "descending" if table.descending else "ascending"
        place = f"{table.cursor_row + 1 if table.row_count else 0} of {table.row_count}"
        words = f"  {place}   {self._side or 'both sides'}   by {COLUMNS[table.sorted_by].name}, {order}"
        line = Content.assemble(("Requests", "bold $primary"), words)
        self.query_one("#about", Static).update(line, layout=False)

    def on_data_table_row_highlighted(self) -> None:
        self._say()

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        self.action_sort(event.column_index)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        key = self._table.key_of(event.row_key)
        if key is not None:
            self.app.push_screen(InspectorScreen(self.session, *key, self._glyphs))

    def action_sort(self, column: int) -> None:
        self._table.sort_by(column)
        self._say()

    def action_sort_next(self) -> None:
        self.action_sort((self._table.sorted_by + 1) % len(COLUMNS))

    def action_side(self) -> None:
        names = ["", *[side.name for side in self.session.picture.sides.values() if side.run or side.workers]]
        self._side = names[(names.index(self._side) + 1) % len(names)] if self._side in names else ""
        current = self._table.current
        self._table.forget()
        self._table.show(entry for entry in self._ledger.entries() if self._side in ("", entry.side))
        self._table.find(current)
        self._say()

    def action_follow(self) -> None:
        key = self._table.current
        if key is not None:
            cast(_App, self.app).live.follow_request(key[1])
            self.app.pop_screen()


class Ledger:
    """The entries of the newest picture, brought up to date by what has changed."""

    def __init__(self) -> None:
        self._known: dict[str, dict[int, Entry]] = {}
        self._over: dict[str, dict[int, Request]] = {}
        self._run: dict[str, int] = {}

    def entries(self) -> list[Entry]:
        return [entry for known in self._known.values() for entry in known.values()]

    def update(self, picture: Picture) -> tuple[list[Entry], list[Key]]:
        """Take in a picture. Gives the entries that are new or others than before, and which are gone."""
        changed: list[Entry] = []
        gone = [(name, req) for name in self._known.keys() - picture.sides for req in self._known.pop(name)]
        for side in picture.sides.values():
            if side.run != self._run.get(side.name):
                self._run[side.name] = side.run
                gone += [(side.name, req) for req in self._known.get(side.name, ())]
                self._known[side.name], self._over[side.name] = {}, {}
            changed += self._changed(side)
            gone += [(side.name, req) for req in self._gone(side)]
        return changed, gone

    def _changed(self, side: Side) -> list[Entry]:
        known, over = self._known[side.name], self._over[side.name]
        new: list[Request] = []
        for request in reversed(side.finished):
            if over.get(request.id) is request:
                break
            new.append(request)
        new.reverse()
        over.update((request.id, request) for request in new)
        found = [e for e in entries(side, [*new, *side.in_flight.values()]) if known.get(e.req) != e]
        known.update((entry.req, entry) for entry in found)
        return found

    def _gone(self, side: Side) -> list[int]:
        """Requests which are not kept any more: the oldest, when there are too many."""
        known, over = self._known[side.name], self._over[side.name]
        while len(over) > len(side.finished):
            over.pop(next(iter(over)))
        if len(known) <= len(over) + len(side.in_flight):
            return []
        gone = [req for req in known if req not in over and req not in side.in_flight]
        for req in gone:
            del known[req]
        return gone
