"""Drawing on one line of cells: a time scale in eighths of a cell, and blocks with sharp ends.

A block may begin and end inside a cell: block elements fill a cell from the left by eighths, reversed style
fills it from the right, and one with a colour in front and another behind holds the end of one block and the
beginning of the next.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from wsgiviz.state import Activity
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.line import PLAIN, CellStyle, Part

EIGHTHS = 8

TENTH_NS = 100_000_000
"""Figures that run are shown in tenths of a second."""

STEP_NS_PER_LANE = 4_000_000
"""A growing lane is drawn anew this seldom, times the number of lanes."""

RIGHT = {4: "▐", 7: "▕"}

ROUGH = frozenset({Activity.BOOTING.value, Activity.STOPPING.value})
"""Textures without an edge: drawn by whole cells."""


class Scale(NamedTuple):
    """Maps times to places on a line of ``cells`` cells. Make one with `over`."""

    start_ns: int
    end_ns: int
    cells: int
    eighths: int
    per_ns: float
    """Eighths of a cell per nanosecond."""

    @classmethod
    def over(cls, start_ns: int, end_ns: int, cells: int) -> Scale:
        eighths = cells * EIGHTHS
        return cls(start_ns, end_ns, cells, eighths, eighths / max(1, end_ns - start_ns))

    def exact(self, t_ns: int) -> float:
        """In eighths of a cell from the left edge; may lie outside."""
        return (t_ns - self.start_ns) * self.per_ns

    def stepped(self, t_ns: int, lanes: int, tenth_ns: int = 0) -> int:
        """``t_ns``, held back to the last step that ``lanes`` growing lanes take together.

        A few lanes grow by eighths of a cell; many grow in larger steps, so that a frame costs no more. Steps of
        about a tenth of a second come when the figures change, to be drawn with them: at ``tenth_ns``, and each tenth
        from there on.
        """
        eighth_ns = max(1, (self.end_ns - self.start_ns) // self.eighths)
        size = next((n for n in (1, 2, 4) if n * eighth_ns >= lanes * STEP_NS_PER_LANE), EIGHTHS)
        step_ns = size * eighth_ns
        if 2 * step_ns >= TENTH_NS:
            step_ns = max(1, step_ns // TENTH_NS) * TENTH_NS
            return max(self.start_ns, tenth_ns + (t_ns - tenth_ns) // step_ns * step_ns)
        return self.start_ns + (t_ns - self.start_ns) // step_ns * step_ns

    def at(self, t_ns: int) -> int:
        """In whole eighths, inside the line."""
        place = round((t_ns - self.start_ns) * self.per_ns)
        return 0 if place < 0 else min(place, self.eighths)


class Block(NamedTuple):
    """Something with a texture from ``left`` to ``right``, in eighths. Blocks of a group belong together."""

    left: int
    right: int
    texture: str
    colour: str
    group: int = 0


class Chart:
    """One line of cells, each a character and its style.

    A style is kept as a character too (`_code`): so runs of one style are found by a regular expression, which takes
    a tenth of the time of a loop over the cells.
    """

    __slots__ = ("_codes", "chars")

    def __init__(self, cells: int) -> None:
        self.chars = [" "] * cells
        self._codes = [_code(PLAIN)] * cells

    def copy(self) -> Chart:
        other = Chart(0)
        other.chars, other._codes = self.chars.copy(), self._codes.copy()
        return other

    def style(self, cell: int) -> CellStyle:
        return _STYLES[ord(self._codes[cell])]

    def fill(self, first: int, end: int, char: str, style: CellStyle) -> None:
        end = min(end, len(self.chars))
        if first < end:
            self.chars[first:end] = char * (end - first)
            self._codes[first:end] = _code(style) * (end - first)

    def put(self, cell: int, char: str, style: CellStyle) -> None:
        if 0 <= cell < len(self.chars):
            self.chars[cell] = char
            self._codes[cell] = _code(style)

    def write(self, cell: int, text: str, style: CellStyle) -> None:
        for offset, char in enumerate(text):
            self.put(cell + offset, char, style)

    def label(self, cell: int, text: str) -> None:
        """Write on what is there, in its colours."""
        cells = slice(cell, cell + len(text))
        self.chars[cells] = text
        self._codes[cells] = map(_label_code, self._codes[cells])

    def longest_run(self, first: int, end: int) -> tuple[int, int]:
        """The longest run of cells between these that has one style: across two, words can't be read."""
        runs = RUN.finditer("".join(self._codes[first:end]))
        longest = max((run.span() for run in runs), key=lambda span: span[1] - span[0], default=(0, 0))
        return first + longest[0], first + longest[1]

    def parts(self) -> list[Part]:
        """The line as runs of the same style."""
        text, codes = "".join(self.chars), "".join(self._codes)
        return [Part(text[run.start() : run.end()], _STYLES[ord(run[1])]) for run in RUN.finditer(codes)]


