"""The line at the top: what is run, whether it is live, and what would make it untrue."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events

from wsgiviz.printable import printable
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.line import BOLD, DIM, PLAIN, CellStyle, Line, Part, Row, shortened, text_of
from wsgiviz.tui.widgets.canvas import Canvas

SHORTEST_NAME = 10

STATE_CELLS = len("* live")
"""A run that is done takes no fewer, so that nothing beside it comes or goes."""


@dataclass(frozen=True, slots=True)
class HeaderView:
    """What the header says; times in seconds and milliseconds, rounded to what is shown."""

    name: str
    wsgi_call: str
    asgi_call: str
    load: str
    state: str
    clock_s: float
    fps: int | None
    lost: int
    driver_late_ms: int
    """0 where it does not matter."""
    glyphs: Glyphs
    right_protocol: str = "asgi"
    """Of the right pane, whose colour its call has."""
    stage: bool = False
    """Without frames a second, and what is lost only where something is."""


class Header(Canvas):
    """Shows a `HeaderView`, and only touches the screen when it changes."""

    DEFAULT_CSS = """
    Header { height: 1; width: 1fr; background: $panel; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__(id="header")
        self._view: HeaderView | None = None
        self._width = 0

    def show(self, view: HeaderView) -> None:
        width = self.size.width
        if width and (view != self._view or width != self._width):
            self.take((header_row(view, width),))
        self._view, self._width = view, width

    def on_resize(self, event: events.Resize) -> None:
        if self._view is not None:
            self.show(self._view)


BRAND = Part(" wsgiviz ", CellStyle(flags="br"))


def header_row(view: HeaderView, width: int) -> Row:
    """Left: what; right: how true. In a narrow window the less important words go first."""
    ascii_only = view.glyphs.name == "ascii"
    name, wsgi, asgi, load = (
        printable(text, ascii_only) for text in (view.name, view.wsgi_call, view.asgi_call, view.load)
    )
    bar = "|" if ascii_only else "│"
    room = width - len(BRAND.text) - 4
    rights = _rights(view)
    right = next((row for row in rights if _cells(row) <= room - min(len(name), SHORTEST_NAME)), rights[-1])
    left = [BRAND, Part("  ", PLAIN), Part(shortened(name, room - _cells(right), view.glyphs.ellipsis), BOLD)]
    colours = CellStyle("wsgi!"), CellStyle(f"{view.right_protocol}!")
    calls = (Part("  ", PLAIN), Part(wsgi, colours[0]), Part(f" {bar} ", DIM), Part(asgi, colours[1]))
    for more in (calls if wsgi and asgi else (), (Part(f"  {load}", PLAIN),)):
        if _cells((*left, *more, *right)) + 2 <= width:
            left += more
    return Line(width).extend(left).to(width - _cells(right)).extend(list(right)).row()


def _cells(row: Row) -> int:
    return len(text_of(row))


def _rights(view: HeaderView) -> list[Row]:
    """The right end, from all its words to those that must always be there."""
    minutes, seconds = divmod(view.clock_s, 60)
    colour = "awaiting!" if view.state.endswith("live") else ""
    state = Part(f"{view.state:>{STATE_CELLS}} ", CellStyle(colour, "", "b"))
    clock = Part(f"{int(minutes):02d}:{seconds:04.1f}", BOLD)
    lost = Part(f"  {view.lost} lost ", CellStyle(flags="br") if view.lost else DIM)
    fps = Part("" if view.fps is None else f"  {view.fps:2d} fps", DIM)
    if view.stage:
        fps, lost = Part("", DIM), lost if view.lost else Part(" ", PLAIN)
    late = Part(f"  driver late {view.driver_late_ms} ms" if view.driver_late_ms else "", BOLD)
    last = clock if view.fps is not None else state  # of a replay it must be said that it is one
    return [(state, clock, late, fps, lost), (state, clock, late, lost), (state, clock, lost), (last, lost)]
