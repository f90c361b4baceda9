"""The one sentence below the panes."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from wsgiviz.analysis.captions import Caption, Tone
from wsgiviz.printable import printable
from wsgiviz.tui.render.fitting import fitted, lines_of

NO_WIDTH = 1_000
"""Before the first layout."""

STYLES = {Tone.PLAIN: "bold", Tone.GOOD: "bold $success", Tone.WARN: "bold $warning"}


ROOM_FOR_MORE = 4
"""Lines of the sentence where what explains it is shown too."""

BAR = 2
"""Cells before the sentence: the bar, and a blank."""


def caption_text(caption: Caption, width: int, lines: int, ascii_only: bool) -> str:
    """As much of it as ``lines`` lines of ``width`` cells hold behind the bar; the keys only if all else is there."""
    words, ellipsis = [caption.text], "~" if ascii_only else "…"
    if caption.more and lines >= ROOM_FOR_MORE:
        words.append(caption.more)
    text = printable(" ".join(words), ascii_only)
    with_keys = f"{text} {caption.keys}"
    # The bar stands in the first line only; to count it in every one costs two cells, and no second way to wrap.
    room = width - BAR
    if caption.keys and lines_of(with_keys, room) <= lines:
        return with_keys
    return fitted(text, room, lines, ellipsis)


class CaptionLine(Static):
    """Shows a `Caption`, and only touches the screen when it changes."""

    DEFAULT_CSS = """
    CaptionLine { height: 2; padding: 0 1; background: $background; color: $foreground; }
    """

    def __init__(self, ascii_only: bool) -> None:
        super().__init__("", id="caption", markup=False)
        self._ascii_only = ascii_only
        self._shown: tuple[Caption, int, int] | None = None

    def show(self, caption: Caption) -> None:
        width, lines = self.content_size
        if (caption, width, lines) != self._shown:
            self._shown = caption, width, lines
            bar = "|" if self._ascii_only else "▎"
            text = caption_text(caption, width or NO_WIDTH, lines or 1, self._ascii_only)
            self.update(Content.assemble((bar, STYLES[caption.tone]), " ", (text, "bold")), layout=False)
