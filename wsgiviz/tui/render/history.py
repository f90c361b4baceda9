"""The history of one worker, drawn as it happens: each span once, when it has ended.

A fast server ends thousands of spans a second; to draw all that are kept anew in each frame would cost more
than the server does.
"""

from __future__ import annotations

from collections.abc import Sequence

from wsgiviz.events import RUN_STRIDE, request_number
from wsgiviz.state import Activity, Span
from wsgiviz.state.worker import SPANS_KEPT
from wsgiviz.tui.render.chart import EIGHTHS, Block, Chart, Scale, draw_block
from wsgiviz.tui.render.glyphs import UNKNOWN, Glyphs
from wsgiviz.tui.render.line import DIM, CellStyle

COLOUR: dict[Activity, str] = {
    Activity.BLOCKED: "blocked",
    Activity.COMPUTING: "computing",
    Activity.WAITING_FOR_GIL: "gil",
    Activity.READING: "transfer",
    Activity.WRITING: "transfer",
    Activity.CLOSING: "transfer",
    Activity.BOOTING: "dim",
    Activity.STOPPING: "dim",
}

CROWDED = 3
"""This many requests in one cell are drawn as the share of its time that was busy."""

EARLIER = "earlier"
"""Stands where its number would, on a request of an earlier run."""

NAMED_CELLS = 3
"""A request narrower than this has no room for its number."""


class History:
    """The spans of one worker on one scale. `take` the spans of each frame, then ask for its `chart`.

    What ended before ``from_ns`` belongs to earlier runs than ``run``, and is not drawn; what these have left in the
    worker is grey.
    """

    def __init__(self, scale: Scale, glyphs: Glyphs, from_ns: int = 0, run: int = 0) -> None:
        self._pen = _Pen(scale, glyphs, Chart(scale.cells), run * RUN_STRIDE)
        self._newest = self._pen
        self._from_ns = from_ns
        self._last = (0, 0)

    def take(self, spans: Sequence[Span]) -> None:
        """Draw those which have ended since the last call."""
        new: list[Span] = []
        for span in reversed(spans):
            if span.end_ns:
                if span.end_ns <= self._from_ns or (span.start_ns, span.end_ns) <= self._last:
                    break
                new.append(span)
        else:
            if self._last == (0, 0) and len(spans) >= SPANS_KEPT:
                self._pen.draw_unknown(self._from_ns, spans[0].start_ns)
        for span in reversed(new):
            self._pen.draw(span, span.end_ns)
        if new:
            self._last = (new[0].start_ns, new[0].end_ns)

    def chart(self, spans: Sequence[Span], now_ns: int) -> Chart:
        """A new chart of all that was, and of the present span as far as ``now_ns``."""
        return self.charts(spans, now_ns, 1)[0]

    def charts(self, spans: Sequence[Span], now_ns: int, lines: int) -> list[Chart]:
        """The same for a lane of so many ``lines``, from the top: alike, but a level (the busy share of a cell) has
        all of them for its height."""
        pen = self._pen.copy()
        if spans and not spans[-1].end_ns:
            pen.draw(spans[-1], now_ns)
        self._newest = pen
        if not pen.is_crowded:
            return [pen.chart, *[pen.chart.copy()] * (lines - 1)]
        made = [pen.chart, *(pen.chart.copy() for _ in range(lines - 1))]
        for below, chart in enumerate(reversed(made)):
            pen.draw_crowds(chart, below, lines)
        return made

    def draw_names(self, chart: Chart, followed: int = 0) -> None:
        """The requests' numbers, on the chart just made; the followed one's stands out."""
        self._newest.draw_names(chart, followed)


