"""The rows that say what event loops do: one for all, and one for each where there are several and room for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wsgiviz.analysis import booting, loop_times
from wsgiviz.analysis.lints import seen
from wsgiviz.printable import printable
from wsgiviz.state import Activity, Loop, Task
from wsgiviz.tui.render.glyphs import LOOP_HELD_NS
from wsgiviz.tui.render.head_rows import POOLED, bar_cells, booting_master, colour_of, labelled, shares
from wsgiviz.tui.render.line import DIM, CellStyle, Part, Row, shortened
from wsgiviz.tui.render.view import ON_LOOP, PaneView
from wsgiviz.tui.render.words import counted, measured, name_of, running

LEAST_LANES = 4
"""So many lanes stay where each loop gets a row of its own."""

SEEN_FROM = 0.02
"""A loop that is busy for a smaller share of the time is idle."""

LEAST_RUN_NS = 10_000_000
"""Of a run that has just begun a share says nothing: its first step is all of it."""

BUSY_FROM = 0.5
"""From this share of the time on it is called busy."""


def rows_for_each(view: PaneView, lanes: int) -> int:
    """How many rows of those that ``lanes`` have go to single loops: one to each of several, if there is room."""
    several = len(loop_times.living(view.side))
    return several if 1 < several <= lanes - LEAST_LANES else 0


def loop(view: PaneView, width: int, column: int) -> Row:
    """What the loop does: held by one step, busy, or waiting in its selector; of several, the worst."""
    loops, counts = [loop for _, loop in loop_times.living(view.side)], view.tasks
    line = labelled("loop" if len(loops) < 2 else "loops", width, column)
    line.extend(shares(counts, sum(counts.values()), bar_cells(width), view))
    line.to(column + bar_cells(width) + (2 if width >= 50 else 1))
    if not loops:
        none = printable(
            _booting(view) or ("stopped" if view.side.server.workers else "no loop yet"), not view.glyphs.eighths
        )
        return line.add(shortened(none, line.left, view.glyphs.ellipsis), DIM).row()
    words, short = _words(loops, view)
    lag = Part(f"   max lag {_max_lag(loops, view)}", DIM)
    called = any(counts[task] for task in POOLED)  # of these the pool's row says how many
    awaiting = Part(f"   await {counts[Task.AWAITING]}" if counts[Task.AWAITING] or not called else "", DIM)
    return line.first_fitting((words, lag), (words, awaiting), (words,), (short,)).row()


def _booting(view: PaneView) -> str:
    """ "2 booting 1.8 s at shop.py:3 time.sleep": a worker that loads its app has no loop yet."""
    if view.side.server.loading_ns:
        return booting_master(view)
    workers = booting.booting(view.side)
    if not workers:
        return ""
    lasts = running((view.now_ns - min(worker.since_ns for worker in workers)) / 1e9)
    return f"{len(workers)} booting {lasts}{booting.where(workers)}"


class OnLoop(NamedTuple):
    """One loop, what its requests do now, and how many it has taken in all."""

    label: str
    loop: Loop
    counts: Counter[str]
    taken: int


def each_loop(view: PaneView, width: int, column: int) -> tuple[Row, ...]:
    """A row for each: their bars are to one scale, so that the one with most requests is seen."""
    found = _on_loops(view)
    most = max((one.counts.total() for one in found), default=0)
    return tuple(_one(view, width, column, one, most) for one in found)


def _on_loops(view: PaneView) -> list[OnLoop]:
    taken, living = loop_times.requests_taken(view.side), loop_times.living(view.side)
    counts = {loop.pid: Counter[str]() for _, loop in living}
    for request in view.in_flight:
        if request.pid in counts and not request.ended_ns:
            counts[request.pid][view.task_of(request)] += 1
    return [
        OnLoop(f"loop {worker.number}" if worker else "loop", loop, counts[loop.pid], taken[loop.pid])
        for worker, loop in living
    ]


def _one(view: PaneView, width: int, column: int, on: OnLoop, most: int) -> Row:
    line = labelled(on.label, width, column)
    cells = bar_cells(width) - max(0, line.used - column)  # its label may be longer than others
    line.extend(shares({task: on.counts[task] for task in ON_LOOP}, most, cells, view))
    line.to(column + bar_cells(width) + (2 if width >= 50 else 1))
    words, short = _words([on.loop], view)
    requests = Part(f"   {counted(on.taken, 'request')}", DIM)
    lag = Part(f"   max lag {_max_lag([on.loop], view)}", DIM)
    return line.first_fitting((words, requests, lag), (words, requests), (words,), (short,)).row()


def _max_lag(loops: Iterable[Loop], view: PaneView) -> str:
    return measured(max(loop_times.max_lag_ns(loop, view.now_ns) for loop in loops) / 1e9)


def _words(loops: Sequence[Loop], view: PaneView) -> tuple[Part, Part]:
    """What the loop does, and the same in brief; of several, the one that is held, or the busiest."""
    waits = {loop.pid for loop in loops if _waits_for_gil(loop, view)}
    held_by = [(_held_ns(loop, view.now_ns), loop.running) for loop in loops if loop.pid not in waits]
    lasts, holder = max(held_by, default=(0, 0))
    if lasts >= LOOP_HELD_NS:
        holds = Activity.COMPUTING if any(loop.pid in view.computing for loop in loops) else Activity.BLOCKED
        style = CellStyle(f"{colour_of(holds)}!", "", "b")
        held = f"{view.glyphs.activity[holds]} held {running(lasts / 1e9)}"
        return Part(f"{held} by {name_of(holder) if holder else 'no request'}", style), Part(held, style)
    if waits:
        text = f"{view.glyphs.activity[Activity.WAITING_FOR_GIL]} waiting for the GIL"
        return Part(text, CellStyle("gil!", "", "b")), Part(text.rpartition(" for")[0], CellStyle("gil!", "", "b"))
    run = view.side.run
    long_enough = view.now_ns - run.started_ns >= LEAST_RUN_NS
    share = busy_share(loops, view) if run.running and long_enough else 0.0
    if share >= SEEN_FROM:
        if share < BUSY_FROM:
            return (Part(f"{view.glyphs.task[Task.AWAITING]} idle, {share * 100:.0f} % busy", DIM),) * 2
        text = f"{view.glyphs.task[Task.RUNNING]} busy {share * 100:3.0f} %"
        return (Part(text, CellStyle("computing!", "", "b")),) * 2
    runs = next((loop.running for loop in loops if loop.running), 0)
    if runs:
        style, text = CellStyle("computing!", "", "b"), f"{view.glyphs.task[Task.RUNNING]} runs"
        return Part(f"{text} {name_of(runs)}", style), Part(text, style)
    return (Part(f"{view.glyphs.task[Task.AWAITING]} idle in select", DIM),) * 2


def _waits_for_gil(loop: Loop, view: PaneView) -> bool:
    """Threads of its process have the interpreter lock again and again: its steps are long because of them."""
    worker = view.side.server.workers.get((loop.pid, 0))
    if worker is None or worker.tally.gil_sampled_ns < LOOP_HELD_NS:
        return False
    return view.side.run.running and seen.lacked_gil(worker, view.now_ns)


def _held_ns(loop: Loop, now_ns: int) -> int:
    if loop.running:
        return now_ns - loop.since_ns
    return loop.held.held_ns if loop.held else 0


def busy_share(loops: Sequence[Loop], view: PaneView) -> float:
    """Share of the run that the busiest was not in its selector; 0 where that is not known."""
    return max((loop_times.busy_fraction(view.side, loop, view.now_ns) or 0.0 for loop in loops), default=0.0)
