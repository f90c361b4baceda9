"""A step's Markdown as lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgiviz.lessons import library
from wsgiviz.tui.render.markdown import markdown_lines


def plain(text: str, width: int = 40, ascii_only: bool = False) -> list[str]:
    return [line.plain for line in markdown_lines(text, width, ascii_only)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one\ntwo", ["one two"]),
        ("one\n\ntwo", ["one", "", "two"]),
        ("## Title\n\ntext", ["Title", "", "text"]),
        ("- a\n- b\n  - c\n- d", ["• a", "• b", "  • c", "• d"]),
        ("3. a\n4. b", ["3. a", "4. b"]),
        ("- a\n\n  b\n- c", ["• a", "  b", "• c"]),
        ("    x = 1\n    y = 2\n\ntext", ["  x = 1", "  y = 2", "", "text"]),
        ("```python\nx  =  1\n```", ["  x  =  1"]),
        ("| a | bbb |\n|---|---|\n| cc | d |", ["a   bbb", "cc  d"]),
        ("[words](http://example.org) and <http://example.org>", ["words and http://example.org"]),
        ("![a picture](x.png)", ["a picture"]),
        ("<b>not HTML</b>", ["<b>not HTML</b>"]),
        ("[bold]no markup[/] [@click=app.quit]x[/]", ["[bold]no markup[/] [@click=app.quit]x[/]"]),
        ("> quoted", ["quoted"]),
        ("", []),
    ],
)
def test_blocks(text: str, lines: list[str]) -> None:
    assert [line.rstrip() for line in plain(text, 60)] == lines


def test_an_item_hangs_behind_its_bullet() -> None:
    assert plain("- one two three four", 12) == ["• one two", "  three four"]


def test_emphasis_and_code_are_styles() -> None:
    [line] = markdown_lines("**a** *b* `c` d", 40)
    assert [(line.plain[span.start : span.end], span.style) for span in line.spans] == [
        ("a", "bold"),
        ("b", "italic"),
        ("c", "$foreground on $panel"),
    ]


def test_controls_are_shown_and_do_nothing() -> None:
    assert plain("a\x1b[31mb\x07c \u202ed", 60) == [r"a\x1b[31mb\x07c \u202ed"]


@given(st.text(max_size=300), st.integers(min_value=1, max_value=80), st.booleans())
def test_any_text_stays_within_its_width(text: str, width: int, ascii_only: bool) -> None:
    for line in markdown_lines(text, width, ascii_only):
        assert "\x1b" not in line.plain
        assert all(char.isprintable() for char in line.plain)
        assert line.cell_length <= max(width, 8) + 4 * 12  # deep lists may be wider than a very narrow window
        assert not ascii_only or line.plain.isascii()


def test_a_step_of_the_course_fits_beside_the_panes() -> None:
    """In 42 columns, of which four are no text, and the 34 lines of a terminal of 36."""
    long = {
        f"{lesson.name} {number}": len(plain(step.text, 38))
        for shelf in (library.course(), library.clinic())
        for lesson in shelf.lessons
        for number, step in enumerate(lesson.steps, 1)
    }
    assert {name: lines for name, lines in long.items() if lines > 30} == {}
