"""The line at the top: what is run, whether it is live, and what would make it untrue."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from wsgiviz.printable import printable
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.line import shortened
from wsgiviz.tui.widgets.coloured import Coloured, WordStyles, uncoloured

SHORTEST_NAME = 10


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


class Header(Coloured):
    """Shows a `HeaderView`, and only touches the screen when it changes."""

    DEFAULT_CSS = """
    Header { height: 1; width: 1fr; background: $panel; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__("", id="header", markup=False)
        self._view: HeaderView | None = None
        self._width = 0

    def show(self, view: HeaderView) -> None:
        if view != self._view or self.size.width != self._width:
            self._view, self._width = view, self.size.width
            self.recoloured()

    def on_resize(self) -> None:
        if self._view is not None:
            self.show(self._view)

    def recoloured(self) -> None:
        if self._view is not None:
            self.update(header_line(self._view, self._width, self.words), layout=False)


def header_line(view: HeaderView, width: int, style: WordStyles = uncoloured) -> Content:
    """Left: what; right: how true. In a narrow window the less important words go first."""
    ascii_only = view.glyphs.name == "ascii"
    words = [printable(text, ascii_only) for text in (view.name, view.wsgi_call, view.asgi_call, view.load)]
    name, wsgi, asgi, load = words
    bar = "|" if ascii_only else "│"
    brand = Content.styled(" wsgiviz ", style("", "br"))
    right = _first_fitting(_rights(view, style), width - brand.cell_length - min(len(name), SHORTEST_NAME) - 4)
    room = width - right.cell_length - brand.cell_length - 4
    left = Content.assemble(brand, "  ", (shortened(name, room, view.glyphs.ellipsis), style("", "b")))
    calls = Content("")
    if wsgi and asgi:
        calls = Content.assemble(
            "  ", (wsgi, style("wsgi", "")), (f" {bar} ", style("dim", "")), (asgi, style(view.right_protocol, ""))
        )
    for part in (calls, Content.styled(f"  {load}", style("", ""))):
        if left.cell_length + part.cell_length + right.cell_length + 2 <= width:
            left += part
    gap = " " * max(1, width - left.cell_length - right.cell_length)
    return left + Content(gap) + right


def _first_fitting(found: list[Content], room: int) -> Content:
    return next((line for line in found if line.cell_length <= room), found[-1])


def _rights(view: HeaderView, style: WordStyles) -> list[Content]:
    """The right end, from all its words to those that must always be there."""
    minutes, seconds = divmod(view.clock_s, 60)
    state = Content.styled(f"{view.state} ", style("awaiting" if view.state.endswith("live") else "", "b"))
    clock = Content.styled(f"{int(minutes):02d}:{seconds:04.1f}", style("", "b"))
    lost = Content.styled(f"  {view.lost} lost ", style("", "br") if view.lost else style("dim", ""))
    fps = Content("") if view.fps is None else Content.styled(f"  {view.fps:2d} fps", style("dim", ""))
    if view.stage:
        fps, lost = Content(""), lost if view.lost else Content(" ")
    late = Content("")
    if view.driver_late_ms:
        late = Content.styled(f"  driver late {view.driver_late_ms} ms", style("", "b"))
    last = clock if view.fps is not None else state  # of a replay it must be said that it is one
    longest = [state + clock + late + fps + lost, state + clock + late + lost, state + clock + lost]
    return [*longest, last + lost]
