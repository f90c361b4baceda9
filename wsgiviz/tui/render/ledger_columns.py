"""The columns of the ledger: what each shows of an entry, and which there is room for.

A column whose cells are all the same, or unknown, says nothing: it is left out, and what they have in common is said
once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

from rich.console import OverflowMethod
from rich.style import Style
from rich.text import Text

from wsgiviz.analysis.entries import AFTER_ANSWER, FOR_NOBODY, RETURNING, Entry
from wsgiviz.printable import printable
from wsgiviz.state import Activity, Task
from wsgiviz.state.request import WORKER_DIED
from wsgiviz.tui.render.glyphs import ON_THE_WAY, UNICODE, Glyphs
from wsgiviz.tui.render.words import measured


def _no_style(colour: str) -> Style:
    return Style()


@dataclass(eq=False)
class Look:
    """How cells are drawn. All cells of a table share one: what changes in it changes them all."""

    glyphs: Glyphs = UNICODE
    style: Callable[[str], Style] = _no_style
    """The style of text in a colour of `wsgiviz.tui.render.palette`."""
    narrow: bool = False
    """Columns are as narrow as can be."""
    bar_cells: int = 0
    longest_s: float = 0.0
    """As much time as the bars have room for."""

    def text(self, text: str, colour: str) -> Text:
        overflow: OverflowMethod = "ellipsis" if self.glyphs.eighths else "crop"
        return Text(text, self.style(colour) if colour else "", no_wrap=True, overflow=overflow, end="")


class Cell(NamedTuple):
    """What stands in the table, and by what it is sorted (None: not known); ``brief``: what stands there where
    columns are narrow, "" for the same."""

    text: str
    order: float | str | None
    colour: str = ""
    look: Look | None = None
    brief: str = ""

    def __str__(self) -> str:
        return self.brief if self.brief and self.look is not None and self.look.narrow else self.text

    def __rich__(self) -> Text:
        return self.look.text(str(self), self.colour) if self.look is not None else Text(self.text, end="")


class BarCell(NamedTuple):
    """A request's time as a bar: dots while nobody had it, then what the app took, then the way back."""

    order: float | None
    wait_s: float
    service_s: float
    return_s: float
    side: str
    failed: bool
    look: Look

    @property
    def text(self) -> str:
        return self.__rich__().plain

    def __str__(self) -> str:
        return self.text

    def __rich__(self) -> Text:
        look, glyphs = self.look, self.look.glyphs
        per_cell = look.longest_s / max(1, look.bar_cells)
        if not per_cell:
            return Text("", end="")
        ends = [round(end / per_cell) for end in (self.wait_s, self.wait_s + self.service_s, self._whole_s)]
        block = glyphs.texture[Task.AWAITING] if self.side.startswith("asgi") else glyphs.texture[Activity.BLOCKED]
        dots, served = ends[0], ends[1] - ends[0]
        text = look.text(glyphs.texture[ON_THE_WAY] * dots, "queue!")
        if self.service_s and not served:  # too short to be seen to scale
            text.append(glyphs.step, look.style(f"{self.side[:4]}!"))
        text.append(block * served, look.style(f"{self.side[:4]}!"))
        back = ends[2] - max(ends[1], dots + bool(self.service_s))
        text.append(glyphs.texture[ON_THE_WAY] * back, look.style("dim"))
        if self.failed:
            text.append(glyphs.task[Task.FAILED], look.style("failed!"))
        return text

    @property
    def _whole_s(self) -> float:
        return self.wait_s + self.service_s + self.return_s


AnyCell = Cell | BarCell


class Column(NamedTuple):
    """A column: its name, what it shows of an entry, and its width in a wide and in a narrow terminal."""

    name: str
    cell: Callable[[Entry, Look], AnyCell]
    width: int
    narrow: int
    short: str = ""  # its heading where that is narrow
    left: bool = False  # it holds words; numbers stand to the right


def _number(text: str, order: float, cells: int = 7) -> Cell:
    return Cell(f"{text:>{cells}}", order)


def _seconds(value: float | None) -> Cell:
    if value is None:
        return Cell("", None)
    return _number(measured(value if abs(value) >= 0.00005 else 0.0), value)  # no "-0.0 ms"


LONG = 100_000


def _id(entry: Entry) -> Cell:
    """Of an external request's long number the end, by which it is told from its neighbours."""
    shown = str(entry.id) if entry.id > -LONG else f"{entry.id % LONG:05}"
    return _number(shown, entry.order, 5)


