"""A theme's own colours of text, moved as far as its backgrounds need: many themes have too little contrast."""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color, ColorParseError

from wsgiviz.tui.render.palette import (
    CONTRAST_VARIABLE,
    TEXT_CONTRAST,
    away_from,
    contrast,
    label_colour,
)
from wsgiviz.tui.render.palette import readable as moved_until_readable

BACKGROUNDS = ("background", "surface", "panel")

FOCUS_TINT = 0.05
"""Textual tints what has the focus by so much of the foreground."""


def readable(variables: Mapping[str, str]) -> dict[str, str]:
    """``variables``, with text that can be read."""
    return {**variables, **_changed(variables)}


def _changed(variables: Mapping[str, str]) -> dict[str, str]:
    """Those that are changed. None where the theme leaves its colours to the terminal."""
    backgrounds = [_parsed(variables.get(name, "")) for name in BACKGROUNDS]
    foreground = _parsed(variables.get("foreground", ""))
    known = [colour for colour in backgrounds if colour is not None]
    if foreground is None or len(known) < len(BACKGROUNDS):
        return {}
    ratio = float(variables.get(CONTRAST_VARIABLE) or TEXT_CONTRAST)
    text = _on_all(foreground, known, ratio).hex
    cursor = _parsed(variables.get("block-cursor-background", "")) or foreground
    bar = _bar(cursor, ratio)
    return {
        "foreground": text,
        "text-disabled": text,  # placeholders of inputs
        "input-cursor-background": text,
        "input-cursor-foreground": label_colour(Color.parse(text)).hex,
        "input-selection-foreground": bar[1].hex,
        "input-selection-background": bar[0].hex,
        "block-cursor-background": bar[0].hex,
        "block-cursor-foreground": bar[1].hex,
        "block-cursor-blurred-background": bar[0].hex,
        "block-cursor-blurred-foreground": bar[1].hex,
    }


def _parsed(value: str) -> Color | None:
    """A solid colour; None for what only the terminal, or what lies below, decides."""
    try:
        colour = Color.parse(value)
    except ColorParseError:
        return None
    return colour if colour.ansi is None and colour.a == 1 else None


def _on_all(colour: Color, backgrounds: list[Color], ratio: float) -> Color:
    goal = away_from(backgrounds[0])
    for step in range(21):
        moved = colour.blend(goal, step / 20)
        tinted = [background.blend(moved, FOCUS_TINT) for background in backgrounds]
        if all(contrast(moved, background) >= ratio for background in [*backgrounds, *tinted]):
            return moved
    return goal


def _bar(colour: Color, ratio: float) -> tuple[Color, Color]:
    """The cursor's bar, and what is written on it."""
    label = label_colour(colour)
    return moved_until_readable(colour, label, ratio), label