class _Pen:
    """Draws spans in order, and knows where it is."""

    __slots__ = (
        "_before",
        "_crowds",
        "_edge",
        "_extents",
        "_first",
        "_glyphs",
        "_group",
        "_scale",
        "_shade",
        "chart",
        "is_crowded",
    )

    def __init__(self, scale: Scale, glyphs: Glyphs, chart: Chart, first: int) -> None:
        self.chart = chart
        self._first = first  # requests below this are of earlier runs
        self._scale, self._glyphs = scale, glyphs
        self._before = Block(0, 0, "", "")
        self._edge, self._group, self._shade = 0, 0, "+"
        self._extents: dict[int, tuple[int, int]] = {}
        self._crowds: dict[int, tuple[int, float, str, int]] = {}
        self.is_crowded = False

    def copy(self) -> _Pen:
        other = _Pen(self._scale, self._glyphs, self.chart.copy(), self._first)
        other._before, other._edge = self._before, self._edge
        other._group, other._shade = self._group, self._shade
        other._extents, other._crowds = self._extents.copy(), self._crowds.copy()
        other.is_crowded = self.is_crowded
        return other

    def draw(self, span: Span, end_ns: int) -> None:
        """One span, up to ``end_ns``. Requests alternate in shade, and are no thinner than an eighth, unless that has
        one already: moved on, the next would stand at a time that has not come yet.

        A connection that is still being read belongs to the request that it turns out to be.
        """
        if span.req and span.req != self._group:
            self._next_group(span.req)
        colour = COLOUR.get(span.activity)
        if colour is None or end_ns <= self._scale.start_ns or span.start_ns >= self._scale.end_ns:
            return
        if self._is_earlier(span.req):
            colour = "dim"
        place, right = self._scale.at(span.start_ns), self._scale.at(end_ns)
        left = max(self._edge, place)
        if span.req and right <= left == place < self._scale.eighths and self._before.group != span.req:
            right = left + 1
        self._count(span, end_ns, colour)
        if right > left:
            shade = self._shade if colour != "dim" else ""
            self._put(Block(left, right, span.activity, colour + shade, span.req))

    def draw_unknown(self, from_ns: int, until_ns: int) -> None:
        """What was before the oldest span that is kept: blank it would look idle."""
        first, end = round(self._scale.at(from_ns) / EIGHTHS), round(self._scale.at(until_ns) / EIGHTHS)
        self.chart.fill(first, end, self._glyphs.texture[UNKNOWN], DIM)

    def _is_earlier(self, req: int) -> bool:
        return 0 < req < self._first

    def _next_group(self, req: int) -> None:
        left, right = self._extents.get(self._group, (0, 0))
        if right - left < NAMED_CELLS * EIGHTHS:
            self._extents.pop(self._group, None)
        self._group, self._shade = req, "" if self._shade else "+"

    def _put(self, block: Block) -> None:
        before, self._edge = self._before, block.right
        if self._seamless(before, block) and self._glyphs.eighths:
            before = before._replace(right=before.right - 1)
            draw_block(self.chart, Block(0, 0, "", ""), before, self._glyphs)
            block = block._replace(left=block.left - 1)
        draw_block(self.chart, before, block, self._glyphs)
        self._before = block
        if block.group > 0:
            left = self._extents[block.group][0] if block.group in self._extents else block.left
            self._extents[block.group] = (left, block.right)

    def _seamless(self, before: Block, block: Block) -> bool:
        """Two requests meet at the edge of a cell; an eighth earlier, their seam shows without colour."""
        touch = before.right == block.left and block.left % EIGHTHS == 0
        return touch and 0 != before.group != block.group and before.right - before.left >= EIGHTHS

    def _count(self, span: Span, end_ns: int, colour: str) -> None:
        """Note how many requests began in the cell, and how much of it was busy."""
        left, right = self._scale.exact(span.start_ns), self._scale.exact(end_ns)
        cell = max(0, int(left)) // EIGHTHS
        count, share, known, req = self._crowds.get(cell, (0, 0.0, colour, 0))
        if span.req and span.req != req:
            count, req = count + 1, span.req
        share += min(right, (cell + 1) * EIGHTHS) - max(left, 0)
        self.is_crowded = self.is_crowded or count >= CROWDED
        self._crowds[cell] = (count, share, known if span.activity is Activity.WRITING else colour, req)

    def draw_crowds(self, chart: Chart, below: int, lines: int) -> None:
        """Where many requests fall into one cell, how busy the worker was, as a level: what of it is in the line that
        has ``below`` others of the lane's ``lines`` under it."""
        top = len(self._glyphs.levels) - 1
        for cell, (count, share, colour, _) in self._crowds.items():
            if count >= CROWDED:
                level = max(1, min(top * lines, round(share / EIGHTHS * top * lines)))
                chart.put(cell, self._glyphs.levels[min(top, max(0, level - top * below))], CellStyle(colour))

    def draw_names(self, chart: Chart, followed: int) -> None:
        """Each request's number in the middle of its blocks, where it fits with a cell to spare.

        The followed one's blocks are framed, wherever they are thick enough to be seen.
        """
        pattern = "#{}" if self._glyphs.eighths else " #{} "
        for group, (left, right) in self._extents.items():
            first, end = -(-left // EIGHTHS), right // EIGHTHS
            name = EARLIER if self._is_earlier(group) else pattern.format(request_number(group))
            room = end - first - len(name)
            if room > 0:
                chart.label(first + room // 2, name)
            if group == followed:
                self._frame(chart, left // EIGHTHS, max(first, end - 1), name)

    def _frame(self, chart: Chart, first: int, last: int, name: str) -> None:
        style = CellStyle(flags="br")
        for cell in range(first, last + 1):
            chart.put(cell, self._glyphs.followed, style)
        chart.write(first + max(0, last + 1 - first - len(name)) // 2, name[: max(1, last + 1 - first)], style)