def _side(entry: Entry, look: Look) -> Cell:
    return Cell(entry.side, entry.side, f"{entry.side[:4]}!", look)


def _worker(entry: Entry, look: Look) -> Cell:
    """The process's number, and the thread in it where there are several."""
    if entry.worker is None:
        return Cell("", None)
    name = f"{entry.worker}.{entry.slot}" if entry.slot else str(entry.worker)
    return _number(name, entry.worker + entry.slot / 1e6, 6)


def _status(entry: Entry, look: Look) -> Cell:
    """While it is in progress what it does, then what the client saw."""
    glyphs = look.glyphs
    words, sign = entry.state or printable(entry.status, not glyphs.eighths), _sign(entry, glyphs)
    brief = BRIEF.get(entry.state or entry.status)
    colour = "failed!" if entry.failed else ""
    return Cell(f"{sign} {words}", words, colour, look, f"{sign} {brief}" if brief else "")


def _path(entry: Entry, look: Look) -> Cell:
    words = printable(entry.target, not look.glyphs.eighths)
    return Cell(words, words or None, "", look)


def _client(entry: Entry, look: Look) -> Cell:
    words = printable(entry.client, not look.glyphs.eighths)
    return Cell(words, words or None, "", look)


def _bar(entry: Entry, look: Look) -> BarCell:
    return BarCell(
        entry.total_s,
        max(0.0, entry.queue_wait_s or 0.0),
        max(0.0, entry.service_s or 0.0),
        max(0.0, entry.return_s or 0.0),
        entry.side,
        entry.failed,
        look,
    )


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
    WORKER_DIED: "died",
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
    Column("side", _side, 6, 5, left=True),
    Column("#", lambda entry, _: _id(entry), 7, 5),
    Column("worker", _worker, 8, 6),
    Column("status", _status, 33, 10, left=True),
    Column("path", _path, 24, 14, left=True),
    Column("client", _client, 21, 15, left=True),
    Column("planned", lambda entry, _: _seconds(entry.planned_s), 9, 7),
    Column("queue wait", lambda entry, _: _seconds(entry.queue_wait_s), 12, 7, "queue"),
    Column("service", lambda entry, _: _seconds(entry.service_s), 9, 7),
    Column("return", lambda entry, _: _seconds(entry.return_s), 9, 7),
    Column("total", lambda entry, _: _seconds(entry.total_s), 9, 7),
    Column("wait and service", _bar, 0, 0, "bar", left=True),
)
BY_NAME = {column.name: column for column in COLUMNS}
BAR = COLUMNS[-1].name

ALWAYS = frozenset({"#", "total"})
"""Shown whatever they say: a request's name, and its time."""

SAID_ONCE = {
    "side": "",
    "worker": "on worker",
    "status": "",
    "path": "",
    "client": "from",
    "queue wait": "waited",
    "service": "served in",
}
"""Columns of which a value that all cells have is worth saying, and the words for that."""

GIVE_WAY = ("planned", "return", "worker", "client", "path", "queue wait", "side")
"""What is left out first where there is no room for all."""

LESS_THAN_BARS = frozenset({"planned", "return", "worker"})
"""Of these, what is left out for the sake of bars."""

NARROW = 112
"""Below this width of the terminal the narrow columns are used."""

LEAST_BAR, MOST_BAR = 6, 80
"""Cells of the bars; with fewer there are none."""

PADDING = 2
"""Cells between columns."""


def planned(telling: Collection[str], width: int, ours: bool = True) -> dict[str, int]:
    """The columns that are shown and their widths: those ``telling`` something, as far as ``width`` cells go.
    ``ours``: requests of our own driver, of which alone the total is known."""
    always = ALWAYS if ours else ALWAYS - {"total"}
    narrow = width < NARROW
    shown = {
        column.name: column.narrow if narrow else column.width
        for column in COLUMNS[:-1]
        if column.name in telling or column.name in always
    }
    for name in GIVE_WAY:
        room = width - (LEAST_BAR + PADDING if name in LESS_THAN_BARS else 0)
        if _cells(shown) > room:
            shown.pop(name, None)
    rest = width - _cells(shown) - PADDING
    if rest >= LEAST_BAR:
        shown[BAR] = min(rest, MOST_BAR)
    return shown


def _cells(shown: dict[str, int]) -> int:
    return sum(shown.values()) + PADDING * len(shown)
