"""Texts for terminals and pipes: harmless, and in ASCII where that is all there is."""

from __future__ import annotations

from rich.console import Console

from wsgiviz.printable import printable

IN_ASCII = str.maketrans(
    {"⌈": "ceil(", "⌉": ")", "×": "x", "█": "#", "░": ".", "…": "...", "≈": "~", "±": "+-", "✓": "ok", "✗": "NO"}
)


def plain(console: Console, wanted: bool) -> bool:
    """Whether to keep to ASCII: because a person wants it, or because the encoding has no more."""
    return wanted or not console.encoding.lower().startswith("utf")


def spelled(text: str, ascii_only: bool) -> str:
    """``text`` on one line, with what an app may have put into it escaped; our own signs in ASCII if need be."""
    return printable(text.translate(IN_ASCII) if ascii_only else text, ascii_only)
