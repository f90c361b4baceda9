"""Colours which can be read and distinguished on every theme: each pair that is used is computed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from wsgiviz.tui.render.head_rows import BUSY_STYLE
from wsgiviz.tui.render.history import COLOUR
from wsgiviz.tui.render.line import CellStyle
from wsgiviz.tui.render.palette import (
    BLOCK_CONTRAST,
    COLOURS,
    SHADE_CONTRAST,
    STAGE_CONTRAST,
    TEXT_CONTRAST,
    Palette,
    contrast,
)
from wsgiviz.tui.render.task_lanes import SIGN_COLOURS, STYLES
from wsgiviz.tui.themes import STAGE, WSGIVIZ

NAMES = sorted(name.removeprefix("wsgiviz-") for name in COLOURS)

THEMES: dict[str, Theme] = {
    **{name: theme for name, theme in BUILTIN_THEMES.items() if not theme.ansi},
    WSGIVIZ.name: WSGIVIZ,
    STAGE.name: STAGE,
}

BACKGROUNDS = ("background", "surface", "panel")
"""What header, panes, sentence and code are drawn on."""


def palettes(name: str) -> Iterator[tuple[Palette, Color]]:
    """The palette on each background of a theme."""
    theme = THEMES[name]
    variables = {**theme.to_color_system().generate(), **theme.variables}
    for behind in BACKGROUNDS:
        background = Color.parse(variables[behind])
        yield Palette(variables, background, Color.parse(variables["foreground"]), theme.dark), background


every_theme = pytest.mark.parametrize("name", THEMES)


@every_theme
def test_every_text_can_be_read_on_its_background(name: str) -> None:
    least = STAGE_CONTRAST if name == STAGE.name else TEXT_CONTRAST
    for colours, background in palettes(name):
        assert colours.text_contrast == least
        for text in ("", "dim", *(f"{colour}!" for colour in NAMES)):
            assert contrast(colours.colour(text), background) >= least, text


@every_theme
def test_every_label_can_be_read_on_both_shades_of_its_block(name: str) -> None:
    for colours, _ in palettes(name):
        for colour in NAMES:
            label = colours.colour(f"{colour}*")
            assert contrast(label, colours.colour(colour)) >= colours.text_contrast, colour
            assert contrast(label, colours.colour(f"{colour}+")) >= colours.text_contrast, colour


@every_theme
def test_shapes_stand_out_and_neighbours_differ(name: str) -> None:
    for colours, background in palettes(name):
        for colour in NAMES:
            assert contrast(colours.colour(colour), background) >= BLOCK_CONTRAST - 0.01, colour
            assert contrast(colours.colour(colour), colours.colour(f"{colour}+")) >= SHADE_CONTRAST - 0.03, colour


def test_orange_is_what_is_blocked_and_nothing_else() -> None:
    states = {state for state, style in BUSY_STYLE.items() if "blocked" in style.front}
    assert states == {"blocked"}
    assert {activity.value for activity, colour in COLOUR.items() if colour == "blocked"} == {"blocked"}
    assert "blocked" not in {style.front.rstrip("!") for style in STYLES.values()} | set(SIGN_COLOURS.values())
    for theme in (WSGIVIZ, STAGE):
        system = (theme.primary, theme.secondary, theme.accent, theme.success, theme.warning, theme.error)
        assert [colour for colour in system if colour and is_orange(Color.parse(colour))] == []
    others = [name for name in NAMES if name != "blocked" and is_orange(Color.parse(COLOURS[f"wsgiviz-{name}"]))]
    assert others == []


@every_theme
def test_the_sides_keep_their_colours(name: str) -> None:
    """WSGI is neutral and ASGI is sky blue, in every theme."""
    for colours, _ in palettes(name):
        assert colours.colour("wsgi").hsl[1] <= 0.3
        hue = colours.colour("asgi!").hsl[0] * 360
        assert 190 <= hue <= 215


def is_orange(colour: Color) -> bool:
    hue, saturation, lightness = colour.hsl
    return 10 <= hue * 360 <= 48 and saturation > 0.5 and 0.2 < lightness < 0.8


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
