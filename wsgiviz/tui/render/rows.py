"""A whole pane as rows: from a view and a size to what is drawn, top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar, cast

from wsgiviz.state import Activity, Request, Side, Slot, Worker
from wsgiviz.tui.render import (
    attached_rows,
    digit_rows,
    head_rows,
    loop_rows,
    moving,
    pool_rows,
    request_lanes,
    stage_rows,
    task_lanes,
    total_rows,
    worker_lanes,
)
from wsgiviz.tui.render.axis import axis
from wsgiviz.tui.render.chart import EIGHTHS, TENTH_NS, Scale
from wsgiviz.tui.render.glyphs import AFTER, Glyphs
from wsgiviz.tui.render.hidden_lanes import more_row, spread, window
from wsgiviz.tui.render.history import History
from wsgiviz.tui.render.layout import NARROW, NARROW_LABELS, Layout, layout
from wsgiviz.tui.render.line import DIM, PLAIN, Line, Part, Row, blank_row
from wsgiviz.tui.render.task_lanes import Answers
from wsgiviz.tui.render.total_rows import Median
from wsgiviz.tui.render.tracks import Tracks
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.render.words import counted

RESTING = frozenset({Activity.IDLE, Activity.DEAD})
"""Of these a lane shows nothing that grows."""


THICKEST = 12
"""A worker's lane has at most so many lines: those that are left after status and blank are the lane itself."""

THICKEST_REQUEST = 6
"""A request's lane has at most so many, a blank or two with them."""

BELOW = 1_000_000
"""Added to the number of a request's lane: the place in the memory of its second line."""

HEAD, TOTALS, AXIS, MORE = -1, -2, -3, -4
"""Places in the memory which are no lanes; those are slots and tracks."""

Lane = int | Slot

END = Part(" ", PLAIN)
"""The last cell of a lane's row."""

Made = tuple[Row, ...]
Past = TypeVar("Past", History, Answers)


class Memory:
    """What a pane remembers from frame to frame, so that only what looks different is made again."""

    def __init__(self) -> None:
        self.tracks = Tracks()
        self.median = Median()
        self.scale = Scale.over(0, 1, 1)
        self.growing = 0
        """Lines of lanes that grow in steps together."""
        self.lanes_from = 0
        """The first row of lanes."""
        self.lanes: list[tuple[int, Lane]] = []
        """Rows below that at which each lane shown begins."""
        self.scroll = 0
        """Lanes that were scrolled out at the top: not more than there are."""
        self.parts: dict[str, range] = {}
        """Rows of each part, by its name in lessons: queue, loop, pools, lanes, totals."""
        self._made: dict[Lane, tuple[object, tuple[object, ...], Made]] = {}
        self._drawn: dict[Lane, tuple[tuple[object, Scale, str], object]] = {}

    def recall(self, place: Lane, source: object, more: tuple[object, ...], make: Callable[[], Made]) -> Made:
        """The rows made before when ``source`` is the same object and ``more`` is equal; else new ones."""
        known = self._made.get(place)
        if known is not None and known[0] is source and known[1] == more:
            return known[2]
        made = make()
        self._made[place] = (source, more, made)
        return made

    def drawn(self, place: Lane, life: object, scale: Scale, glyphs: Glyphs, make: Callable[[], Past]) -> Past:
        """What is drawn of a lane's past so far; begun anew for another ``life`` (a run, say) or scale."""
        key = (life, scale, glyphs.name)
        known = self._drawn.get(place)
        if known is None or known[0] != key:
            known = self._drawn[place] = (key, make())
        return cast(Past, known[1])

    def forget_figures(self) -> None:
        """Make those above and below the lanes anew, from what there is now: no tenth will come soon."""
        for place in (HEAD, TOTALS, MORE):
            self._made.pop(place, None)

    def keep(self, lanes: Iterable[Lane]) -> None:
        """Forget the lanes which are not on the screen any more."""
        kept = {HEAD, TOTALS, AXIS, MORE, *lanes}
        if len(self._made) > 2 * len(kept):
            self._made = {place: known for place, known in self._made.items() if place in kept}
            self._drawn = {place: known for place, known in self._drawn.items() if place in kept}


