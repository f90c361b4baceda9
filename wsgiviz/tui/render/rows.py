"""A whole pane as rows: from a view and a size to what is drawn, top to bottom."""

from __future__ import annotations

from wsgiviz.tui.render import head_rows, task_lanes, total_rows, worker_lanes
from wsgiviz.tui.render.axis import axis
from wsgiviz.tui.render.chart import Scale
from wsgiviz.tui.render.layout import NARROW, Layout, layout
from wsgiviz.tui.render.line import DIM, Line, Row
from wsgiviz.tui.render.total_rows import Median
from wsgiviz.tui.render.tracks import Tracks
from wsgiviz.tui.render.view import PaneView


class Memory:
    """What a pane remembers from frame to frame, so that it need not go through the whole run each time."""

    def __init__(self) -> None:
        self.tracks = Tracks()
        self.median = Median()


def rows(view: PaneView, width: int, height: int, memory: Memory | None = None) -> list[Row]:
    """``height`` rows of ``width`` cells each."""
    memory = memory or Memory()
    plan = layout(height)
    column = 8 if width >= NARROW else 7
    blank = Line(width).row()
    made = [head_rows.title(view, width)]
    made += [blank] * plan.gap_top
    made.append(head_rows.queue(view, width, column))
    runs = head_rows.busy if view.side.name == "wsgi" else head_rows.loop
    made.append(runs(view, width, column))
    made += [head_rows.in_app(view, width, column)] * plan.in_app
    made += [blank] * plan.gap_middle
    made += lanes(view, width, plan, memory)
    made += [blank] * plan.gap_low
    made.append(total_rows.done(view, width, column, memory.median))
    made.append(total_rows.all_in(view, width, column))
    if plan.failures:
        made.append(total_rows.failures(view, width, column))
    return made[:height]


def lanes(view: PaneView, width: int, plan: Layout, memory: Memory) -> list[Row]:
    """The lanes, what is not shown of them, and the axis."""
    head = max(8, len(str(view.side.planned)) + 5)
    scale = Scale(view.start_ns, view.end_ns, max(1, width - head - 1))
    of_side = _worker_lanes if view.side.name == "wsgi" else _task_lanes
    made = of_side(view, width, plan.lanes, head, scale, memory)
    made += [Line(width).row()] * (plan.lanes - len(made))
    if plan.axis:
        made.append(Line(width).to(head).extend(axis(scale, view)).row())
    return made


def window(count: int, room: int, scroll: int) -> tuple[int, int, bool]:
    """First and end of the lanes shown, and whether a line is needed to say that there are more."""
    if count <= room:
        return 0, count, False
    shown = max(0, room - 1)
    first = max(0, min(scroll, count - shown))
    return first, first + shown, True


def _more(width: int, head: int, view: PaneView, above: int, below: int, words: str) -> Row:
    line = Line(width).add(f"  {view.glyphs.more}", DIM).to(head)
    if above:
        line.add(f"{above} {view.glyphs.up}  ", DIM)
    if below:
        line.add(f"{below} more: {words}" if not words.startswith("all ") else f"{below} more, {words}", DIM)
    return line.row()


def _worker_lanes(
    view: PaneView, width: int, room: int, head: int, scale: Scale, memory: Memory
) -> list[Row]:
    workers = worker_lanes.worth_showing(view.side.workers.values(), room)
    thick = thickness(len(workers), room)
    first, end, more = window(len(workers), room, view.scroll)
    made = []
    for worker in workers[first:end]:
        line = Line(width).extend(worker_lanes.head(worker, head, view.glyphs))
        lane = worker_lanes.lane(worker, scale, view)
        made.append(line.extend(lane).row())
        if thick >= 2:
            made.append(worker_lanes.status(worker, head, width, view))
        made += [Line(width).row()] * (thick - 2)
    if more:
        words = worker_lanes.summary(workers[end:])
        made.append(_more(width, head, view, first, len(workers) - end, words))
    return made


def thickness(lanes: int, room: int) -> int:
    """Lines for each lane: the lane, its status, and a blank, as far as there is room."""
    return max(1, min(3, room // max(1, lanes)))


def _task_lanes(
    view: PaneView, width: int, room: int, head: int, scale: Scale, memory: Memory
) -> list[Row]:
    tracks, side = memory.tracks, view.side
    tracks.update(side)
    first, end, more = window(len(tracks), room, view.scroll)
    made = []
    for track in range(first, end):
        last = tracks.last(track, side)
        if last is None:
            made.append(Line(width).row())
            continue
        line = Line(width).extend(task_lanes.head(last, head, view.glyphs))
        made.append(line.extend(task_lanes.lane(tracks.requests(track, side), scale, view)).row())
    if more:
        hidden = [tracks.last(track, side) for track in range(end, len(tracks))]
        words = task_lanes.summary(request for request in hidden if request is not None)
        made.append(_more(width, head, view, first, len(tracks) - end, words))
    return made
