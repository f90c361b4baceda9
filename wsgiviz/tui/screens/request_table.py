"""The table of the ledger's screen: a row for each request, kept in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable
from textual.widgets.data_table import RowKey

from wsgiviz.analysis.entries import AFTER_ANSWER, FOR_NOBODY, RETURNING, Entry
from wsgiviz.printable import printable
from wsgiviz.state import Activity, Task
from wsgiviz.tui.ledger_entries import Key
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.words import measured


class Cell(NamedTuple):
    """What stands in the table, and by what it is sorted (None: not known); ``other``: what stands there at the other
    width of its column, "" for the same."""

    text: str
    order: float | str | None
    other: str = ""

    def __str__(self) -> str:
        return self.text

    def at_other_width(self) -> Cell:
        return Cell(self.other, self.order, self.text) if self.other else self


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
    """While it is in progress what it does, then what the client saw."""
    words, sign = entry.state or printable(entry.status, not glyphs.eighths), _sign(entry, glyphs)
    brief = BRIEF.get(entry.state)
    return Cell(f"{sign} {words}", words, f"{sign} {brief}" if brief else "")


BRIEF = {
    Activity.WAITING_FOR_GIL.value: "GIL wait",
    Activity.COMPUTING.value: "computes",
    Task.IN_THREAD.value: "thread",
    Task.THREAD_COMPUTES.value: "computes",
    Task.THREAD_FOR_GIL.value: "GIL wait",
    Task.FOR_THREAD.value: "in queue",
    Task.IN_PROCESS.value: "process",
    Task.FOR_PROCESS.value: "in queue",
    RETURNING: "return",
    AFTER_ANSWER: "after",
    FOR_NOBODY: "nobody",
}
"""States that are longer than a narrow column, in as many cells as that has; the sign before them says more."""

TASKS = frozenset(task.value for task in Task)


def _sign(entry: Entry, glyphs: Glyphs) -> str:
    if not entry.state:
        return glyphs.task[Task.FAILED if entry.failed else Task.DONE]
    if entry.state in (AFTER_ANSWER, FOR_NOBODY):
        return glyphs.after
    if entry.state == RETURNING:
        return glyphs.activity[Activity.WRITING]
    return glyphs.task[Task(entry.state)] if entry.state in TASKS else glyphs.activity[Activity(entry.state)]


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
        self._narrow = False

    def on_mount(self) -> None:
        for column in COLUMNS:
            self.add_column(Text(column.name), width=column.width, key=column.name)

    def on_resize(self) -> None:
        if self._narrow != (self.size.width < NARROW):
            self._narrow = not self._narrow
            for row in self._key_of:
                for column, cell in zip(COLUMNS, self.get_row(row), strict=True):
                    if cell.other:
                        self.update_cell(row, column.name, cell.at_other_width())
        for column, shown in zip(COLUMNS, self.ordered_columns, strict=True):
            shown.width = column.narrow if self._narrow else column.width
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
        if self._narrow:
            cells = [cell.at_other_width() for cell in cells]
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