def rows(view: PaneView, width: int, height: int, memory: Memory | None = None) -> list[Row]:
    """``height`` rows of ``width`` cells each."""
    memory = memory or Memory()
    if view.stage:
        return _on_stage(view, width, height, memory)
    plan, loops, pools, even = _shared_out(view, height)
    key = head_cache_key(view, width, height)
    above = (*key, moving.head(view), plan, loops, pools, even)
    made = list(memory.recall(HEAD, None, above, lambda: _head(view, width, plan, loops, pools, even)))
    memory.lanes_from, memory.lanes = len(made), []
    memory.parts = parts(plan, loops, pools + even, height)
    made += lanes(view, width, plan, memory)
    made += memory.recall(TOTALS, None, (*key, moving.totals(view)), lambda: _totals(view, width, plan, memory))
    return made[:height]


def _shared_out(view: PaneView, height: int) -> tuple[Layout, int, int, int]:
    """The pane's layout; its rows for single loops, for pools, and the blank ones that keep a request's lane beside
    that of the same request in the other pane, which has more of these rows."""
    plan = layout(height, view.wanted)
    loops, pools = _rows_of_server(view, plan.lanes)
    beside = view.of(view.beside) if view.by_request and view.beside is not None else None
    most = max(loops + pools, sum(_rows_of_server(beside, plan.lanes)) if beside is not None else 0)
    roomy = layout(height, view.wanted + most) if view.wanted else plan
    plan = roomy if roomy.lanes >= view.wanted + most else plan
    return replace(plan, lanes=plan.lanes - most), loops, pools, most - loops - pools


def _rows_of_server(view: PaneView, lanes: int) -> tuple[int, int]:
    loops = loop_rows.rows_for_each(view, lanes) if view.side.is_loop else 0
    return loops, pool_rows.rows_for_pools(view, lanes - loops)


def parts(plan: Layout, loops: int, pools: int, height: int) -> dict[str, range]:
    """Rows of the parts that lessons point to."""
    queue = 1 + plan.gap_top
    more = queue + 2 + plan.in_app + loops
    lanes = more + pools + plan.gap_middle
    totals = lanes + plan.lanes + plan.axis + plan.gap_low
    return {
        "queue": range(queue, queue + 1),
        "loop": range(queue + 1, more),
        "pools": range(more, more + pools),
        "lanes": range(lanes, lanes + plan.lanes),
        "totals": range(totals, height),
    }


def _on_stage(view: PaneView, width: int, height: int, memory: Memory) -> list[Row]:
    key = head_cache_key(view, width, height)
    above = (*key, moving.head(view), moving.totals(view))
    made = list(memory.recall(HEAD, None, above, lambda: stage_rows.head(view, width, height)))
    memory.lanes_from, memory.lanes = len(made), []
    return [*made, *lanes(view, width, stage_rows.plan(width, height), memory)][:height]


def head_cache_key(view: PaneView, width: int, height: int) -> tuple[object, ...]:
    """What the rows above and below the lanes depend on, beside what moves."""
    return (
        view.title,
        view.prediction,
        view.makespan_s,
        view.faster,
        view.stage,
        view.ghost,
        view.glyphs.name,
        width,
        height,
    )


def head_cells(side: Side) -> int:
    """Width of a lane's head: a request's number, and the sign of what it does."""
    return max(8, len(str(side.run.planned)) + 5)


def _column(view: PaneView, width: int) -> int:
    """Width of the column of labels."""
    return head_cells(view.side) if width >= NARROW else NARROW_LABELS


def _head(view: PaneView, width: int, plan: Layout, loops: int, pools: int, even: int) -> Made:
    column = _column(view, width)
    blank = blank_row(width)
    runs = loop_rows.loop if view.side.is_loop else head_rows.busy
    return (
        head_rows.title(view, width),
        *[blank] * plan.gap_top,
        head_rows.queue(view, width, column),
        runs(view, width, column),
        *[head_rows.in_app(view, width, column)] * plan.in_app,
        *(loop_rows.each_loop(view, width, column) if loops else ()),
        *pool_rows.each_pool(view, width, column, pools),
        *[blank] * (plan.gap_middle + even),
    )


def _totals(view: PaneView, width: int, plan: Layout, memory: Memory) -> Made:
    gap, column = [blank_row(width)] * plan.gap_low, _column(view, width)
    if view.attached:
        rows = attached_rows.served_row(view, width, column), attached_rows.oldest_row(view, width, column)
        return *gap, *rows, *([attached_rows.died_row(view, width, column)] if plan.digits else [])
    if plan.digits:
        return (*gap, *digit_rows.digits(view, width, memory.median))
    return *gap, total_rows.done(view, width, column, memory.median), total_rows.total_time(view, width, column)


