"""Colours which can be read and distinguished on every theme of Textual's."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from wsgiviz.tui.render.line import CellStyle
from wsgiviz.tui.render.palette import (
    BLOCK_CONTRAST,
    COLOURS,
    DIM_CONTRAST,
    LABEL_CONTRAST,
    TEXT_CONTRAST,
    Palette,
    contrast,
)

NAMES = sorted(name.removeprefix("wsgiviz-") for name in COLOURS)


def palette(theme: str) -> tuple[Palette, Color]:
    variables = BUILTIN_THEMES[theme].to_color_system().generate()
    background = Color.parse(variables["surface"])
    dark = BUILTIN_THEMES[theme].dark
    return Palette(variables, background, Color.parse(variables["foreground"]), dark), background


SOLID = sorted(name for name, theme in BUILTIN_THEMES.items() if not theme.ansi)


@pytest.mark.parametrize("theme", SOLID)
def test_shapes_and_words_stand_out(theme: str) -> None:
    colours, background = palette(theme)
    for name in NAMES:
        assert contrast(colours.colour(name), background) >= BLOCK_CONTRAST - 0.05, name
        assert contrast(colours.colour(name + "!"), background) >= TEXT_CONTRAST - 0.05, name
        assert contrast(colours.colour(name + "*"), colours.colour(name)) >= LABEL_CONTRAST - 0.05, name
        assert contrast(colours.colour(name + "*"), colours.colour(name + "+")) >= 3, name
    assert contrast(colours.colour("dim"), background) >= DIM_CONTRAST - 0.05


@pytest.mark.parametrize("theme", SOLID)
def test_neighbouring_requests_differ_in_shade(theme: str) -> None:
    colours, _ = palette(theme)
    for name in NAMES:
        assert contrast(colours.colour(name), colours.colour(name + "+")) >= 1.15, name


def test_a_theme_can_set_a_colour_of_its_own() -> None:
    black = Color(0, 0, 0)
    own = Palette({"wsgiviz-blocked": "#ff00ff"}, black, Color(255, 255, 255), dark=True)
    assert own.colour("blocked").hex == "#FF00FF"


@pytest.mark.parametrize("dark", [True, False])
def test_where_the_terminal_has_the_colours_they_stay_its_own(dark: bool) -> None:
    default = Color.parse("ansi_default")
    colours = Palette({}, default, default, dark)
    assert (colours.style(CellStyle()).color, colours.style(CellStyle()).bgcolor) == (None, None)
    solid = colours.style(CellStyle("blocked", "blocked"))
    assert solid.color == solid.bgcolor
