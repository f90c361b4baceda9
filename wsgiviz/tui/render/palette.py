"""The colours behind the names in a row's cell styles: colour-blind safe, and readable on any theme.

The base is the palette of Okabe and Ito (https://jfly.uni-koeln.de/color/). A theme may give its own under
the variables of `COLOURS`; each is then moved towards black or white as far as the theme's background needs.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from textual.color import Color
from textual.style import Style as WordStyle

from wsgiviz.tui.render.line import CellStyle

COLOURS: dict[str, str] = {
    "wsgiviz-wsgi": "#DDE3EA",
    "wsgiviz-asgi": "#56B4E9",
    "wsgiviz-queue": "#CC79A7",
    "wsgiviz-blocked": "#D55E00",
    "wsgiviz-computing": "#F0E442",
    "wsgiviz-gil": "#8533FF",
    "wsgiviz-transfer": "#0072B2",
    "wsgiviz-awaiting": "#009E73",
    "wsgiviz-failed": "#F5F7FA",
}
"""Variables a theme can set, and their defaults: one colour, one meaning. Orange is blocked and nothing else; WSGI
and failures are neutral, and shown by words and signs. Transfer is reading and writing; gil is waiting for the GIL,
in the violet that differs most from all others, for colour-blind people too."""

CONTRAST_VARIABLE = "wsgiviz-contrast"
"""Variable with which a theme asks for more contrast of text than `TEXT_CONTRAST`."""

BLOCK_CONTRAST = 3.0
"""What a shape needs against its background (WCAG 2.1, 1.4.11)."""

TEXT_CONTRAST = 5.0
"""What a text needs on its background, dim labels and labels on blocks too; WCAG 2.1, 1.4.3, asks for 4.5."""

STAGE_CONTRAST = 7.0
"""The same for a projector (WCAG 2.1, 1.4.6)."""

BLACK = Color(0, 0, 0)
WHITE = Color(255, 255, 255)


PLAIN_ONES = frozenset({"", "dim", "faint"})
"""Made from the theme's own two colours."""


class Palette:
    """The styles for one theme, made when first asked for. Names of colours, beside "" and "dim":

    NAME      a shape in the colour `COLOURS` has as wsgiviz-NAME
    NAME+     its second shade, for every other request of a lane
    NAME!     as text on the pane
    NAME~     washed out: what is behind a texture
    NAME*     as text on a block of it, of either shade
    """

    def __init__(self, variables: Mapping[str, str], background: Color, foreground: Color, dark: bool) -> None:
        self._own = None if background.ansi is not None else background.rich_color
        self._background = _solid(background, dark)
        self.text_contrast = float(variables.get(CONTRAST_VARIABLE) or TEXT_CONTRAST)
        self._foreground = readable(_solid(foreground, not dark), self._background, 7.0)
        self._variables = variables
        self._colours: dict[str, Color] = {"": self._foreground, "dim": self._dim(), "faint": self._faint()}
        self._styles: dict[CellStyle, Style] = {}
        self._words: dict[tuple[str, str], WordStyle] = {}

    def style(self, cell: CellStyle) -> Style:
        found = self._styles.get(cell)
        if found is None:
            found = self._styles[cell] = self._made(cell)
        return found

    def colour(self, name: str) -> Color:
        colour = self._colours.get(name)
        if colour is None:
            colour = self._colours[name] = self._derived(name)
        return colour

    def _made(self, cell: CellStyle) -> Style:
        return Style(
            color=None if self._own is None and not cell.front else self.colour(cell.front).rich_color,
            bgcolor=self.colour(cell.back).rich_color if cell.back else self._own,
            bold="b" in cell.flags or None,
            reverse="r" in cell.flags or None,
        )

    def words(self, name: str = "", flags: str = "") -> WordStyle:
        """The same as a style of Textual's content: ``name`` as text."""
        found = self._words.get((name, flags))
        if found is None:
            found = self._words[name, flags] = self._made_words(name, flags)
        return found

    def _made_words(self, name: str, flags: str) -> WordStyle:
        colour = self.colour(name if name in PLAIN_ONES else f"{name}!")
        own = self._own is None and not name
        return WordStyle(foreground=None if own else colour, bold="b" in flags or None, reverse="r" in flags or None)

    def _derived(self, name: str) -> Color:
        base, mark = (name[:-1], name[-1]) if name[-1] in "+!~*" else (name, "")
        given = self._colours.get(base) if base in PLAIN_ONES else None
        if given is None:
            given = Color.parse(self._variables.get(f"wsgiviz-{base}") or COLOURS[f"wsgiviz-{base}"])
        shape = self._shape(given)
        match mark:
            case "!":
                return readable(given, self._background, self.text_contrast)
            case "~":
                return self._background.blend(shape, 0.3)
            case "+":
                return second_shade(shape)
            case "*":
                return label_colour(shape)
        return shape

    def _shape(self, given: Color) -> Color:
        """``given``, so that it stands out from the background and a label can be read on it."""
        shape = readable(given, self._background, BLOCK_CONTRAST)
        goal = away_from(self._background)
        for step in range(41):
            moved = shape.blend(goal, step / 40)
            if contrast(label_colour(moved), moved) >= self.text_contrast:
                return moved
        return goal

    def _dim(self) -> Color:
        return readable(self._background.blend(self._foreground, 0.45), self._background, self.text_contrast)

    def _faint(self) -> Color:
        return self._background.blend(self._foreground, 0.22)


def _solid(colour: Color, dark: bool) -> Color:
    """A colour to reckon with, where the theme leaves it to the terminal."""
    if colour.ansi is not None or colour.a < 1:
        return Color(16, 16, 16) if dark else Color(240, 240, 240)
    return colour


def luminance(colour: Color) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.1)."""
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in (colour.r / 255, colour.g / 255, colour.b / 255)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    """Contrast ratio, 1 to 21 (WCAG 2.1)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable(colour: Color, background: Color, ratio: float) -> Color:
    """``colour``, moved towards black or white until it stands out from ``background`` by ``ratio``."""
    if colour.ansi is not None:
        return colour
    goal = away_from(background)
    for step in range(21):
        moved = colour.blend(goal, step / 20)
        if contrast(moved, background) >= ratio:
            return moved
    return goal


def away_from(background: Color) -> Color:
    """White or black, whichever differs more from it."""
    return WHITE if contrast(WHITE, background) > contrast(BLACK, background) else BLACK


def second_shade(shape: Color) -> Color:
    """A neighbour of ``shape`` on which its label reads even better."""
    goal = BLACK if label_colour(shape) is WHITE else WHITE
    share = 0.28 if goal is WHITE else 0.22
    neighbour = shape.blend(goal, share)
    return neighbour if contrast(neighbour, shape) >= SHADE_CONTRAST else shape.blend(_other(goal), 0.16)


SHADE_CONTRAST = 1.15
"""By so much two requests beside each other differ."""


def _other(colour: Color) -> Color:
    return BLACK if colour is WHITE else WHITE


def label_colour(shape: Color) -> Color:
    """White or black, whichever reads better on it."""
    return WHITE if contrast(WHITE, shape) > contrast(BLACK, shape) else BLACK