def lanes(view: PaneView, width: int, plan: Layout, memory: Memory) -> list[Row]:
    """The lanes, what is not shown of them, and the axis."""
    head = head_cells(view.side)
    scale = Scale.over(view.start_ns, view.end_ns, max(1, width - head - 1))
    memory.scale = scale
    of_side = _request_lanes if view.side.is_loop or view.by_request else _worker_lanes
    made = of_side(view, width, plan.lanes, head, scale, memory)[: plan.lanes]
    if len(made) < plan.lanes:
        made += [blank_row(width)] * (plan.lanes - len(made))
    if plan.axis:
        drawn = view.at(_now_on_axis(view, scale, memory.growing))
        seen = (
            scale,
            scale.at(drawn.now_ns) // EIGHTHS,
            view.now_ns > view.end_ns,
            view.origin_ns,
            width,
            view.ghost_ns,
        )
        made += memory.recall(
            AXIS,
            view.glyphs,
            seen,
            lambda: (Line(width).to(head).extend(axis(scale, drawn)).row(),),
        )
    return made


def _now_on_axis(view: PaneView, scale: Scale, growing: int) -> int:
    """In tenths, where a cell is as long: the same in both panes, however many lanes grow in each."""
    tenth, begins_ns = view.tenth
    if (scale.end_ns - scale.start_ns) // scale.cells < TENTH_NS:
        return scale.stepped(view.now_ns, growing, begins_ns)
    return max(scale.start_ns, begins_ns + tenth * TENTH_NS)


def _worker_lanes(view: PaneView, width: int, room: int, head: int, scale: Scale, memory: Memory) -> list[Row]:
    run_ns = view.side.run.requested_ns
    life = view.side.run.number, run_ns
    # Of somebody else's server no run ends: nobody else clears the dead away.
    from_ns = max(run_ns, view.start_ns) if view.attached else run_ns
    workers = worker_lanes.worth_showing(view.side.server.workers.values(), room, from_ns, run_ns)
    thick = thickness(len(workers), room, THICKEST, view.stage)
    status = thick >= 2 and not view.stage
    solid = solid_lines(thick, view.stage)
    first, end, more = window(len(workers), room, view.scroll)
    memory.scroll = first
    memory.growing = end - first
    drawn = view.at(scale.stepped(view.now_ns, memory.growing, view.tenth[1]))
    reached = scale.at(drawn.now_ns)
    made: list[Row] = []
    for worker in workers[first:end]:
        memory.lanes.append((len(made), worker.key))

        def make(worker: Worker = worker) -> Made:
            past = partial(History, scale, view.glyphs, run_ns, view.side.run.number)
            history = memory.drawn(worker.key, life, scale, view.glyphs, past)
            first_line, *others = worker_lanes.lane(worker, history, scale, drawn, solid, status)
            row = (*worker_lanes.head(worker, head, view), *first_line, END)
            return row, *((Part(" " * head, PLAIN), *line, END) for line in others)

        grown = 0 if worker.activity in RESTING else reached
        key = (
            grown,
            worker.activity,
            worker.death,
            life,
            scale,
            width,
            thick,
            view.glyphs.name,
            view.followed,
            status,
        )
        made += memory.recall(worker.key, worker.spans, key, make)
        if status:
            made.append(worker_lanes.status(worker, head, width, view))
        made += [blank_row(width)] * (thick - solid - status)
    memory.keep(worker.key for worker in workers[first:end])
    if more:
        words = worker_lanes.summary(workers[end:])
        made.append(more_row(width, head, view, first, len(workers) - end, words))
    return made