RUN = re.compile(r"(.)\1*", re.DOTALL)

_STYLES: list[CellStyle] = []
_CODES: dict[CellStyle, str] = {}


def _code(style: CellStyle) -> str:
    """The character that stands for a style, of which there are some dozens."""
    code = _CODES.get(style)
    if code is None:
        code = _CODES[style] = chr(len(_STYLES))
        _STYLES.append(style)
    return code


@lru_cache(maxsize=1024)
def _label_code(code: str) -> str:
    """Of a name on a block of that style."""
    colour = _STYLES[ord(code)].front
    return _code(CellStyle(colour, colour.rstrip("+") + "*", "br"))


def texture_style(texture: str, colour: str) -> CellStyle:
    """Solid blocks are one colour through and through; textures show on a wash of their colour."""
    if texture == Activity.BLOCKED or texture == "held":
        return CellStyle(colour, colour)
    if texture in ROUGH:
        return CellStyle(colour)
    return CellStyle(colour, colour.rstrip("+") + "~")


def draw_block(chart: Chart, before: Block, block: Block, glyphs: Glyphs) -> None:
    """Draw a block behind the one drawn ``before``, with which it may share a cell."""
    if glyphs.eighths:
        _draw_block(chart, before, block, glyphs)
    else:
        _draw_whole_cells(chart, before, block, glyphs)


def _draw_block(chart: Chart, before: Block, block: Block, glyphs: Glyphs) -> None:
    eighths = glyphs.eighths
    first, lead = divmod(block.left, EIGHTHS)
    last, tail = divmod(block.right, EIGHTHS)
    full = first + 1 if lead else first
    style = texture_style(block.texture, block.colour)
    if block.texture in ROUGH:
        ends = round(block.left / EIGHTHS), round(block.right / EIGHTHS)
        chart.fill(*ends, glyphs.texture[block.texture], style)
        return
    shared = before.right > first * EIGHTHS
    if lead and shared:
        if last > first:
            chart.put(first, eighths[before.right % EIGHTHS or lead], CellStyle(before.colour, block.colour))
    elif lead and last > first:
        _fill_right(chart, first, lead, block.colour, eighths)
    elif lead:
        _draw_sliver(chart, first, lead, tail, block.colour, eighths)
    chart.fill(full, last, glyphs.texture[block.texture], style)
    if tail and full <= last:
        chart.put(last, eighths[tail], CellStyle(block.colour))


def _draw_sliver(chart: Chart, cell: int, lead: int, tail: int, colour: str, eighths: str) -> None:
    """A block inside one cell: at the side of the cell that it is nearer to."""
    size = tail - lead
    if lead <= EIGHTHS - tail:
        chart.put(cell, eighths[size], CellStyle(colour))
    else:
        _fill_right(chart, cell, EIGHTHS - size, colour, eighths)


def _fill_right(chart: Chart, cell: int, lead: int, colour: str, eighths: str) -> None:
    """A cell filled from the right but for ``lead`` eighths; two of these have a sign of their own."""
    if lead in RIGHT:
        chart.put(cell, RIGHT[lead], CellStyle(colour))
    else:
        chart.put(cell, eighths[lead], CellStyle(colour, "", "r"))


def _draw_whole_cells(chart: Chart, before: Block, block: Block, glyphs: Glyphs) -> None:
    first, end = round(block.left / EIGHTHS), round(block.right / EIGHTHS)
    style = texture_style(block.texture, block.colour)
    chart.fill(first, max(end, first + 1), glyphs.texture[block.texture], style)
    if before.group != block.group and before.texture and round(before.right / EIGHTHS) == first > 0:
        chart.put(first - 1, glyphs.step, CellStyle(before.colour))
