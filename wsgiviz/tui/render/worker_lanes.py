"""A worker's lane: its history as blocks on the time axis, and what it does now in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wsgiviz.analysis.deaths import cause, last_seen, stale
from wsgiviz.analysis.lints.wording import request_name
from wsgiviz.printable import printable
from wsgiviz.state import IN_APP, Activity, Request, Side, Worker
from wsgiviz.tui.render.after import goes_on
from wsgiviz.tui.render.chart import EIGHTHS, Chart, Scale
from wsgiviz.tui.render.history import COLOUR, History
from wsgiviz.tui.render.line import DIM, CellStyle, Line, Part, Row
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.render.words import counted, name_of, place, running


def text_style(activity: Activity) -> CellStyle:
    colour = COLOUR.get(activity, "dim")
    return (
        CellStyle("failed!") if activity is Activity.DEAD else CellStyle(colour if colour == "dim" else colour + "!")
    )


def head(worker: Worker, width: int, view: PaneView) -> list[Part]:
    """The lane's first cells: the worker's number and the sign of what it does."""
    number = (f"{worker.number}.{worker.slot}" if worker.slot else str(worker.number))[-(width - 4) :]
    sign = view.glyphs.activity[worker.activity]
    living = CellStyle(flags="b") if worker.alive else DIM
    style = DIM if view.side.of_earlier_run(worker.req) else text_style(worker.activity)
    return [Part(f" {number:>{width - 4}} ", living), Part(sign + " ", style)]


def lane(
    worker: Worker, history: History, scale: Scale, view: PaneView, lines: int, status: bool
) -> list[list[Part]]:
    """The history of one worker in so many lines, the first with words in it; without a status, its death in words
    too."""
    history.take(worker.spans)
    charts = history.charts(worker.spans, view.now_ns, lines)
    history.draw_names(charts[0], view.followed)
    if not worker.alive:
        _draw_death(charts[0], worker, scale, view, not status)
    parts = {id(chart): chart.parts() for chart in charts}  # most lines are one and the same
    return [parts[id(chart)] for chart in charts]


def _draw_death(chart: Chart, worker: Worker, scale: Scale, view: PaneView, in_words: bool) -> None:
    if worker.since_ns >= scale.start_ns:
        cell = min(scale.at(worker.since_ns) // EIGHTHS + 1, scale.cells - 1)
        chart.put(cell, view.glyphs.activity[Activity.DEAD], CellStyle("failed!", "", "b"))
        room = scale.cells - cell - 2
        brief = cause(worker, view.side).brief
        words = next((words for words in (*deaths(worker, view.side), brief) if len(words) <= room), "")
        if in_words:
            chart.write(cell + 2, words, DIM)


def deaths(worker: Worker, side: Side) -> tuple[str, str]:
    """How a worker ended, and what it still held; in full, and in brief."""
    found = cause(worker, side)
    full, brief = found.words.removeprefix("was "), found.brief
    held = f", held {_name(side, worker.req)}" if worker.req else ""
    last = f", last {_name(side, worker.last_req)}" if worker.last_req and not held else ""
    return f"{full or 'dead'}{held or last}", f"{brief or 'dead'}{held or last}"


GAP = 3
"""Blanks between what a worker does and where."""


def status(worker: Worker, indent: int, width: int, view: PaneView) -> Row:
    """What the worker does now, for how long, on which request, and at which line."""
    line = Line(width).to(indent)
    if worker.activity is Activity.IDLE:
        answers = worker.tally.requests
        return line.add("idle" + (f", {counted(answers, 'answer')} so far" if answers else ""), DIM).row()
    style = DIM if view.side.of_earlier_run(worker.req) else text_style(worker.activity)
    if not worker.alive:
        line.first_fitting(*[(Part(words, style),) for words in deaths(worker, view.side)])
        where = last_seen(worker, [view.side.ledger.get(worker.req)] if worker.req else [])
        if where is not None and worker.died_violently and line.left > 10:
            seen = f"{'last seen at ' if stale(worker) else ''}{where.words}"
            seen = seen if len(seen) <= line.left - GAP else place(where, line.left - GAP)
            line.add(" " * GAP).add(printable(seen, not view.glyphs.eighths), DIM)
        return line.row()
    request = view.side.ledger.get(worker.req) if worker.req else None
    line.first_fitting(*[(Part(words, style),) for words in _doing(worker, request, view)])
    where = worker.boot_where if worker.activity is Activity.BOOTING else None
    if worker.busy and request is not None and request.in_app:
        where = request.where
    if where is not None and line.left > 10:
        line.add("   ").add(printable(place(where, line.left), not view.glyphs.eighths), DIM)
    return line.row()


def _doing(worker: Worker, request: Request | None, view: PaneView) -> tuple[str, ...]:
    """What a living worker does, from all words to the fewest."""
    activity, now_ns = worker.activity.value, view.now_ns
    lasts = running((now_ns - worker.since_ns) / 1e9)
    if not worker.req:
        return (*_silence(worker, lasts), f"{activity} {lasts}" if lasts != running(0) else activity)
    held = f"on {_name(view.side, worker.req)}"
    if view.side.of_earlier_run(worker.req):
        held += " of the run before"
        return f"{activity} {lasts} {held}", held, "run before"
    if request is not None and goes_on(request, now_ns):
        name = name_of(worker.req)
        held = f"for nobody ({name} gave up)" if request.failed_ns else f"after the answer to {name}"
    if worker.activity is Activity.BLOCKED and not worker.slot and worker.pid in view.side.server.self_calls:
        return f"{activity} {lasts} {held}, calling its own server", f"{held}, calling its own server", held
    iterates = ", iterating" if worker.iterating and worker.activity in IN_APP else ""
    if lasts == running(0):
        return f"{activity} {held}{iterates}", f"{activity} {held}", held
    return f"{activity} {lasts} {held}{iterates}", f"{activity} {lasts} {held}", f"{activity} {held}", held


def _name(side: Side, req: int) -> str:
    return printable(request_name(side, req), True)


def _silence(worker: Worker, lasts: str) -> tuple[str, ...]:
    """Of a slot that waits for the first byte of a client."""
    client = worker.client
    if worker.activity is not Activity.READING or client is None or not client.silent:
        return ()
    who = f"{printable(client.address)} has" if client.address else "its client has"
    return f"reading: {who} sent no byte for {lasts}", f"no byte for {lasts}"


def worth_showing(workers: Iterable[Worker], room: int, from_ns: int, idle_since_ns: int = 0) -> list[Worker]:
    """Lanes in order of the workers' numbers; not of those that died before ``from_ns``, in earlier runs.

    When they do not fit, the dead go first, and those that have been idle since before ``idle_since_ns`` are last.
    """
    shown = (worker for worker in workers if worker.alive or worker.since_ns >= from_ns)
    lanes = sorted(shown, key=lambda worker: (worker.number, worker.slot))
    dead = [worker for worker in lanes if not worker.alive]
    too_many = max(len(lanes) - room, len(dead) - room // 2, 0)
    gone = {worker.key for worker in sorted(dead, key=lambda worker: worker.since_ns)[:too_many]}
    shown_lanes = [worker for worker in lanes if worker.key not in gone]
    if len(shown_lanes) > room:
        shown_lanes.sort(key=lambda worker: worker.activity is Activity.IDLE and worker.since_ns < idle_since_ns)
    return shown_lanes


def summary(workers: Sequence[Worker]) -> str:
    """Lanes which are not shown, in a few words."""
    counts: dict[str, int] = {}
    for worker in workers:
        counts[worker.activity.value] = counts.get(worker.activity.value, 0) + 1
    if len(counts) == 1:
        return f"all {next(iter(counts))}" if len(workers) > 1 else next(iter(counts))
    return ", ".join(f"{number} {activity}" for activity, number in counts.items())
