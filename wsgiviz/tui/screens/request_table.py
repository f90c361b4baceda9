"""The table of the ledger's screen: a row for each request, kept in order, with the columns that say something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable
from textual.widgets.data_table import RowKey

from wsgiviz.analysis.entries import Entry
from wsgiviz.tui.ledger_entries import Key
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.ledger_columns import (
    ALWAYS,
    BAR,
    BY_NAME,
    COLUMNS,
    NARROW,
    SAID_ONCE,
    AnyCell,
    Look,
    planned,
)
from wsgiviz.tui.render.palette import Palette
from wsgiviz.tui.widgets.canvas import palette_of

UNTOLD = frozenset({BAR, *ALWAYS})
"""Columns that are not left out for what they hold."""

PLACES = {column.name: at for at, column in enumerate(COLUMNS)}


class RequestTable(DataTable[AnyCell]):
    """Rows for entries, kept in order. A row whose request is gone is given to a new one.

    A column comes in as soon as its cells differ, and goes when the rows are laid anew: nothing jumps to and fro.
    ``ours``: the requests are those of our own driver.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "scroll_top", "top", show=False),
        Binding("end", "scroll_bottom", "bottom", show=False),
    ]

    def __init__(self, glyphs: Glyphs, ours: bool = True) -> None:
        super().__init__(cursor_type="row", zebra_stripes=False)
        self._glyphs = glyphs
        self._ours = ours
        self._look = Look(glyphs, self._style)
        self._palette: Palette | None = None
        self._row_of: dict[Key, str] = {}
        self._key_of: dict[str, Key] = {}
        self._entries: dict[Key, Entry] = {}
        self._values: dict[str, Counter[str]] = {}
        self._shown: dict[str, int] = {}
        self.sorted_by = "#"
        self.descending = False

    def on_mount(self) -> None:
        self._lay_columns()

    def on_resize(self) -> None:
        wanted = self._wanted()
        if list(wanted) == list(self._shown):
            self._set_widths(wanted)
        else:
            self._lay(wanted, self.current, self._line)

    # --- columns ----------------------------------------------------------------------------------------------------

    @property
    def shown(self) -> list[str]:
        """Names of the columns that are shown, left to right."""
        return list(self._shown)

    @property
    def in_common(self) -> list[str]:
        """What all rows have in common, of columns that are left out for it."""
        names = [column.name for column in COLUMNS if column.name in SAID_ONCE and column.name not in self._shown]
        values = {name: known[0] for name in names if len(known := self._known(name)) == 1}
        return [f"{SAID_ONCE[name]} {value}".strip() for name, value in values.items()]

    def _known(self, name: str) -> list[str]:
        """The values of a column that are known, each once."""
        return [text.strip() for text in self._values.get(name, ()) if text]

    @property
    def _room(self) -> int:
        """Cells of a row: the scroll bar has its own, also while it is not there yet."""
        return (self.size.width or 80) - self.styles.scrollbar_size_vertical

    def _telling(self) -> set[str]:
        return {name for name in self._values if len(self._known(name)) > 1}

    def _wanted(self) -> dict[str, int]:
        """The columns that say something by now, or did when the rows were laid, and their widths."""
        return planned(self._telling() | (self._shown.keys() - UNTOLD), self._room, self._ours)

    def _lay(self, columns: dict[str, int], current: Key | None, line: int) -> None:
        """All rows anew, with these columns: the table can give up single ones only slowly."""
        self.clear(columns=True)
        self._row_of, self._key_of, self._shown = {}, {}, columns
        self._lay_columns()
        for key, entry in self._entries.items():
            self._add(key, self._cells(entry))
        self._put_in_order()
        self._keep_in_place(current, line)

    def _lay_columns(self) -> None:
        self._shown = self._shown or planned((), self._room, self._ours)
        if self.sorted_by not in self._shown:
            self.sorted_by = "#"
        for name in self._shown:
            self.add_column(Text(name), width=self._shown[name], key=name)
        self._set_widths(self._shown)

    def _set_widths(self, widths: dict[str, int]) -> None:
        self._shown = widths
        for name, shown in zip(widths, self.ordered_columns, strict=True):
            shown.width = widths[name]
        self._look.narrow = self.size.width < NARROW
        self._look.bar_cells = max(0, widths.get(BAR, 0) - 1)  # a cell for the sign of a failure
        self._label()
        self._clear_caches()
        self._update_dimensions(())

    def _label(self) -> None:
        """Headings, the one that is sorted by underlined, and with an arrow where there is room."""
        for name, shown in zip(self._shown, self.ordered_columns, strict=True):
            column = BY_NAME[name]
            heading = name if len(name) <= shown.width else column.short or name[: shown.width]
            label = heading if column.left else f"{heading:>{column.narrow}}"
            arrow = f" {self._glyphs.down if self.descending else self._glyphs.up}"
            chosen = name == self.sorted_by
            label += arrow if chosen and len(label + arrow) <= shown.width else ""
            shown.label = Text(label, "underline" if chosen else "")

    def _style(self, colour: str) -> Style:
        if self._palette is None:
            self._palette = palette_of(self)
        return Style(color=self._palette.colour(colour).rich_color)

    def notify_style_update(self) -> None:
        """Another theme: other colours."""
        super().notify_style_update()
        self._palette = None

    # --- rows -------------------------------------------------------------------------------------------------------

    @property
    def current(self) -> Key | None:
        """The request under the cursor."""
        return self._key_at(self.cursor_row)

    def key_of(self, row: RowKey) -> Key | None:
        return self._key_of.get(str(row.value))

    def _key_at(self, index: int) -> Key | None:
        return self.key_of(self.ordered_rows[index].key) if self.is_valid_row_index(index) else None

    @property
    def _line(self) -> int:
        """The line of the screen that the cursor is on, from the first row that is seen."""
        return self.cursor_row - self.scroll_offset.y

    def show(self, changed: Iterable[Entry], gone: Iterable[Key] = ()) -> None:
        """Show these entries in their new or old rows; those which are gone leave theirs to new ones."""
        new = {(entry.side, entry.req): entry for entry in changed}
        current, line = self.current, self._line
        free = self._let_go(gone)
        self._count([self._all_cells(self._entries[key]) for key in new.keys() & self._entries.keys()], -1)
        surplus = len(free) > sum(key not in self._row_of for key in new)
        cells = {key: self._all_cells(entry) for key, entry in new.items()}
        self._count(cells.values(), 1)
        self._entries |= new
        self._measure(new.values())
        wanted = self._wanted()
        if surplus or list(wanted) != list(self._shown):
            self._lay(wanted, current, line)
            return
        moved = False
        for key, found in cells.items():
            moved |= self.sorted_by in self._fill(key, self._of_shown(found), free)
        if moved:
            self._put_in_order()
            self._keep_in_place(current, line)

    def _let_go(self, gone: Iterable[Key]) -> list[str]:
        """These requests are not kept any more. Gives their rows. Without any left, columns begin anew."""
        left = [key for key in gone if key in self._row_of]
        self._count([self._all_cells(self._entries.pop(key)) for key in left], -1)
        if left and not self._entries:
            self.forget()
            return []
        return [self._row_of.pop(key) for key in left]

    def _count(self, rows: Collection[list[AnyCell]], by: int) -> None:
        """Count what these cells hold, but for those columns that are always shown."""
        for at, column in enumerate(COLUMNS):
            if column.name not in UNTOLD:
                counts = self._values.setdefault(column.name, Counter())
                texts = Counter([row[at].text for row in rows])
                if by > 0:
                    counts.update(texts)
                else:
                    self._values[column.name] = counts - texts

    def _measure(self, entries: Iterable[Entry]) -> None:
        """Bars have room for the longest."""
        longest_s = max((_length_s(entry) for entry in entries), default=0.0)
        if longest_s > self._look.longest_s:
            self._look.longest_s = longest_s
            self._clear_caches()
            self.refresh()

    def forget(self) -> None:
        """Show nothing; columns come in as they say something."""
        self.clear(columns=True)
        self._row_of, self._key_of, self._entries, self._values = {}, {}, {}, {}
        self._shown, self._look.longest_s = {}, 0.0
        self._lay_columns()

    def _cells(self, entry: Entry) -> list[AnyCell]:
        """Those of the columns that are shown."""
        return [BY_NAME[name].cell(entry, self._look) for name in self._shown]

    def _all_cells(self, entry: Entry) -> list[AnyCell]:
        return [column.cell(entry, self._look) for column in COLUMNS]

    def _of_shown(self, cells: list[AnyCell]) -> list[AnyCell]:
        return [cells[PLACES[name]] for name in self._shown]

    def _fill(self, key: Key, cells: list[AnyCell], free: list[str]) -> set[str]:
        """Show an entry in its row; a new one in a free row, or in one more. Gives the columns that changed."""
        if key not in self._row_of:
            if not free:
                return self._add(key, cells)
            self._give(free.pop(), key)
        row, changed = self._row_of[key], set()
        for name, before, cell in zip(self._shown, self.get_row(row), cells, strict=True):
            if before != cell:
                self.update_cell(row, name, cell)
                changed.add(name)
        return changed

    def _add(self, key: Key, cells: list[AnyCell]) -> set[str]:
        row = str(self.row_count)
        self.add_row(*cells, key=row)
        self._give(row, key)
        return set(self._shown)

    def _give(self, row: str, key: Key) -> None:
        self._row_of[key], self._key_of[row] = row, key

    # --- order ------------------------------------------------------------------------------------------------------

    def sort_by(self, name: str) -> None:
        """Sort by that column, the other way round when it was by that one before; begin at the top."""
        self.descending = not self.descending if name == self.sorted_by else False
        self.sorted_by = name
        self._label()
        self._put_in_order()
        self.move_cursor(row=0, scroll=False)
        self.scroll_to(y=0, animate=False, immediate=True)

    def _put_in_order(self) -> None:
        self.sort(self.sorted_by, key=self._order, reverse=self.descending)
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

    def _order(self, cell: AnyCell) -> tuple[bool, float | str]:
        """What is not known stands last, whichever way the others are sorted."""
        return (cell.order is None) != self.descending, 0 if cell.order is None else cell.order

    def _update_dimensions(self, new_rows: Iterable[RowKey]) -> None:
        """Columns and rows have their sizes: to measure the cells of 10,000 rows would take a second."""
        super()._update_dimensions(())


def _length_s(entry: Entry) -> float:
    """Of its bar."""
    return sum(max(0.0, part or 0.0) for part in (entry.queue_wait_s, entry.service_s, entry.return_s))
