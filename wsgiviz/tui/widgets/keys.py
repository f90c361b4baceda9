"""The line at the bottom: the keys that do something here."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from wsgiviz.tui.widgets.coloured import Coloured

Hint = tuple[str, str]

KEPT = frozenset({"?", "q"})
"""Keys whose hints stay when there is no room for all: with them a person finds the others, and the way out."""

GAP = 2


class Keys(Coloured):
    """Shows as many of its hints as fit: the kept ones first, then from left to right."""

    DEFAULT_CSS = """
    Keys { height: 1; background: $panel; color: $foreground; padding: 0 1; }
    """

    def __init__(self, hints: list[Hint]) -> None:
        super().__init__("", id="keys", markup=False)
        self._hints = hints

    def on_resize(self) -> None:
        self.recoloured()

    def show(self, hints: list[Hint]) -> None:
        if hints != self._hints:
            self._hints = hints
            self.recoloured()

    def recoloured(self) -> None:
        shown = fitting_hints(self._hints, self.content_size.width)
        parts = [Content.assemble((key, self.words("", "b")), (f" {what}", self.words("dim"))) for key, what in shown]
        self.update(Content(" " * GAP).join(parts), layout=False)


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
