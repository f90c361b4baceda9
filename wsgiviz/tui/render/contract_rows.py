"""The steps of one request between server and app, one below the other: when, who to whom, and what is passed."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap

from wsgiviz.analysis.contract import argument_of, brief_of, call_of, is_over, steps
from wsgiviz.printable import printable
from wsgiviz.recorder.contract_steps import Passed
from wsgiviz.state import ContractEntry, Request, Side, Task
from wsgiviz.tui.render.glyphs import UNICODE, Glyphs
from wsgiviz.tui.render.head_rows import colour_of
from wsgiviz.tui.render.layout import NARROW
from wsgiviz.tui.render.line import BOLD, DIM, PLAIN, CellStyle, Line, Part, Row, blank_row, shortened
from wsgiviz.tui.render.words import name_of, running

WIDE = 76
"""From this width on who calls whom is spelled out; below it an arrow says so."""

EXPECTED = 13
"""Rows that the steps of a request with three chunks take: older steps get a second row only beyond these."""

ARROWS = {"unicode": ("→", "←"), "ascii": ("->", "<-")}
"""From server to app, and from app to server."""


@dataclass(frozen=True, slots=True)
class ContractView:
    """The side whose steps are shown at ``now_ns``; ``followed`` is a request or 0."""

    side: Side
    now_ns: int
    glyphs: Glyphs = UNICODE
    followed: int = 0

    @property
    def is_ascii(self) -> bool:
        return self.glyphs.name == "ascii"

    def harmless(self, text: str) -> str:
        """What an app has passed, for a terminal."""
        return printable(text, self.is_ascii)


def rows(view: ContractView, width: int, height: int) -> list[Row]:
    """``height`` rows of ``width`` cells: a heading, then as many steps as there is room for, the newest surely."""
    found = steps(view.side, view.followed)
    made = [_heading(view, found, width)]
    if not found:
        made.append(Line(width).add("  no step yet", DIM).row())
    else:
        made += _steps(view, found, width, height - 1)
    blank = blank_row(width)
    return (made + [blank] * height)[:height]


def _heading(view: ContractView, found: list[ContractEntry], width: int) -> Row:
    to_app, to_server = ARROWS[view.glyphs.name]
    whose = f" of {name_of(found[-1].req)}" if found else ""
    line = Line(width).add(f" steps{whose}", BOLD)
    if width >= WIDE:
        return line.row()
    words = f"   {to_app} server to app   {to_server} app to server"
    return line.first_fitting((Part(words, DIM),), (Part(f"   {to_app} to app {to_server} to server", DIM),)).row()


def _steps(view: ContractView, found: list[ContractEntry], width: int, room: int) -> list[Row]:
    newest = found[-1]
    over = is_over(found, view.side)
    turn = [] if over else [_turn(view, newest, width)]
    shown, earlier = _that_fit(found, room - len(turn))
    spare = room - max(len(shown) + len(turn), 0 if over else min(EXPECTED, room))
    made: list[Row] = [_earlier(view, earlier, width)] if earlier else []
    for entry in shown[:-1]:
        of_step = _step(view, entry, width, current=False)
        more = min(len(of_step) - 1, max(0, spare))
        spare -= more
        made += of_step[: 1 + more] if more else [_cut(view, entry, width)]
    left = max(1, room - len(made) - len(turn))
    last = _step(view, newest, width, current=not over)
    made += last if len(last) <= left else [_cut(view, newest, width, current=not over)]
    return made + turn


def _that_fit(found: list[ContractEntry], room: int) -> tuple[list[ContractEntry], int]:
    """The steps that are shown in ``room`` rows, and how many earlier ones are not; one row says so.

    A next() that has its answer goes first: the chunk below it says the same.
    """
    kept = list(found)
    for entry, after in zip(found, found[1:], strict=False):
        if len(kept) <= room:
            return kept, 0
        if entry.passed is Passed.ASKED and after.passed in (Passed.YIELDED, Passed.EXHAUSTED):
            kept = [other for other in kept if other is not entry]
    if len(kept) <= room:
        return kept, 0
    if room < 2:
        return kept[-1:], 0  # no room to say so
    return kept[1 - room :], len(kept) - room + 1


def _earlier(view: ContractView, count: int, width: int) -> Row:
    return Line(width).add(f"   {view.glyphs.up} {count} earlier", DIM).row()


def _step(view: ContractView, entry: ContractEntry, width: int, current: bool) -> list[Row]:
    """All of a step: in as many rows as it takes."""
    protocol = view.side.protocol
    line = _begun(view, entry, width, current)
    column = line.used
    cells = max(8, width - column - 1)
    texts = _wrapped(view.harmless(call_of(entry, protocol)), cells)
    line.add(texts[0], BOLD if current else PLAIN)
    style = BOLD if current else PLAIN
    below = [Line(width).to(column).add(text, style).row() for text in texts[1:]]
    argument = view.harmless(argument_of(entry, protocol))
    below += [Line(width).to(column).add(text, PLAIN).row() for text in _wrapped(argument, cells) if text]
    return [line.row(), *below]


def _wrapped(text: str, cells: int) -> list[str]:
    return wrap(text, cells, break_on_hyphens=False) or [""]


def _cut(view: ContractView, entry: ContractEntry, width: int, current: bool = False) -> Row:
    """A step in one row, the end of its value left out where it does not fit."""
    line = _begun(view, entry, width, current)
    text, room = view.harmless(call_of(entry, view.side.protocol)), line.left - 1
    if len(text) > room:
        text = shortened(view.harmless(brief_of(entry, view.side.protocol)), room, view.glyphs.ellipsis)
    return line.add(text, BOLD if current else PLAIN).row()


def _begun(view: ContractView, entry: ContractEntry, width: int, current: bool) -> Line:
    """The beginning of a row: the mark of the newest step, its time, and who calls whom."""
    line = Line(width).add(view.glyphs.here if current else " ", BOLD)
    line.add(_time(view, entry.t_ns, width), BOLD if current else PLAIN)
    by_server = entry.passed.by_server
    style = BOLD if by_server else CellStyle(view.side.protocol + "!", "", "b")
    to_app, to_server = ARROWS[view.glyphs.name]
    if width < WIDE:
        return line.add(f" {to_app if by_server else to_server} ", style)
    return line.add(f"  {f'server {to_app} app' if by_server else f'app {to_app} server'}  ", style)


def _time(view: ContractView, t_ns: int, width: int) -> str:
    """Since the run's start."""
    seconds = max(0.0, (t_ns - view.side.run.started_ns) / 1e9)
    return f"{seconds:6.2f} s" if width >= NARROW else f"{seconds:5.2f}"


