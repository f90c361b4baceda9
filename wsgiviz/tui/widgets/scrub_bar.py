"""The bar of playback: where the playhead is, and the marks; a click goes to a place."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from wsgiviz.log import Mark
from wsgiviz.log.marks import mark_after
from wsgiviz.tui.feed import Playhead
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.line import shortened
from wsgiviz.tui.render.mark_words import mark_sign, mark_words

WORDS = 32
"""Cells for the words of a mark."""

WITH_WORDS = 100
"""From this width on there is room for them."""


class ScrubBar(Static):
    """Shows a `Playhead`, and only touches the screen when something changes."""

    DEFAULT_CSS = """
    ScrubBar { height: 1; padding: 0 1; background: $background; color: $foreground; }
    """

    class Chosen(Message):
        """A place on it was clicked."""

        def __init__(self, t_ns: int) -> None:
            super().__init__()
            self.t_ns = t_ns

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__("", id="scrub", markup=False)
        self._glyphs = glyphs
        self._playhead: Playhead | None = None
        self._bar = (0, 0)
        self._shown = ""

    def show(self, playhead: Playhead, now_ns: int) -> None:
        width = self.content_size.width
        if not width:
            return
        self._playhead = playhead
        left, right = ends(playhead, now_ns, width, self._glyphs)
        cells = max(1, width - len(left) - len(right))
        self._bar = len(left), cells
        line = Content.assemble((left, "bold"), bar(playhead, now_ns, cells, self._glyphs), right)
        if line.markup != self._shown:
            self._shown = line.markup
            self.update(line, layout=False)

    def on_click(self, event: events.Click) -> None:
        first, cells = self._bar
        found = event.get_content_offset(self)
        if self._playhead is None or found is None or not first <= found.x < first + cells:
            return
        start_ns, end_ns = self._playhead.start_ns, self._playhead.end_ns
        share = (found.x - first) / max(1, cells - 1)
        self.post_message(self.Chosen(start_ns + round((end_ns - start_ns) * share)))


def cell_at(playhead: Playhead, t_ns: int, cells: int) -> int:
    """Which cell of the bar a time is in."""
    span_ns = max(1, playhead.end_ns - playhead.start_ns)
    return max(0, min(cells - 1, (t_ns - playhead.start_ns) * (cells - 1) // span_ns))


def ends(playhead: Playhead, now_ns: int, width: int, glyphs: Glyphs) -> tuple[str, str]:
    """What stands before the bar, and after it: always as wide, so that the bar does not move."""
    seconds = (now_ns - playhead.zero_ns) / 1e9
    left = f"{seconds:8.3f} s  "
    most = f"{playhead.events:,}"
    number = f"  event {playhead.event:>{len(most)},} of {most}"
    if width < WITH_WORDS:
        return left, number
    mark = mark_after(playhead.marks, now_ns)
    words = (
        f"{mark_sign(mark, glyphs)} {mark_words(mark)}" if mark is not None and near(playhead, mark, now_ns) else ""
    )
    return left, f"  {shortened(words, WORDS, glyphs.ellipsis):<{WORDS}}{number}"


def near(playhead: Playhead, mark: Mark, now_ns: int) -> bool:
    """The playhead is at the mark, or just after it."""
    return now_ns - mark.t_ns <= (playhead.end_ns - playhead.start_ns) // 50


def bar(playhead: Playhead, now_ns: int, cells: int, glyphs: Glyphs) -> Content:
    """A line as far as it is played, marks, and the playhead; later marks give way to earlier ones."""
    ascii_only = glyphs.name == "ascii"
    done, rest, head = ("=", "-", "|") if ascii_only else ("━", "─", "┃")
    at = cell_at(playhead, now_ns, cells)
    chars = [done] * at + [rest] * (cells - at)
    marked = {}
    for mark in reversed(playhead.marks):
        marked[cell_at(playhead, mark.t_ns, cells)] = mark_sign(mark, glyphs)
    for cell, sign in marked.items():
        chars[cell] = sign
    if at not in marked:
        chars[at] = head
    played, here, left = "".join(chars[:at]), chars[at], "".join(chars[at + 1 :])
    return Content.assemble((played, "bold"), (here, "bold reverse"), left)
