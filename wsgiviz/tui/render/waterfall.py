"""One request as rows: its waterfall on an axis in milliseconds, and below it every stamp and fact."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap

from wsgiviz.analysis.entries import Entry
from wsgiviz.analysis.stamps import stamps
from wsgiviz.analysis.waterfall import Interval, Stage, chunks, intervals
from wsgiviz.printable import printable
from wsgiviz.state import Activity, Request, Task
from wsgiviz.tui.render.axis import tick_step
from wsgiviz.tui.render.chart import EIGHTHS, Block, Chart, Scale, draw_block
from wsgiviz.tui.render.glyphs import AFTER, HELD, LOOP_HELD_NS, ON_THE_WAY, UNICODE, UNKNOWN, Glyphs
from wsgiviz.tui.render.line import BOLD, DIM, PLAIN, CellStyle, Line, Part, Row, blank_row, shortened
from wsgiviz.tui.render.window import nice

MS = 1_000_000
CALM_NS = 100_000_000
"""What is still going on grows in steps of this: what changes more often can't be read."""

WIDE = 100
"""From this width on there is room for what an interval is about, and facts stand beside the stamps."""

NAME_CELLS = 15
WIDE_NAME_CELLS = 27
WHAT_CELLS = 31
TIME_CELLS = 13
STAMPS_CELLS = 44

WAITING = "waiting"
"""Where a texture is the sign of a request in the accept queue."""

TEXTURES: dict[Stage, tuple[str, str]] = {
    Stage.LAG: (UNKNOWN, "dim"),
    Stage.CONNECTING: (ON_THE_WAY, "queue"),
    Stage.QUEUE: (WAITING, "queue"),
    Stage.READING: (Activity.READING, "transfer"),
    Stage.RUNNING: (Task.RUNNING, "computing"),
    Stage.READY: (Task.READY, "queue"),
    Stage.AWAITING: (Task.AWAITING, "awaiting"),
    Stage.IN_THREAD: (Task.IN_THREAD, "awaiting"),
    Stage.THREAD_COMPUTES: (Task.THREAD_COMPUTES, "computing"),
    Stage.THREAD_FOR_GIL: (Task.THREAD_FOR_GIL, "gil"),
    Stage.FOR_THREAD: (Task.FOR_THREAD, "queue"),
    Stage.IN_PROCESS: (Task.IN_PROCESS, "awaiting"),
    Stage.FOR_PROCESS: (Task.FOR_PROCESS, "queue"),
    Stage.RETURN: (Activity.WRITING, "transfer"),
    Stage.UNKNOWN: (UNKNOWN, "dim"),
}
"""Texture and colour of each stage; the app's own time looks as its worker does, blocked or computing."""

IN_APP = ((Activity.COMPUTING, "computing"), (Activity.WAITING_FOR_GIL, "gil"), (Activity.BLOCKED, "blocked"))

SHARP = frozenset({Activity.READING, HELD, *(look[0] for look in IN_APP), Activity.WRITING, Task.RUNNING, Task.READY})
"""Textures which are areas, with ends inside a cell; the others are lines."""


@dataclass(frozen=True, slots=True)
class RequestView:
    """All that is shown of one request. ``note`` says why it is not what it should be. ``computes``: a step of it
    that holds its loop computes, and is not blocked."""

    request: Request
    entry: Entry
    now_ns: int
    glyphs: Glyphs = UNICODE
    note: str = ""
    computes: bool = True

    @property
    def zero_ns(self) -> int:
        """What the axis calls 0: planned, or for an external one the first that is known of it."""
        request = self.request
        known = (request.planned_ns, request.sent_ns, request.connected_ns, request.accepted_ns)
        return next((t_ns for t_ns in known if t_ns), request.began_ns)

    @property
    def growing(self) -> bool:
        """Something of it goes on: the client waits, or the app is not through."""
        return bool(self.entry.state) or self.request.in_app

    @property
    def ascii_only(self) -> bool:
        return not self.glyphs.eighths


def rows(view: RequestView, width: int) -> list[Row]:
    """Everything about the request, as many rows as it takes."""
    blank = blank_row(width)
    noted = wrap(view.note, max(1, width))
    made = [Line(width).add(line, CellStyle("failed!", "", "b")).row() for line in noted]
    made += [*_bars(view, width), blank]
    stamps, facts = _stamps(view), _facts(view)
    if width >= WIDE:
        return made + _side_by_side(stamps, facts, width)
    return made + [Line(width).extend(each).row() for each in [*facts, [], *stamps]]


# --- the waterfall -----------------------------------------------------------------------------------------------


