"""From a screen to SVG, and from SVG to PNG: the same screen gives the same bytes."""

from __future__ import annotations

import html
import io
import re
import shutil
import subprocess
from collections.abc import Iterator
from ctypes.util import find_library
from functools import lru_cache

from PIL import Image
from textual.app import App

FONT = "DejaVu Sans Mono"
CELL, LINE = 12.2, 24.4
"""A cell in the SVG that Textual exports, in pixels."""

TEXT = re.compile(
    r'<text class="([^"]*)" x="([\d.]+)" y="([\d.]+)" textLength="[\d.]+"([^>]*)>([^<]*)</text>', re.DOTALL
)
OVERLAP = 0.25
"""By so much lines overlap there."""

BASELINE = 18.5
"""From the top of a line to where its text stands."""


def svg_of(app: App[int], title: str) -> str:
    """What is on the screen, in fonts that are on this machine, every character in its cell."""
    svg = app.export_screenshot(title=title, simplify=True)
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*;", f"font-family: '{FONT}', monospace;", svg)
    return TEXT.sub(_in_cells, svg)


def png_of(svg: str, width: int) -> bytes:
    """Of that width in pixels, in at most 256 colours."""
    made = io.BytesIO()
    image_of(svg, width).quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        made, "PNG", optimize=True
    )
    return made.getvalue()


def image_of(svg: str, width: int) -> Image.Image:
    """Raises RuntimeError where the font is missing: another one would make another picture."""
    if not has_font():
        raise RuntimeError(f"the font {FONT} is missing (Debian: apt install fonts-dejavu-core)")
    import cairosvg  # needs the library cairo, which not every machine has

    drawn: bytes = cairosvg.svg2png(bytestring=svg.encode(), output_width=width)
    return Image.open(io.BytesIO(drawn)).convert("RGB")


@lru_cache
def has_font() -> bool:
    """Whether pictures can be drawn here: fontconfig finds the font, and the library cairo is there."""
    if shutil.which("fc-match") is None or find_library("cairo") is None:
        return False
    found = subprocess.run(["fc-match", "--format=%{family}", FONT], capture_output=True, text=True, check=False)
    return found.stdout.startswith(FONT)


def _in_cells(found: re.Match[str]) -> str:
    """Blocks as rectangles, which meet at their edges; all other characters one by one, as widths differ."""
    style, x, y, more, text = found.groups()
    start, top = float(x), float(y) - BASELINE
    chars = html.unescape(text)
    rects = "".join(_rectangles(chars, style, start, top, more))
    letters = [(at, char) for at, char in enumerate(chars) if char not in SHAPES and char not in "  "]
    if not letters:
        return rects
    if MISSING in chars:
        rects += "".join(_dots(style, start + at * CELL, top, more) for at, char in letters if char == MISSING)
        letters = [(at, char) for at, char in letters if char != MISSING]
    cells = " ".join(f"{start + at * CELL:.1f}" for at, _ in letters)
    words = html.escape("".join(char for _, char in letters), quote=False)
    return f'{rects}<text class="{style}" x="{cells}" y="{y}"{more}>{words}</text>'


def _rectangles(chars: str, style: str, start: float, top: float, more: str) -> Iterator[str]:
    at = 0
    while at < len(chars):
        if chars[at] not in SHAPES:
            at += 1
            continue
        first, (left, upper, right, lower) = at, SHAPES[chars[at]]
        while at + 1 < len(chars) and chars[at + 1] == chars[first] and (left, right) == (0, 1):
            at += 1  # one rectangle for all: no seam between them
        at += 1
        x, width = start + (first + left) * CELL, (at - first - 1 + right - left) * CELL
        y, height = top + upper * LINE, (lower - upper) * LINE + OVERLAP * (lower == 1)
        yield (
            f'<rect class="{style}" x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}"'
            f' shape-rendering="crispEdges"{more}/>'
        )


def _dots(style: str, left: float, top: float, more: str) -> str:
    """Three of them, one above the other."""
    places = (top + share * LINE for share in (0.27, 0.5, 0.73))
    return "".join(f'<circle class="{style}" cx="{left + CELL / 2:.2f}" cy="{y:.2f}" r="1.4"{more}/>' for y in places)


MISSING = "⋮"
"""The one character of ours that the font does not have."""

SHAPES: dict[str, tuple[float, float, float, float]] = {
    "█": (0, 0, 1, 1),
    "▀": (0, 0, 1, 0.5),
    "▐": (0.5, 0, 1, 1),
    "▔": (0, 0, 1, 1 / 8),
    "▕": (7 / 8, 0, 1, 1),
    **{char: (0, 0, 1 - at / 8, 1) for at, char in enumerate("▉▊▋▌▍▎▏", 1)},
    **{char: (0, 1 - at / 8, 1, 1) for at, char in enumerate("▁▂▃▄▅▆▇", 1)},
}
"""Characters that are drawn: left, top, right and bottom in their cell, of 1."""
