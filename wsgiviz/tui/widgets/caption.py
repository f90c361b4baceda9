"""The sentence below the panes, or one for each of them; at the end of a run, where there is room, its verdict."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.timer import Timer

from wsgiviz.analysis.captions import Caption, Tone
from wsgiviz.analysis.next_steps import in_words
from wsgiviz.printable import printable
from wsgiviz.tui.render.fitting import fitted, lines_of, wrapped
from wsgiviz.tui.widgets.coloured import Coloured

NO_WIDTH = 1_000
"""Before the first layout."""

ROOM_FOR_MORE = 4
"""Lines of the sentence where what explains it is shown too: it is a card then."""

BAR = 2
"""Cells before the sentence: the bar, and a blank."""

WARNING = "!"
"""In place of the bar: shape first, and orange is for what is blocked."""


def caption_text(caption: Caption, width: int, lines: int, ascii_only: bool) -> str:
    """As much of it as ``lines`` lines of ``width`` cells hold behind the bar; the keys only if all else is there."""
    words, ellipsis = [caption.text], "~" if ascii_only else "…"
    if caption.more and lines >= ROOM_FOR_MORE:
        words.append(caption.more)
    text = printable(" ".join(words), ascii_only)
    with_keys = f"{text} {caption.keys}"
    room = width - BAR
    if caption.keys and lines_of(with_keys, room) <= lines:
        return with_keys
    return fitted(text, room, lines, ellipsis)


def row_tone(tone: Tone, first: bool) -> Tone:
    """Of a card's row: what happened may be a warning; why, what would change it and what to try next are none."""
    return tone if first or tone is not Tone.WARN else Tone.PLAIN


def _hanging(text: str, width: int, head: int) -> str:
    """Its lines below each other, behind the bar and a ``head`` of so many cells."""
    return ("\n" + " " * (BAR + head)).join(wrapped(text, width - BAR - head))


LABELS = ("Why", "Change", "Next")
LABEL_CELLS = max(map(len, LABELS)) + 2


def card(caption: Caption, width: int, lines: int, ascii_only: bool) -> list[tuple[str, str]]:
    """The verdict as a label and a sentence for each line: what happened, why, what would change it, what to try
    next. Lines that are left go to what takes more than one; empty where there is no verdict, or no room for it."""
    found = caption.verdict
    if found is None or lines < ROOM_FOR_MORE:
        return []
    what = caption.text.removesuffix(f" {found.words}") if found.words else caption.text
    because = "" if found.because.rstrip(".") in what else found.because  # it may be what happened itself
    why = " ".join(filter(None, (found.words, because)))
    rows = list(zip(("", *LABELS), (what, why, found.change, in_words(found.next)), strict=True))
    rows = [(label, printable(text, ascii_only)) for label, text in rows if text]
    if found.not_measured and len(rows) < lines:
        rows.append(("", printable(found.not_measured, ascii_only)))
    return _within(rows, width, lines, "~" if ascii_only else "…")


def _within(rows: Sequence[tuple[str, str]], width: int, lines: int, ellipsis: str) -> list[tuple[str, str]]:
    """Each sentence in one line, or in two while there are lines left; none is cut where a shorter wording fits."""
    left, made = lines - len(rows), []
    for label, text in rows:
        room = width - BAR - (LABEL_CELLS if label else 0)
        more = min(left, lines_of(text, room) - 1)
        left -= max(0, more)
        made.append((label, fitted(text, room, 1 + max(0, more), ellipsis)))
    return made


Said = tuple[str, str, Caption]
"""A side's name as it is shown, its protocol, and a sentence about it; both empty for a sentence about all."""


class CaptionLine(Coloured):
    """Shows a `Caption`, or one for each side, and only touches the screen when something changes."""

    DEFAULT_CSS = """
    CaptionLine { height: 2; padding: 0 1; background: $background; color: $foreground; }
    """

    def __init__(self, ascii_only: bool) -> None:
        super().__init__("", id="caption", markup=False)
        self._ascii_only = ascii_only
        self._said: tuple[Said, ...] = ()
        self._shown: tuple[object, ...] = ()
        self._notice: Caption | None = None
        self._until: Timer | None = None

    def notice(self, words: str, warn: bool, for_s: float) -> bool:
        """Show ``words`` in place of the sentence for ``for_s`` seconds: beside each other, two could be read as one.
        False, and nothing is shown, where they do not fit."""
        width, lines = self.content_size
        if not (self.display and width) or lines_of(words, width - BAR) > lines:
            return False
        if self._until is not None:
            self._until.stop()
        self._notice = Caption(words, Tone.WARN if warn else Tone.PLAIN)
        self._until = self.set_timer(for_s, self.end_notice)
        self.recoloured()
        return True

    def end_notice(self) -> None:
        self._notice = None
        self.recoloured()

    def show(self, *said: Said) -> None:
        """One sentence, or one for each side in as many lines each."""
        width, lines = self.content_size
        if (said, width, lines) != self._shown:
            self._shown, self._said = (said, width, lines), said
            self.recoloured()

    def on_resize(self) -> None:
        self.show(*self._said)

    def recoloured(self) -> None:
        width, lines = self.content_size
        said = self._said if self._notice is None else (("", "", self._notice),)
        if not said:
            return
        rows = card(said[0][2], width, lines, self._ascii_only) if len(said) == 1 else []
        if rows:
            texts = [self._row(said[0][2], label, text, at == 0) for at, (label, text) in enumerate(rows)]
        else:
            each = max(1, (lines or len(said)) // len(said))
            texts = [self._text(one, width or NO_WIDTH, each) for one in said]
        self.update(Content("\n").join(texts), layout=False)

    def _bar(self, tone: Tone, protocol: str) -> Content:
        colour = "awaiting" if tone is Tone.GOOD and not protocol else protocol
        if tone is Tone.WARN:
            return Content.styled(WARNING, self.words("", "b"))
        return Content.styled("|" if self._ascii_only else "▎", self.words(colour))

    def _row(self, caption: Caption, label: str, text: str, first: bool) -> Content:
        head = Content.styled(f"{label:<{LABEL_CELLS}}", self.words("dim")) if label else Content("")
        tone = row_tone(caption.tone, first)
        text = _hanging(text, self.content_size.width, head.cell_length)
        return Content.assemble(self._bar(tone, ""), " ", head, (text, self.words("", "b" if first else "")))

    def _text(self, said: Said, width: int, lines: int) -> Content:
        name, protocol, caption = said
        label = f"{name}  " if name else ""
        text = caption_text(caption, width - len(label), lines, self._ascii_only)
        text = _hanging(text, width, len(label))
        bold = self.words("", "b")
        return Content.assemble(
            self._bar(caption.tone, protocol), " ", (label, self.words(protocol, "b")), (text, bold)
        )
