"""The one sentence below the panes."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from wsgiviz.analysis.captions import Caption, Tone
from wsgiviz.printable import printable

STYLES = {Tone.PLAIN: "bold", Tone.GOOD: "bold $success", Tone.WARN: "bold $warning"}


ROOM_FOR_MORE = 4
"""Lines of the sentence where what explains it is shown too."""


class CaptionLine(Static):
    """Shows a `Caption`, and only touches the screen when it changes."""

    DEFAULT_CSS = """
    CaptionLine { height: 2; padding: 0 1; background: $background; color: $foreground; }
    """

    def __init__(self, ascii_only: bool) -> None:
        super().__init__("", id="caption", markup=False)
        self._ascii_only = ascii_only
        self._shown: tuple[Caption, int] | None = None

    def show(self, caption: Caption) -> None:
        if (caption, self.size.height) != self._shown:
            self._shown = caption, self.size.height
            bar = "|" if self._ascii_only else "▎"
            more = caption.more if self.size.height >= ROOM_FOR_MORE else ""
            words = " ".join(filter(None, (caption.text, more, caption.keys)))
            text = printable(words, self._ascii_only)
            self.update(Content.assemble((bar, STYLES[caption.tone]), " ", (text, "bold")), layout=False)
