"""The sentence below the panes, or one for each of them."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from wsgiviz.analysis.captions import Caption, Tone
from wsgiviz.printable import printable
from wsgiviz.tui.render.fitting import fitted, lines_of

NO_WIDTH = 1_000
"""Before the first layout."""

STYLES_OF_SIDES = {"wsgi": "bold $primary", "asgi": "bold $secondary"}

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


Said = tuple[str, str, Caption]
"""A side's name as it is shown, its protocol, and a sentence about it; both empty for a sentence about all."""


class CaptionLine(Static):
    """Shows a `Caption`, or one for each side, and only touches the screen when something changes."""

    DEFAULT_CSS = """
    CaptionLine { height: 2; padding: 0 1; background: $background; color: $foreground; }
    """

    def __init__(self, ascii_only: bool) -> None:
        super().__init__("", id="caption", markup=False)
        self._ascii_only = ascii_only
        self._shown: tuple[object, ...] = ()

    def show(self, *said: Said) -> None:
        """One sentence, or one for each side in as many lines each."""
        width, lines = self.content_size
        if (said, width, lines) == self._shown:
            return
        self._shown = said, width, lines
        each = max(1, (lines or len(said)) // len(said))
        texts = [self._text(one, width or NO_WIDTH, each) for one in said]
        self.update(Content("\n").join(texts), layout=False)

    def _text(self, said: Said, width: int, lines: int) -> Content:
        name, protocol, caption = said
        bar = "|" if self._ascii_only else "▎"
        label = f"{name}  " if name else ""
        text = caption_text(caption, width - len(label), lines, self._ascii_only)
        of_side = STYLES_OF_SIDES.get(protocol, "bold")
        return Content.assemble((bar, STYLES[caption.tone]), " ", (label, of_side), (text, "bold"))
