"""The rows below the lanes of somebody else's server: what it has served lately, and its oldest request."""

from __future__ import annotations

import re

from wsgiviz.analysis.attached import lately, oldest, served
from wsgiviz.analysis.black_box import reports
from wsgiviz.printable import printable
from wsgiviz.tui.render import death_rows
from wsgiviz.tui.render.fitting import without_calls, without_place
from wsgiviz.tui.render.head_rows import labelled
from wsgiviz.tui.render.line import BOLD, DIM, PLAIN, CellStyle, Part, Row, blank_row, shortened
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.render.words import counted, measured, place, rate, running

OF_HOW_MANY = re.compile(r" of the last \d+")


def served_parts(view: PaneView, noun: str = "") -> tuple[Part, Part, Part, Part]:
    """How many were served that were seen, how many a second, their median time, and what failed."""
    recent, number = lately(view.side, view.now_ns), served(view.side)
    return (
        Part(f"{number}{noun}", BOLD if number else DIM),
        Part(f"  {rate(recent.per_s)}", PLAIN),
        Part(f"   p50 {measured(recent.p50_s)}" if recent.p50_s is not None else "", DIM),
        _trouble(_troubles(view)),
    )


def _troubles(view: PaneView) -> list[str]:
    """What failed lately, and how many workers have died."""
    recent, deaths = lately(view.side, view.now_ns), view.side.server.deaths
    troubles = [f"{recent.failed} of the last {recent.ended} failed"] * bool(recent.failed)
    return troubles + [counted(deaths, "worker died", "workers died")] * bool(deaths)


def _trouble(words: list[str]) -> Part:
    return Part(f"  {', '.join(words)}" if words else "", CellStyle("failed!", "", "b"))


def served_row(view: PaneView, width: int, column: int) -> Row:
    number, speed, half, trouble = served_parts(view)
    first = _troubles(view)[:1]
    few = [_trouble(words) for words in (first, [OF_HOW_MANY.sub("", words) for words in first])]
    wordings = (
        (number, speed, half, trouble),
        (number, speed, trouble),
        (number, trouble),
        *((number, one) for one in few),
    )
    return labelled("served", width, column).first_fitting(*wordings, (number,)).row()


def oldest_row(view: PaneView, width: int, column: int) -> Row:
    """ "oldest  12.3 s  GET /slow  shop.py:14 time.sleep"."""
    request = oldest(view.in_flight)
    line = labelled("oldest", width, column)
    if request is None:
        return line.add("no request is in the app", DIM).row()
    line.add(f"{running((view.now_ns - request.began_ns) / 1e9)}  ", BOLD)
    words = request.target or "a request"
    if request.where is not None and (where := place(request.where, line.left - len(words) - 2)):
        words += f"  {where}"
    return line.add(
        shortened(printable(words, not view.glyphs.eighths), line.left, view.glyphs.ellipsis), PLAIN
    ).row()


def died_row(view: PaneView, width: int, column: int) -> Row:
    """The newest death: "died    worker 3, 12 s ago: killed by SIGKILL, GET /hang at shop.py:17"."""
    if not view.side.server.deaths or not (newest := reports(view.side)[:1]):
        return blank_row(width)
    full, cause = (
        printable(words(newest[0], view.now_ns), not view.glyphs.eighths)
        for words in (death_rows.brief, death_rows.brief_cause)
    )
    line = labelled("died", width, column)
    wordings = [full, without_calls(full), without_place(full), cause, cause.partition(":")[0]]
    words = next((words for words in wordings if len(words) <= line.left), wordings[-1])
    return line.add(shortened(words, line.left, view.glyphs.ellipsis), CellStyle("failed!")).row()