def _turn(view: ContractView, newest: ContractEntry, width: int) -> Row:
    """Who has gone on since the newest step, at which line of the app, and for how long."""
    line = Line(width).to(2)
    lasts = f" {running((view.now_ns - newest.t_ns) / 1e9)}"
    if not newest.passed.leaves_turn_to_app:
        return line.first_fitting((Part(f"the server goes on{lasts}", DIM),)).row()
    request = view.side.ledger.get(newest.req)
    where = request.where if request is not None and not request.ended_ns else None
    at = f" at {view.harmless(where.words)}" if where is not None else ""
    awaits = request is not None and request.task is Task.AWAITING
    does = "the app awaits" if awaits else "the app is" if at else "the app goes on"
    words = f"{does}{at}{lasts}", f"{at.removeprefix(' ')}{lasts}", f"{at.removeprefix(' at ')}{lasts}"
    return line.first_fitting(*((Part(text, _turn_style(view, request)),) for text in words)).row()


def _turn_style(view: ContractView, request: Request | None) -> CellStyle:
    """The colour of what the app does meanwhile, as in the lanes."""
    if request is None or request.ended_ns:
        return PLAIN
    worker = view.side.server.workers.get((request.pid, request.slot))
    state: str = request.task if view.side.is_loop else worker.activity if worker is not None else ""
    colour = colour_of(state)
    return CellStyle(f"{colour}!") if colour != "dim" else PLAIN
