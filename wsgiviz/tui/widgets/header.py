"""The line at the top: what is run, whether it is live, and what would make the picture untrue."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.printable import printable

LAG_WORTH_SAYING_MS = 20


@dataclass(frozen=True, slots=True)
class HeaderView:
    """What the header says; times in seconds and milliseconds, rounded to what is shown."""

    name: str
    wsgi_call: str
    asgi_call: str
    load: str
    state: str
    clock_s: float
    fps: int
    lost: int
    driver_lag_ms: int
    paused: bool
    glyphs: Glyphs


class Header(Static):
    """Shows a `HeaderView`; says nothing twice."""

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
            self.update(header_line(view, self._width), layout=False)


def header_line(view: HeaderView, width: int) -> Content:
    """Left: what; right: how true. In a narrow window the less important words go first."""
    ascii_only = view.glyphs.name == "ascii"
    words = [printable(text, ascii_only) for text in (view.name, view.wsgi_call, view.asgi_call, view.load)]
    name, wsgi, asgi, load = words
    bar = "|" if ascii_only else "│"
    right = _right(view)
    room = width - cell_len(right.plain) - 2
    left = Content.assemble((" wsgiviz ", "bold $background on $primary"), "  ", (name, "bold"))
    calls = Content("")
    if wsgi and asgi:
        calls = Content.assemble("  ", (wsgi, "$primary"), f" {bar} ", (asgi, "$secondary"))
    for part in (calls, Content(f"  {load}")):
        if left.cell_length + part.cell_length <= room:
            left += part
    gap = " " * max(1, width - left.cell_length - right.cell_length)
    return left + Content(gap) + right


def _right(view: HeaderView) -> Content:
    minutes, seconds = divmod(view.clock_s, 60)
    parts = [Content.styled(f"{view.state} ", "$success bold" if view.state.endswith("live") else "bold")]
    parts.append(Content.styled(f"{int(minutes):02d}:{seconds:04.1f}", "bold"))
    if view.paused:
        parts.insert(0, Content.styled("view paused, servers go on  ", "$warning bold"))
    if view.driver_lag_ms >= LAG_WORTH_SAYING_MS:
        parts.append(Content.styled(f"  driver late {view.driver_lag_ms} ms", "$warning"))
    parts.append(Content.styled(f"  {view.fps:2d} fps", "dim"))
    parts.append(Content.styled(f"  {view.lost} lost ", "$warning bold" if view.lost else "dim"))
    return Content("").join(parts)


def widget_text(widget: Widget) -> str:
    """The plain text that a Static shows."""
    assert isinstance(widget, Static)
    content = widget.content
    return content.plain if isinstance(content, Content) else str(content)
