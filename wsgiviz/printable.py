"""Texts from a request or an app, made harmless for a terminal."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import get_character_cell_size


@lru_cache(maxsize=2048)
def printable(text: str, ascii_only: bool = False) -> str:
    r"""``text`` with every character that is not plainly one visible cell written as its escape (``\x1b``).

    That takes in C0 and C1 controls, ESC, bidirectional and zero-width controls, line separators, lone
    surrogates, combining and wide characters: the rest has as many cells as characters. Backslashes stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _harmless(char, ascii_only) else _escaped(char) for char in text)


def _harmless(char: str, ascii_only: bool) -> bool:
    if char.isascii():
        return char.isprintable()
    return not ascii_only and char.isprintable() and get_character_cell_size(char) == 1


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")
