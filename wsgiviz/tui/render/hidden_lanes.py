"""Which lanes are shown where not all have room, and what is said of the others."""

from __future__ import annotations

from collections.abc import Sequence

from wsgiviz.state import Task
from wsgiviz.tui.render.line import DIM, Line, Part, Row
from wsgiviz.tui.render.view import PaneView


def window(count: int, room: int, scroll: int) -> tuple[int, int, bool]:
    """First and end of the lanes shown, and whether a line is needed to say that there are more."""
    if count <= room:
        return 0, count, False
    shown = max(0, room - 1)
    first = max(0, min(scroll, count - shown))
    return first, first + shown, True


def spread(count: int, room: int) -> Sequence[int]:
    """All of ``count`` lanes, or evenly so many that they fit, beside a line that says so: the shape of all."""
    shown = count if count <= room else max(1, room - 1)
    return [at * count // shown for at in range(shown)]


def more_row(width: int, head: int, view: PaneView, above: int, below: int, words: str) -> Row:
    line = Line(width).add(f"  {view.glyphs.more}", DIM).to(head)
    if above:
        line.add(f"{above} {view.glyphs.up}  ", DIM)
    if not below:
        return line.row()
    long = f"{below} more: {words}" if not words.startswith("all ") else f"{below} more, {words}"
    brief = long.replace(Task.FOR_THREAD.value, "for a thread").replace(Task.FOR_PROCESS.value, "for a process")
    most = f"{below} more, {words_of_most(words, below)}".removesuffix(", ")
    return line.first_fitting(*((Part(text, DIM),) for text in (long, brief, most, f"{below} more"))).row()


def words_of_most(words: str, count: int) -> str:
    """ "most blocked" of "5 blocked, 2 computing": in fewer words; "" where none are most of the ``count``."""
    found = [part.partition(" ") for part in words.split(", ")]
    return next((f"most {what}" for number, _, what in found if number.isdigit() and 2 * int(number) > count), "")
