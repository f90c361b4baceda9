"""A request's lane on a server whose requests hold a slot each: how it waited, and what its worker did with it.

The same request stands in the same row of a pane whose server has a loop (`wsgiviz.tui.render.task_lanes`).
"""

from __future__ import annotations

from wsgiviz.events import request_number
from wsgiviz.state import BUSY, Activity, Request, Span, Worker
from wsgiviz.tui.render.chart import EIGHTHS, TENTH_NS, Block, Chart, Scale, draw_block
from wsgiviz.tui.render.glyphs import ON_THE_WAY, UNKNOWN
from wsgiviz.tui.render.history import COLOUR
from wsgiviz.tui.render.line import CellStyle, Part
from wsgiviz.tui.render.task_lanes import GAP, STYLES, failed, number_part, task_sign
from wsgiviz.tui.render.tracks import begin_ns, end_ns
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.render.worker_lanes import text_style


def server_of(request: Request, view: PaneView) -> Worker | None:
    """The slot that has it, or had it."""
    return view.side.server.workers.get((request.pid, request.slot)) if request.pid else view.reader_of(request)


def sign(request: Request, view: PaneView) -> Part:
    """What its worker does with it; or that it waits, or how it ended."""
    worker = None if failed(request) or request.finished else view.slot_of(request)
    if worker is not None:
        return Part(view.glyphs.activity[worker.activity], text_style(worker.activity))
    return task_sign(request, view)


def head(request: Request, width: int, view: PaneView, newest: bool = False) -> list[Part]:
    """The lane's first cells: the request's number, and its sign; ``newest``: of several in its lane."""
    return [number_part(request, width, view, newest), sign(request, view), GAP]


def growth(request: Request, reached: int, view: PaneView) -> tuple[object, ...]:
    """What of a lane changes with time alone."""
    if request.over:
        return ()
    worker = view.slot_of(request)
    since = (view.now_ns - request.finished_ns) // TENTH_NS if request.finished else 0
    return (reached if worker else reached // (EIGHTHS // 2), worker.activity if worker else "", since)


def draw(chart: Chart, request: Request, scale: Scale, view: PaneView, named: bool = True) -> None:
    """Dots while nobody has it, then blocks of what its worker did."""
    begin, end = begin_ns(request), end_ns(request) or view.now_ns
    if end < scale.start_ns or begin >= scale.end_ns:
        return
    reader = view.reader_of(request)
    taken = request.accepted_ns or request.began_ns or (max(begin, reader.since_ns) if reader else 0)
    released = max(taken, request.released_ns or request.ended_ns or end)
    spans = _served(request, (taken, released), view) if taken else []
    served = spans[0][1] if spans else (request.began_ns if request.slot else 0) or taken
    if named:
        _dots(chart, begin, served or end, scale, view)
    if not taken:
        return
    extent = _blocks(chart, request, spans, scale, view)
    if not extent[1]:
        _too_short(chart, request, (served, released), scale, view)
    if named:
        _name(chart, request, extent, view)


def bare(chart: Chart, request: Request, scale: Scale, view: PaneView) -> None:
    """The blocks alone: what a thick lane has below its first line."""
    draw(chart, request, scale, view, named=False)


def _dots(chart: Chart, begin_ns: int, end_ns: int, scale: Scale, view: PaneView) -> None:
    first, end = round(scale.at(begin_ns) / EIGHTHS), round(scale.at(end_ns) / EIGHTHS)
    chart.fill(first, end, view.glyphs.texture[ON_THE_WAY], STYLES[ON_THE_WAY])


def _blocks(
    chart: Chart, request: Request, spans: list[tuple[Activity, int, int]], scale: Scale, view: PaneView
) -> tuple[int, int]:
    """What its worker did; the eighths from which and to which it is drawn."""
    shade = "" if request_number(request.id) % 2 else "+"
    before, extent = Block(0, 0, "", ""), (0, 0)
    for activity, begin, end in spans:
        left, right = max(before.right, scale.at(begin)), scale.at(end)
        if right > left:
            colour = COLOUR[activity]
            block = Block(left, right, activity, colour + shade if colour != "dim" else colour, request.id)
            draw_block(chart, before, block, view.glyphs)
            before, extent = block, (extent[0] if extent[1] else left, right)
    return extent


def _served(request: Request, within_ns: tuple[int, int], view: PaneView) -> list[tuple[Activity, int, int]]:
    """Activities of its slot between these times, from when it had this request: what a slot was busy with before it
    was last free is another's, even if this one was accepted already and waited for a thread."""
    worker = server_of(request, view)
    found: list[Span] = []
    for span in reversed(worker.spans if worker is not None else ()):
        if span.end_ns and span.end_ns <= within_ns[0]:
            break
        if span.start_ns >= within_ns[1]:
            continue
        if (span.activity in BUSY and span.req in (0, request.id)) or _stops_with(span, request):
            found.append(span)
        elif span.start_ns < (request.began_ns or within_ns[1]):
            break
    return [
        (span.activity, max(span.start_ns, within_ns[0]), min(span.end_ns or view.now_ns, within_ns[1]))
        for span in reversed(found)
    ]


def _stops_with(span: Span, request: Request) -> bool:
    """Its worker was told to stop, or did, and had the request until the end."""
    return span.activity is Activity.STOPPING and span.req == request.id


def _too_short(chart: Chart, request: Request, served_ns: tuple[int, int], scale: Scale, view: PaneView) -> None:
    """A thin mark; or a line where what its worker did is not kept any more."""
    left, right = scale.at(served_ns[0]), scale.at(served_ns[1])
    if right - left < EIGHTHS:
        chart.put(left // EIGHTHS, view.glyphs.step, CellStyle("failed!" if failed(request) else "dim"))
    else:
        chart.fill(round(left / EIGHTHS), round(right / EIGHTHS), view.glyphs.texture[UNKNOWN], STYLES[UNKNOWN])


def _name(chart: Chart, request: Request, extent: tuple[int, int], view: PaneView) -> None:
    """Which worker, in the middle of its longest block, where there is room."""
    worker = server_of(request, view)
    if worker is None:
        return
    first, end = chart.longest_run(-(-extent[0] // EIGHTHS), extent[1] // EIGHTHS)
    name = f"w{worker.number}" + (f".{worker.slot}" if worker.slot else "")
    name = name if view.glyphs.eighths else f" {name} "
    room = end - first - len(name)
    if room >= 0:
        chart.label(first + room // 2, name)
