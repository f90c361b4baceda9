"""One side of the live screen as one canvas: it asks for rows, and paints those that changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from textual import events
from textual.message import Message

from wsgiviz.state import Slot
from wsgiviz.tui.render.line import CellStyle, Part, Row, text_of
from wsgiviz.tui.render.moving import Seen
from wsgiviz.tui.render.rows import Memory, head_cells, rows
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.widgets.canvas import Canvas


class Pane(Canvas):
    """What one server does. `show` gives it the newest view; it repaints the rows which look different."""

    DEFAULT_CSS = """
    Pane {
        background: $surface;
        color: $foreground;
        width: 1fr;
        height: 1fr;
    }
    """

    class WorkerChosen(Message):
        """A worker's lane was clicked."""

        def __init__(self, side: str, key: Slot) -> None:
            super().__init__()
            self.side, self.key = side, key

    class RequestChosen(Message):
        """A request was clicked, in its own lane or in a worker's."""

        def __init__(self, side: str, req: int) -> None:
            super().__init__()
            self.side, self.req = side, req

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._view: PaneView | None = None
        self._memory, self._seen = Memory(), Seen()
        self._scroll = 0
        self._pointed: tuple[str, ...] = ()
        self._marked: frozenset[int] = frozenset()

    def point(self, parts: tuple[str, ...]) -> None:
        """Mark the rows of these parts from now on: names of `Memory.parts`, or "request ID"."""
        if parts != self._pointed:
            self._pointed = parts
            self._mark()

    def _mark(self) -> None:
        """Repaint the rows whose mark has come or gone."""
        before, self._marked = self._marked, frozenset(row for part in self._pointed for row in self._rows_of(part))
        self.repaint(sorted(before ^ self._marked))

    def _rows_of(self, part: str) -> Iterable[int]:
        word, _, req = part.partition(" ")
        if word == "request":
            return self._rows_of_request(int(req))
        rows = self._memory.parts.get(part, range(0))
        return [y for y in rows if y < len(self._rows) and text_of(self._rows[y]).strip()]

    def _rows_of_request(self, req: int) -> Iterable[int]:
        """The lane that it is or was in; while it waits in the kernel, the queue."""
        view, memory = self._view, self._memory
        workers = view.side.server.workers if view is not None else {}
        for row, lane in memory.lanes:
            if isinstance(lane, int):
                last = memory.tracks.last(lane)
                found = last is not None and last.id == req
            else:
                found = lane in workers and any(span.req == req for span in workers[lane].spans)
            if found:
                return (memory.lanes_from + row,)
        return memory.parts.get("queue", ())

    def show(self, view: PaneView, exactly: bool = False) -> None:
        """Show ``view``: at most once a frame. Rows that look as before are not touched; ``exactly``: nor does
        anything wait for the next tenth of a second, which does not come while playback is paused, and seldom in
        slow motion."""
        self._view = view
        differs = self._seen.differs(view, self._memory.scale, self._memory.growing)
        if exactly or self._seen.stands:
            self._memory.forget_figures()
        if exactly or differs:
            self._draw()

    def forget(self) -> None:
        """Draw the next view from what it holds alone: time has not simply gone on."""
        self._memory, self._seen = Memory(), Seen()

    def _draw(self) -> None:
        width, height = self.size
        if self._view is None or not width or not height:
            return
        view = replace(self._view, scroll=self._scroll) if self._scroll else self._view
        self.take(rows(view, width, height, self._memory))
        self._scroll = self._memory.scroll
        if self._pointed:
            self._mark()

    def row_at(self, y: int) -> Row:
        row = self._rows[y]
        return marked(row, self._view.glyphs.pointer) if y in self._marked and self._view is not None else row

    def on_resize(self, event: events.Resize) -> None:
        self._rows = ()
        self._draw()

    def on_click(self, event: events.Click) -> None:
        """On a lane's head: its worker. In a lane: the request that is there."""
        view, memory = self._view, self._memory
        lanes = [lane for row, lane in memory.lanes if row <= event.y - memory.lanes_from]
        if view is None or not lanes or event.y < memory.lanes_from:
            return
        side, lane = view.side, lanes[-1]
        if isinstance(lane, int):
            request = memory.tracks.last(lane)
            if request is not None:
                self.post_message(self.RequestChosen(side.name, request.id))
            return
        cell, scale = event.x - head_cells(side), memory.scale
        at_ns = scale.start_ns + (cell + 0.5) * (scale.end_ns - scale.start_ns) / scale.cells
        worker = side.server.workers.get(lane)
        spans = worker.spans if cell >= 0 and worker is not None else ()
        known = (span for span in spans if not 0 < span.end_ns <= side.run.requested_ns)
        req = next((span.req for span in known if span.start_ns <= at_ns < (span.end_ns or view.now_ns)), 0)
        req = 0 if side.of_earlier_run(req) else req
        self.post_message(self.RequestChosen(side.name, req) if req else self.WorkerChosen(side.name, lane))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.scroll_lanes(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.scroll_lanes(-1)

    def scroll_lanes(self, by: int) -> None:
        """Show lanes further down, or up again."""
        self._scroll = max(0, self._scroll + by)
        self._draw()


def marked(row: Row, sign: str) -> Row:
    """The row with a sign in its first cell, which stands out without colour too."""
    first, rest = row[0], row[1:]
    after = Part(first.text[1:], first.style)
    return (Part(sign, CellStyle(flags="br")), *([after] if after.text else []), *rest)
