"""One request: its waterfall, every stamp of it, and who had it; it goes on while the request does."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from wsgiviz.analysis.black_box import report_of
from wsgiviz.analysis.entries import entries
from wsgiviz.analysis.metrics import computing_loops
from wsgiviz.printable import printable
from wsgiviz.state import Request, Side
from wsgiviz.tui.feed import Frame, Pace
from wsgiviz.tui.render.death_rows import of_request
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.waterfall import CALM_NS, RequestView, rows
from wsgiviz.tui.render.words import name_of
from wsgiviz.tui.widgets.canvas import Canvas
from wsgiviz.tui.widgets.keys import Keys

UPDATE_S = 0.1

GONE = "not kept any more: this is how it was seen last"


class InspectorScreen(ModalScreen[int | None]):
    """The request ``req`` of ``side``, as the newest State has it. Gives it when it is to be followed, or None."""

    CSS = """
    #inspector { width: 96%; max-width: 200; height: 94%; max-height: 94%; }
    #inspector .title { height: 1; margin: 0; }
    #inspector VerticalScroll { height: 1fr; }
    InspectorScreen.ascii VerticalScroll { scrollbar-size: 0 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss(None)", "back"),
        Binding("f", "follow", "follow", tooltip="Mark this request in every pane"),
    ]

    def __init__(self, frame: Frame, side: str, req: int, glyphs: Glyphs) -> None:
        super().__init__()
        self._frame = frame
        self._side = side
        self._req = req
        self._glyphs = glyphs
        self._pace = Pace(UPDATE_S)
        self._known: tuple[Request, Side] | None = None
        self._last: RequestView | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="inspector", classes="dialog"):
            yield Static("", classes="title", markup=False)
            with VerticalScroll():
                yield Waterfall()
            yield Keys([("f", "follow"), ("up down", "scroll"), ("escape", "back")], None, "keys")

    def on_mount(self) -> None:
        self.set_class(self._glyphs.name == "ascii", "ascii")
        self._update()

    def action_follow(self) -> None:
        self.dismiss(self._req)

    def show(self, frame: Frame) -> None:
        self._frame = frame
        if self.is_mounted and self._pace.due(frame.shown_s):
            self._update()

    def _update(self) -> None:
        """Show the newest, if it is another than what is shown."""
        view = self._view()
        if view is None or view == self._last:
            return
        self._last = view
        self.query_one(".title", Static).update(self._title(view), layout=False)
        self.query_one(Waterfall).show(view)

    def _view(self) -> RequestView | None:
        """The request as it is now; as it was seen last when the State does not have it any more."""
        side = self._frame.state.sides.get(self._side)
        newest = side.ledger.get(self._req) if side is not None else None
        if newest is not None and side is not None:
            self._known = newest, side
        if self._known is None:
            return None
        request, of = self._known
        now_ns = self._frame.now_ns // CALM_NS * CALM_NS
        computes = request.pid in computing_loops(of, self._frame.now_ns)
        view = RequestView(request, entries(of, [request])[0], now_ns, self._glyphs, computes=computes)
        if newest is not None and view.growing:
            return view
        note = GONE if newest is None else self._death(of, request)
        return replace(view, now_ns=self._last.now_ns if self._last else now_ns, note=note)

    def _death(self, side: Side, request: Request) -> str:
        """How the worker died that took it along; "" where none did. Of our own servers the caption says it."""
        found = report_of(side, request) if self._frame.state.attached else None
        if found is None:
            return ""
        of = next(one for one in found.requests if one.id == request.id)
        return printable(of_request(found, of), self._glyphs.name == "ascii")

    def _title(self, view: RequestView) -> Content:
        what = printable(view.request.target, view.ascii_only)
        how = view.entry.state or printable(view.entry.status, view.ascii_only)
        return Content.assemble((name_of(self._req), "bold"), f"  {self._side}  {what}  ", (how, "bold"))


class Waterfall(Canvas):
    """The rows of a request on a canvas as high as they are many; it repaints those that changed."""

    DEFAULT_CSS = """
    Waterfall { width: 1fr; height: 1; background: $surface; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._view: RequestView | None = None

    def show(self, view: RequestView) -> None:
        self._view = view
        self._draw()

    def _draw(self) -> None:
        width = self.size.width
        if self._view is None or not width:
            return
        made = rows(self._view, width)
        if len(made) != len(self._rows):
            self.styles.height = len(made)
        self.take(made)

    def on_resize(self, event: events.Resize) -> None:
        self._rows = ()
        self._draw()
