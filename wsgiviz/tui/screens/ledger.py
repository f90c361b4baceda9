"""Every request in a table: sorted as one likes, followed, and opened in the inspector."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, NamedTuple, Protocol, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import DataTable, Static
from textual.widgets.data_table import RowKey

from wsgiviz.model.ledger import RETURNING, Entry, entries, kept
from wsgiviz.model.state import Doing, Picture, Request, Task
from wsgiviz.session import Session
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.printable import printable
from wsgiviz.tui.render.words import measured
from wsgiviz.tui.screens.inspector import InspectorScreen
from wsgiviz.tui.widgets.keys import Keys

LOOK_EVERY_S = 0.25

CATCH_UP_S = 0.03
"""How soon more rows are added while there are any to come."""

ROWS_AT_ONCE = 500
"""So many rows are added at a time: 10,000 take about 0.3 s, in which nobody could press a key."""

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
    return Cell("", None) if value is None else _number(measured(value), value)


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


def _sign(entry: Entry, glyphs: Glyphs) -> str:
    if not entry.state:
        return glyphs.task[Task.FAILED if entry.failed else Task.DONE]
    if entry.state == RETURNING:
        return glyphs.doing[Doing.WRITING]
    if entry.state in set(Doing):
        return glyphs.doing[Doing(entry.state)]
    return glyphs.task[Task(entry.state)]


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
        self._shown: dict[Key, Entry] = {}
        self._row_of: dict[Key, str] = {}
        self._key_of: dict[str, Key] = {}
        self._sought: Key | None = None
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

    def show(self, new: Mapping[Key, Entry]) -> bool:
        """Show these entries; True when there are more to come at the next call."""
        current = self._sought or self.current
        free = self._free_rows(new)
        if len(free) > sum(key not in self._row_of for key in new):  # so many can only go all together
            self._forget()
            free = []
        changed, more = self._take(new, free)
        if changed:
            self._settle(current)
        self._sought = current if more and current not in self._row_of else None
        return more

    def _free_rows(self, new: Mapping[Key, Entry]) -> list[str]:
        """The rows of requests which are not kept any more."""
        gone = [key for key in self._row_of if key not in new]
        free = [self._row_of.pop(key) for key in gone]
        for key in gone:
            del self._shown[key]
        for row in free:
            del self._key_of[row]
        return free

    def _forget(self) -> None:
        self.clear()
        self._shown, self._row_of, self._key_of = {}, {}, {}

    def _take(self, new: Mapping[Key, Entry], free: list[str]) -> tuple[bool, bool]:
        """Take in what differs. Gives whether anything did, and whether some had to be left for later."""
        changed, added, more = False, 0, False
        for key, entry in new.items():
            before = self._shown.get(key)
            if before is entry or before == entry:
                continue
            if before is None and not free and added >= ROWS_AT_ONCE:
                more = True
                continue
            added += before is None and not free
            self._fill(key, entry, free)
            changed = True
        return changed, more

    def _fill(self, key: Key, entry: Entry, free: list[str]) -> None:
        """Show an entry in its row; a new one in a free row, or in one more."""
        cells = [column.cell(entry, self._glyphs) for column in COLUMNS]
        self._shown[key] = entry
        row = self._row_of.get(key) or (free.pop() if free else str(self.row_count))
        self._row_of[key], self._key_of[row] = row, key
        if row not in self.rows:
            self.add_row(*cells, key=row)
            return
        for column, cell in zip(COLUMNS, cells, strict=True):
            if self.get_cell(row, column.name) != cell:
                self.update_cell(row, column.name, cell)

    # --- order ------------------------------------------------------------------------------------------------------

    def sort_by(self, column: int) -> None:
        """Sort by that column, the other way round when it was by that one before; begin at the top."""
        self.descending = not self.descending if column == self.sorted_by else False
        self.sorted_by = column
        self._label()
        self._settle()
        self.move_cursor(row=0, scroll=False)
        self.scroll_to(y=0, animate=False, immediate=True)

    def _settle(self, current: Key | None = None) -> None:
        """Put the rows in order. The cursor stays on its request, and that on its line of the screen."""
        line = self.cursor_row - self.scroll_offset.y
        self.sort(COLUMNS[self.sorted_by].name, key=self._order, reverse=self.descending)
        self._update_dimensions(())
        if current is None or current not in self._row_of:
            return
        row = self.get_row_index(self._row_of[current])
        seen = 0 <= line < self.scrollable_content_region.height - self.header_height
        self.set_reactive(DataTable.cursor_coordinate, self.cursor_coordinate._replace(row=row))
        if seen:
            self.scroll_to(y=row - line, animate=False, immediate=True, force=True)

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
        self._more = False

    def compose(self) -> ComposeResult:
        yield Static("", id="about", markup=False)
        yield self._table
        yield Keys(
            [("enter", "inspect"), ("f", "follow"), ("tab", "side"), ("1-9 s", "sort"), ("escape", "back")]
        )

    def on_mount(self) -> None:
        self.set_class(self._glyphs.name == "ascii", "ascii")
        self._table.focus()
        self.look()
        self.set_interval(LOOK_EVERY_S, self.look)

    def look(self) -> None:
        """Take in what is new. When that is much, the rest follows soon."""
        picture = self.session.picture
        if picture is self._picture and not self._more:
            return
        self._picture = picture
        sides = [name for name in picture.sides if self._side in ("", name)]
        self._more = self._table.show(self._ledger.entries(picture, sides))
        if self._more:
            self.set_timer(CATCH_UP_S, self.look)
        self._say()

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
        self._picture = None
        self.look()

    def action_follow(self) -> None:
        key = self._table.current
        if key is not None:
            cast(_App, self.app).live.follow_request(key[1])
            self.app.pop_screen()


class Ledger:
    """The entries of a picture; those of requests which have not changed are the same objects as before."""

    def __init__(self) -> None:
        self._known: dict[Key, tuple[Request, Entry]] = {}

    def entries(self, picture: Picture, sides: Iterable[str]) -> dict[Key, Entry]:
        known: dict[Key, tuple[Request, Entry]] = {}
        for name in sides:
            side = picture.sides[name]
            requests = kept(side)
            before = {req: self._known.get((name, req)) for req in requests}
            same = {req: pair for req, pair in before.items() if pair and _still(pair, requests[req])}
            new = [request for req, request in requests.items() if req not in same]
            made = {entry.req: (request, entry) for request, entry in zip(new, entries(side, new), strict=True)}
            known |= {(name, req): same.get(req) or made[req] for req in requests}
        self._known = known
        return {key: entry for key, (_, entry) in known.items()}


def _still(pair: tuple[Request, Entry], request: Request) -> bool:
    """The entry is still right: the request is the same, and nothing that its worker does stands in it."""
    return pair[0] is request and not pair[1].state
