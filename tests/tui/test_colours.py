"""Colours of the panes: every theme can be read, and without colour the words say it all."""

from __future__ import annotations

import pytest
from rich.color import Color
from textual.color import Color as Colour
from textual.theme import BUILTIN_THEMES

from tests.tui.stand_in import Seat, StandIn, watch
from wsgiviz.tui.app import WsgivizApp
from wsgiviz.tui.render.palette import contrast
from wsgiviz.tui.widgets.pane import Pane


def test_no_theme_is_missed() -> None:
    feed = StandIn()
    assert set(WsgivizApp(feed, feed.controls).available_themes) == {*BUILTIN_THEMES, "wsgiviz", "wsgiviz-stage"}


@pytest.mark.parametrize("theme", [*BUILTIN_THEMES, "wsgiviz", "wsgiviz-stage"])
def test_in_every_theme_the_words_can_be_read(theme: str) -> None:
    async def check(seat: Seat) -> None:
        await seat.reads("4 of 4 blocked")
        assert "All 4 workers are blocked" in seat.text
        words = [found for pane in seat.panes for found in words_of(pane)]
        assert len(words) > 40
        assert [(text, ratio) for text, ratio in words if ratio < 3.0] == []

    watch(check, theme=theme)


def words_of(pane: Pane) -> list[tuple[str, float]]:
    """Each piece of text with its contrast; what the terminal's own colours decide counts as read."""
    found = []
    for text, style, _ in (segment for y in range(pane.size.height) for segment in pane.render_line(y)):
        if any(char.isalnum() for char in text) and style is not None:
            colours = [colour for colour in (style.color, style.bgcolor) if colour and colour.triplet]
            front, back = (Colour.from_rich_color(colour) for colour in colours) if len(colours) == 2 else FAR
            found.append((text, contrast(front, back)))
    return found


FAR = Colour(0, 0, 0), Colour(255, 255, 255)


def test_without_colour_the_words_say_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def check(seat: Seat) -> None:
        await seat.reads("4 of 4 blocked")
        styles = [style for strip in seat.strips for _, style, _ in strip if style]
        colours = {colour for style in styles for colour in (style.color, style.bgcolor) if colour}
        assert colours
        assert [colour for colour in colours if not is_grey(colour)] == []

    watch(check)


def is_grey(colour: Color) -> bool:
    return colour.triplet is None or len(set(colour.triplet)) == 1