def thickness(lanes: int, room: int, most: int, stage: bool = False) -> int:
    """Lines for each lane: the lane, its status, a blank, and the lane again and again, as far as there is room.

    On stage the blank line of the last lane may be missing.
    """
    lines = (room + stage) // max(1, lanes)
    return max(1, min(most, lines if lines > 2 else room // max(1, lanes)))


def solid_lines(thick: int, stage: bool) -> int:
    """How many of a worker's ``thick`` lines are the lane itself; on stage no status takes one of them."""
    return min(thick, max(2, thick - 1)) if stage else max(1, thick - 2)


def _request_lanes(view: PaneView, width: int, room: int, head: int, scale: Scale, memory: Memory) -> list[Row]:
    tracks, side = memory.tracks, view.side
    kind = task_lanes if side.is_loop else request_lanes
    tracks.update(side)
    left = side.left_of_earlier_runs()
    room = max(1, room - 1) if left else room
    first, end, more = window(len(tracks), room, view.scroll)
    expected = max(len(tracks), view.at_once)  # all at once, so that lanes do not get thinner as requests come
    shown: Sequence[int] = range(first, end)
    spread_over: Sequence[int] = shown
    thick = thickness(expected, room, THICKEST_REQUEST, view.stage)
    above = 1 if left else 0
    if view.stage:
        expected = expected if expected == side.run.planned else len(tracks)
        spread_over = spread(expected, room)
        shown = [track for track in spread_over if track < len(tracks)]
        more = len(spread_over) < expected and bool(shown)
    memory.scroll = first
    memory.growing = len(shown) * thick
    drawn = view.at(scale.stepped(view.now_ns, memory.growing, view.tenth[1]))
    reached = scale.at(drawn.now_ns)
    blank = blank_row(width)
    made: list[Row] = []
    for track in shown:
        memory.lanes.append((len(made) + above, track))
        last = tracks.last(track)
        if last is None or (view.attached and 0 < last.ended_ns < view.start_ns):
            made += [blank] * thick
            continue
        life = (
            side.run.number,
            tracks.redrawn(track),
            view.by_request,
            last.pid in drawn.computing,
            last.pid in drawn.occupied,
        )

        def make(track: int = track, last: Request = last, life: tuple[object, ...] = life) -> Made:
            answers = memory.drawn(track, life, scale, view.glyphs, lambda: Answers(scale, kind.draw))
            lane = task_lanes.lane(tracks, track, answers, scale, drawn)
            row = (*kind.head(last, head, view, tracks.is_shared(track)), *lane, END)
            if thick < 2 or kind is task_lanes:
                return row, *[blank] * (thick - 1)
            bare = memory.drawn(track + BELOW, life, scale, view.glyphs, lambda: Answers(scale, request_lanes.bare))
            below = bare.chart(tracks, track, drawn).parts()
            solid = max(2, thick - 1)  # a blank between two lanes, where there is room for one
            return row, *[(Part(" " * head, PLAIN), *below, END)] * (solid - 1), *[blank] * (thick - solid)

        grown = kind.growth(last, reached, drawn)
        key = (grown, life, scale, width, view.glyphs.name, last.id == view.followed, thick, view.stage)
        made += memory.recall(track, last, key, make)
    memory.keep([*shown, *(track + BELOW for track in shown)])
    if more:
        made += memory.recall(
            MORE,
            side.ledger,
            (first, end, view.tenth, width, head, view.glyphs.name, len(spread_over), expected),
            lambda: (_more_tasks(view, width, head, tracks, (first, end), (len(spread_over), expected)),),
        )
    return [_left_behind(view, width, head, left), *made] if left else made


def _left_behind(view: PaneView, width: int, head: int, count: int) -> Row:
    """What the run before has left stands apart, in grey: it is in none of this run's lanes."""
    line = Line(width).add(f"{view.glyphs.texture[AFTER] * 3:>{head - 1}}", DIM).to(head)
    words = f"{counted(count, 'request')} of the run before"
    where = "still on the loop" if view.side.is_loop else "still in the workers"
    brief = f"{count} of the run before"
    return line.first_fitting(*((Part(text, DIM),) for text in (f"{words} {where}", words, brief))).row()


def _more_tasks(
    view: PaneView, width: int, head: int, tracks: Tracks, shown: tuple[int, int], spread_over: tuple[int, int]
) -> Row:
    """What is below; on stage, how many of all are shown."""
    if view.stage:
        some, of = spread_over
        words = f"{some} of {of} {'requests' if of == view.side.run.planned else 'lanes'}"
        return Line(width).add(f"  {view.glyphs.more}", DIM).to(head).add(words, DIM).row()
    first, end = shown
    hidden = [tracks.last(track) for track in range(end, len(tracks))]
    words = task_lanes.summary((request for request in hidden if request is not None), view)
    return more_row(width, head, view, first, len(hidden), words)
