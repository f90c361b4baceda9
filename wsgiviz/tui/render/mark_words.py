"""Marks of playback as signs and words."""

from __future__ import annotations

from wsgiviz.events import SIDES
from wsgiviz.log import Mark, MarkType
from wsgiviz.tui.feed import Playhead
from wsgiviz.tui.render.glyphs import Glyphs

SIGNS: dict[MarkType, tuple[str, str]] = {
    MarkType.FIRED: ("▷", ">"),
    MarkType.ALL_BLOCKED: ("■", "#"),
    MarkType.DEEPEST: ("●", "*"),
    MarkType.FIRST_ANSWER: ("✓", "+"),
    MarkType.DONE: ("◆", "="),
}
"""In Unicode, and in ASCII."""


def mark_sign(mark: Mark, glyphs: Glyphs) -> str:
    return SIGNS[mark.type][glyphs.name == "ascii"]


def mark_words(mark: Mark) -> str:
    """ "WSGI  all 4 workers blocked"."""
    name = mark.side.upper() if mark.side in SIDES else mark.side
    words = {
        MarkType.FIRED: f"run {mark.run} fired, {mark.count:,} requests",
        MarkType.ALL_BLOCKED: f"all {mark.count} workers blocked" if mark.count > 1 else "the one worker blocked",
        MarkType.DEEPEST: f"queue deepest, {mark.count:,}",
        MarkType.FIRST_ANSWER: "first answer",
        MarkType.DONE: f"done, {mark.count:,} requests",
    }[mark.type]
    return f"{name}  {words}" if name else words


def mark_line(mark: Mark, playhead: Playhead, glyphs: Glyphs) -> str:
    """With its sign, and its time since its run was fired; where it was not, since the axis's 0 s."""
    fired = (one.t_ns for one in playhead.marks if one.type is MarkType.FIRED and one.run == mark.run)
    since_s = (mark.t_ns - next(fired, playhead.zero_ns)) / 1e9
    return f"{mark_sign(mark, glyphs)} {since_s:7.3f} s   {mark_words(mark)}"
