"""The line at the bottom: the keys that do something here. A click on one is that key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual import events
from textual.content import Content

from wsgiviz.tui.widgets.coloured import Coloured

Hint = tuple[str, str]

KEPT = frozenset({"?", "q", "escape"})
"""Keys whose hints stay when there is no room for all: with them a person finds the others, and the way out."""

GAP = 2

KEY_NAMES = {
    "plus": "+", "minus": "-", "left_square_bracket": "[", "right_square_bracket": "]", "question_mark": "?",
    "less_than_sign": "<", "greater_than_sign": ">", "full_stop": ".", "comma": ",", "slash": "/", "pageup": "pgup",
    "ctrl+p": "^p", "ctrl+s": "^s", "f9": "F9",
}  # fmt: skip
"""Textual's names of keys, and ours."""

KEYS_NAMED = {shown: key for key, shown in KEY_NAMES.items()}


class Keys(Coloured):
    """Shows as many of its hints as fit: the kept ones first, then from left to right.

    Textual's Footer has a widget for each entry, and drops what does not fit at its end, the way out included.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Keys { height: 1; background: $panel; color: $foreground; padding: 0 1; }
    """

    def __init__(self, hints: Sequence[Hint], id: str | None = "keys", classes: str | None = None) -> None:
        super().__init__("", id=id, classes=classes, markup=False)
        self._hints = list(hints)

    def on_resize(self) -> None:
        self.recoloured()

    def show(self, hints: Sequence[Hint]) -> None:
        if list(hints) != self._hints:
            self._hints = list(hints)
            self.recoloured()

    @property
    def _shown(self) -> list[Hint]:
        return fitting_hints(self._hints, self.content_size.width)

    def recoloured(self) -> None:
        if not self.content_size.width:  # not laid out yet: the ways out alone would be a flash
            return
        parts = [
            Content.assemble((key, self.words("", "b")), (f" {what}", self.words("dim"))) for key, what in self._shown
        ]
        self.update(Content(" " * GAP).join(parts), layout=False)

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        key = key_at(self._shown, at.x) if at is not None else ""
        if key:
            event.stop()
            self.app.simulate_key(key)


def key_at(shown: Sequence[Hint], x: int) -> str:
    """The key, by Textual's name, that the cell ``x`` of the line stands for: of an entry with two keys the one that
    is hit, or else the first. "" beside all of them, and for what is no key."""
    start = 0
    for keys, what in shown:
        if start <= x < start + len(keys) + 1 + len(what):
            hit = next((word for word, end in _words(keys) if x < start + end), keys.split(" ")[0])
            return KEYS_NAMED.get(hit, hit)
        start += len(keys) + 1 + len(what) + GAP
    return ""


def _words(keys: str) -> Iterator[tuple[str, int]]:
    """Each key of an entry, and the cell after it."""
    end = 0
    for word in keys.split(" "):
        end += len(word) + 1
        yield word, end


def fitting_hints(hints: Sequence[Hint], width: int) -> list[Hint]:
    """Those that ``width`` cells hold, in their order; a hint that does not fit ends the list, but for kept ones."""
    kept = [hint for hint in hints if hint[0] in KEPT]
    room = width - sum(_cells(hint) for hint in kept) + GAP
    shown = set(kept)
    for hint in hints:
        if hint not in shown:
            room -= _cells(hint)
            if room < 0:
                break
            shown.add(hint)
    return [hint for hint in hints if hint in shown]


def _cells(hint: Hint) -> int:
    return len(hint[0]) + 1 + len(hint[1]) + GAP
