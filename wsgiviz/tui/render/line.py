"""A row of a pane before it is painted: pieces of text, each with the style it is drawn in.

A row says all that there is to see in it, so it is its own cache key: equal rows look the same. It knows
names of colours only; `wsgiviz.tui.render.palette` has the colours.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class CellStyle(NamedTuple):
    """Names of the colours in front and behind, "" for the pane's own, and what else: b bold, r reversed.

    Reversed style keeps a block solid where colours are taken away (NO_COLOR).
    """

    front: str = ""
    back: str = ""
    flags: str = ""


class Part(NamedTuple):
    text: str
    style: CellStyle


Row = tuple[Part, ...]

PLAIN = CellStyle()
DIM = CellStyle("dim")
BOLD = CellStyle(flags="b")


@lru_cache(maxsize=16)
def blank_row(width: int) -> Row:
    return (Part(" " * width, PLAIN),) if width > 0 else ()


def text_of(row: Row) -> str:
    return "".join(part.text for part in row)


class Line:
    """Builds one row, exactly ``width`` cells wide. Every text given must have one cell per character."""

    __slots__ = ("_parts", "_width", "used")

    def __init__(self, width: int) -> None:
        self._parts: list[Part] = []
        self._width = width
        self.used = 0

    @property
    def left(self) -> int:
        return self._width - self.used

    def add(self, text: str, style: CellStyle = PLAIN) -> Line:
        text = text[: self._width - self.used]
        if text:
            self._parts.append(Part(text, style))
            self.used += len(text)
        return self

    def extend(self, parts: list[Part]) -> Line:
        for text, style in parts:
            self.add(text, style)
        return self

    def to(self, column: int) -> Line:
        """Blanks up to ``column``."""
        return self.add(" " * max(0, column - self.used))

    def first_fitting(self, *texts: tuple[Part, ...]) -> Line:
        """The first of several wordings, longest first, that leaves a cell free; else the last, cut."""
        room = self.left - 1
        for parts in texts:
            if sum(len(part.text) for part in parts) <= room:
                return self.extend(list(parts))
        return self.extend(cut(list(texts[-1]), room + 1))

    def row(self) -> Row:
        self.to(self._width)
        return tuple(self._parts)


def cut(parts: list[Part], width: int) -> list[Part]:
    """The parts, as far as they fit into ``width`` cells."""
    kept = []
    for text, style in parts:
        if width <= 0:
            break
        kept.append(Part(text[:width], style))
        width -= len(text)
    return kept


def shortened(text: str, width: int, ellipsis: str) -> str:
    """``text``, its end replaced by an ellipsis when it is longer than ``width`` cells."""
    if len(text) <= width:
        return text
    return text[: max(0, width - 1)] + ellipsis if width > 0 else ""