def _bars(view: RequestView, width: int) -> list[Row]:
    """A row for each interval, their sum, and the axis."""
    now = view.zero_ns + (view.now_ns - view.zero_ns) // CALM_NS * CALM_NS if view.growing else 0
    found = intervals(view.request, max(now, view.zero_ns + 1) if now else 0)
    if not found:
        return [Line(width).add("nothing is known of its times", DIM).row()]
    cells = max(8, width - _name_cells(width) - TIME_CELLS - (WHAT_CELLS if width >= WIDE else 0))
    scale = Scale.over(view.zero_ns, _right_edge(view, found), cells)
    made = [_bar(interval, at == len(found) - 1, view, scale, width) for at, interval in enumerate(found)]
    return [*made, _axis(view, scale, found, width)]


def _name_cells(width: int) -> int:
    return WIDE_NAME_CELLS if width >= WIDE else NAME_CELLS


def _right_edge(view: RequestView, found: list[Interval]) -> int:
    """The end; while it goes on the axis grows in calm steps."""
    end = found[-1].end_ns
    return view.zero_ns + nice((end - view.zero_ns) * 1.08) if view.growing else end


def _bar(interval: Interval, last: bool, view: RequestView, scale: Scale, width: int) -> Row:
    glyphs = view.glyphs
    chart = Chart(scale.cells)
    texture, colour = _texture(interval, view)
    _draw(chart, scale.at(interval.start_ns), scale.at(interval.end_ns), texture, colour, glyphs)
    style = DIM if colour == "dim" else CellStyle(colour + "!")
    room = _name_cells(width)
    line = Line(width).add(shortened(interval.name, room - 1, glyphs.ellipsis), style).to(room)
    line.extend(chart.parts()).add(_duration(interval.duration_ns, last and view.growing), BOLD)
    if width >= WIDE:
        what = printable(interval.what, view.ascii_only)
        line.add("  ").add(shortened(what, line.left, glyphs.ellipsis), DIM)
    return line.row()


def _texture(interval: Interval, view: RequestView) -> tuple[str, str]:
    request = view.request
    if interval.stage is Stage.AFTER:
        return AFTER, "awaiting" if request.received_ns else "blocked"
    if interval.stage is Stage.RUNNING and interval.duration_ns >= LOOP_HELD_NS and not view.computes:
        return HELD, "blocked"
    if interval.stage is not Stage.APP:
        return TEXTURES[interval.stage]
    mostly = _mostly(request) if request.ended_ns else view.entry.state
    return next((look for look in IN_APP if look[0] == mostly), (Activity.BLOCKED, "blocked"))


def _mostly(request: Request) -> Activity:
    """What a request that has ended did in the app for most of its time there, or else waited for."""
    service_ns = request.ended_ns - request.began_ns
    if 2 * request.cpu_ns >= service_ns:
        return Activity.COMPUTING
    return Activity.WAITING_FOR_GIL if 2 * request.gil_ns >= service_ns - request.cpu_ns else Activity.BLOCKED


