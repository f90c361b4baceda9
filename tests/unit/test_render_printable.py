"""Whatever an app or a request says can't do anything to the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from wsgiviz.printable import printable


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b2J", r"\x9b2J"),
        ("a\nb\tc\x00", r"a\nb\tc\x00"),
        ("user\u202egnp.exe", r"user\u202egnp.exe"),
        ("x\u0301", r"x\u0301"),
        ("中", r"\u4e2d"),
        ("\u200b\ufeff", r"\u200b\ufeff"),
        ("\ud800", r"\ud800"),
        ("[bold]not markup[/]", "[bold]not markup[/]"),
        ("é│", "é│"),
    ],
)
def test_it_escapes_what_is_not_plainly_visible(hostile: str, harmless: str) -> None:
    assert printable(hostile) == harmless


def test_ascii_escapes_everything_else() -> None:
    assert printable("é│", ascii_only=True) == r"\xe9\u2502"


@given(st.text(st.characters(), max_size=40), st.booleans())
def test_any_text_becomes_one_visible_cell_a_character(text: str, ascii_only: bool) -> None:
    shown = printable(text, ascii_only)
    assert shown.isprintable()
    assert cell_len(shown) == len(shown)
    assert shown.isascii() or not ascii_only
