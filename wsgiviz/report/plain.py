"""Signs for terminals and pipes that can only show ASCII."""

from __future__ import annotations

from rich.console import Console

IN_ASCII = str.maketrans({"⌈": "ceil(", "⌉": ")", "×": "x", "█": "#", "░": ".", "…": "..."})


def plain(console: Console, wanted: bool) -> bool:
    """Whether to keep to ASCII: because a person wants it, or because the encoding has no more."""
    return wanted or not console.encoding.lower().startswith("utf")


def spelled(text: str, ascii_only: bool) -> str:
    """``text`` with our own signs written in ASCII where that is all there is."""
    return text.translate(IN_ASCII) if ascii_only else text