def _draw(chart: Chart, left: int, right: int, texture: str, colour: str, glyphs: Glyphs) -> None:
    """A bar to scale; what is too short for it is a thin mark at its place."""
    last = len(chart.chars) - 1
    if right - left < EIGHTHS:
        style = DIM if colour == "dim" else CellStyle(colour + "!")
        chart.put(min(left // EIGHTHS, last), glyphs.step, style)
    elif texture in SHARP:
        draw_block(chart, Block(0, 0, "", ""), Block(left, right, texture, colour), glyphs)
    else:
        char = glyphs.waiting if texture == WAITING else glyphs.texture[texture]
        chart.fill(round(left / EIGHTHS), round(right / EIGHTHS), char, CellStyle(colour))


def _axis(view: RequestView, scale: Scale, found: list[Interval], width: int) -> Row:
    """Ticks in milliseconds, and the sum of all intervals up to the end for the client."""
    chart, step = Chart(scale.cells), tick_step(scale)
    for since in range(0, scale.end_ns - scale.start_ns + 1, step):
        cell, label = scale.at(scale.start_ns + since) // EIGHTHS, f"{since / MS:g}"
        if cell + len(label) <= scale.cells:
            chart.write(cell, label, DIM)
    total = sum(interval.duration_ns for interval in found if interval.stage is not Stage.AFTER)
    line = Line(width).add("latency" if view.request.planned_ns else "ms", DIM).to(_name_cells(width))
    return line.extend(chart.parts()).add(_duration(total, view.growing and not view.request.finished), BOLD).row()


def _duration(ns: int, growing: bool = False) -> str:
    """In milliseconds to the microsecond, in `TIME_CELLS` cells; what still grows in whole steps."""
    text = f"{ns // CALM_NS * CALM_NS // MS:d}     ms" if growing else f"{ns / MS:.3f} ms"
    return f"{text:>{TIME_CELLS}}"


# --- stamps and facts --------------------------------------------------------------------------------------------

Parts = list[Part]


def _side_by_side(left: list[Parts], right: list[Parts], width: int) -> list[Row]:
    made = []
    for at in range(max(len(left), len(right))):
        line = Line(width).extend(left[at] if at < len(left) else []).to(STAMPS_CELLS)
        made.append(line.extend(right[at] if at < len(right) else []).row())
    return made


ENDS = ("app ended", "closed")
"""The stamp of the app's end, which may come after that of the answer."""


def _stamps(view: RequestView) -> list[Parts]:
    """Every stamp, in the order of the way, with its time since planned."""
    request, known = view.request, stamps(view.request)
    task = bool(request.steps)
    named = [
        ("planned", known.planned_ns),
        ("sent", known.sent_ns),
        ("connected", known.connected_ns),
        ("accepted", known.accepted_ns),
        ("app began", known.began_ns),
        ("response.start" if task else "start_response", known.response_ns),
        *([] if task else [("iterable returned", known.returned_ns)]),
        *chunks(request),
        ("app ended" if task else "closed", known.ended_ns),
        ("first byte", known.first_byte_ns),
        ("failed", known.failed_ns) if known.failed_ns else ("received", known.received_ns),
    ]
    newest = max(at for at, (_, t_ns) in enumerate(named) if t_ns or not at)
    ends = next(at for at, (name, _) in enumerate(named) if name in ENDS)
    return [
        _stamp(name, t_ns, view, view.growing and (at > newest or (at == ends and request.in_app)))
        for at, (name, t_ns) in enumerate(named)
    ]


def _stamp(name: str, t_ns: int, view: RequestView, to_come: bool) -> Parts:
    if t_ns:
        return [Part(f"{name:<18}", DIM), Part(f"{(t_ns - view.zero_ns) / MS:>12.3f} ms", PLAIN)]
    return [Part(f"{name:<18}", DIM), Part(f"{'not yet' if to_come else 'n/a':>15}", DIM)]


def _facts(view: RequestView) -> list[Parts]:
    """What it is, who has it, how it ended, and what it took."""
    request, entry = view.request, view.entry
    number = f"worker {entry.worker}, " if entry.worker is not None else ""
    facts = [
        ("request", request.target or "n/a"),
        ("side", entry.side),
        ("worker", f"{number}pid {entry.pid}, slot {entry.slot}" if entry.pid else "n/a"),
        ("status", entry.status or ("not yet" if view.growing else "n/a")),
        ("now", entry.state or "finished"),
        ("CPU", _cpu(request)),
    ]
    facts += [("client", request.peer)] if request.peer else []
    facts += [("GIL", _gil(request))] if request.gil_ns > 0 else []
    facts += [("at", request.where.words)] if request.where else []
    facts += [("innermost", request.within.words)] if request.within else []
    if request.children_started:
        facts.append(("child tasks", f"{request.children} live, {request.children_started} started"))
    if request.calls.all:
        facts.append(("in threads", _calls(request, view.now_ns)))
    return [
        [Part(f"{name:<12}", DIM), Part(printable(text, view.ascii_only), _fact_style(name, entry))]
        for name, text in facts
    ]


def _calls(request: Request, now_ns: int) -> str:
    """What it has called in threads."""
    count = request.calls.all
    inside, outside = request.in_threads_ns(now_ns) / MS, request.for_threads_ns(now_ns) / MS
    return f"{count} call{'s' if count > 1 else ''}, {inside:.3f} ms; {outside:.3f} ms waiting for one"


def _fact_style(name: str, entry: Entry) -> CellStyle:
    return CellStyle("failed!", "", "b") if name == "status" and entry.failed else PLAIN


def _gil(request: Request) -> str:
    """How long it has waited for the interpreter lock: an estimate, so without the parts of a millisecond."""
    share = 100 * request.gil_ns / max(1, request.ended_ns - request.began_ns)
    return f"waited {request.gil_ns / MS:.0f} ms for it, {share:.0f} %"


def _cpu(request: Request) -> str:
    """On the CPU: of a thread by its clock, known when the request has ended; of a task as it held the loop."""
    if request.steps:
        return f"{request.run_ns / MS:.3f} ms, holding the loop"
    if request.cpu_ns <= 0:  # -1: not known
        return "n/a"
    share = 100 * request.cpu_ns / max(1, request.ended_ns - request.began_ns)
    return f"{request.cpu_ns / MS:.3f} ms, {share:.0f} % of its time in the app"
