"""Digits of blocks, for the stage: five lines high, or ten, where Textual's own are three."""

from __future__ import annotations

from functools import lru_cache

PIXELS = {
    "0": ("###", "# #", "# #", "# #", "###"),
    "1": (" # ", "## ", " # ", " # ", "###"),
    "2": ("###", "  #", "###", "#  ", "###"),
    "3": ("###", "  #", "###", "  #", "###"),
    "4": ("# #", "# #", "###", "  #", "  #"),
    "5": ("###", "#  ", "###", "  #", "###"),
    "6": ("###", "#  ", "###", "# #", "###"),
    "7": ("###", "  #", "  #", "  #", "  #"),
    "8": ("###", "# #", "###", "# #", "###"),
    "9": ("###", "# #", "###", "  #", "###"),
    ".": (" ", " ", " ", " ", "#"),
    "s": ("   ", "   ", " ##", " # ", "## "),
    "x": ("   ", "   ", "# #", " # ", "# #"),
}
"""Three pixels wide, but for the point."""

LINES = 5

CELLS = 2
"""Of a pixel: two cells beside each other are about a square."""


@lru_cache(maxsize=256)
def block_digits(text: str, scale: int, ascii_only: bool) -> tuple[str, ...]:
    """``text`` as ``LINES * scale`` lines of equal width; of other characters than in `PIXELS` nothing is drawn."""
    full, lines = "#" if ascii_only else "█", []
    for line in range(LINES):
        pixels = " ".join(PIXELS[char][line] for char in text if char in PIXELS)
        drawn = "".join((full if pixel == "#" else " ") * CELLS * scale for pixel in pixels)
        lines += [drawn] * scale
    return tuple(lines)


def cells(text: str, scale: int) -> int:
    """The width of ``text``."""
    return CELLS * scale * (sum(len(PIXELS[char][0]) + 1 for char in text if char in PIXELS) - 1)
