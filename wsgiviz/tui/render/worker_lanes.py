"""A worker's lane: its history as blocks on the time axis, and what it does now in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wsgiviz.model.state import IN_APP, Doing, Worker
from wsgiviz.tui.render.chart import EIGHTHS, Chart, Scale
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.history import COLOUR, History
from wsgiviz.tui.render.line import DIM, Ink, Line, Part, Row, shortened
from wsgiviz.tui.render.printable import printable
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.render.words import counted, name_of, running


def text_ink(doing: Doing) -> Ink:
    colour = COLOUR.get(doing, "dim")
    return Ink("blocked!") if doing is Doing.DEAD else Ink(colour if colour == "dim" else colour + "!")


def head(worker: Worker, width: int, glyphs: Glyphs) -> list[Part]:
    """The lane's first cells: the worker's number and the sign of what it does."""
    number = (f"{worker.number}.{worker.slot}" if worker.slot else str(worker.number))[-(width - 4) :]
    sign = glyphs.doing[worker.doing]
    living = Ink(flags="b") if worker.alive else DIM
    return [Part(f" {number:>{width - 4}} ", living), Part(sign + " ", text_ink(worker.doing))]


def lane(worker: Worker, history: History, scale: Scale, view: PaneView, lines: int) -> tuple[list[Part], list[Part]]:
    """The history of one worker, with and without words in it; with one line only, its death in words too."""
    history.take(worker.spans)
    chart = history.chart(worker.spans, view.now_ns)
    below = chart.copy().parts() if lines > 3 else []
    history.draw_names(chart, view.followed)
    if not worker.alive:
        _draw_death(chart, worker, scale, view.glyphs, lines < 2)
    return chart.parts(), below


def _draw_death(chart: Chart, worker: Worker, scale: Scale, glyphs: Glyphs, in_words: bool) -> None:
    if worker.since_ns >= scale.start_ns:
        cell = min(scale.at(worker.since_ns) // EIGHTHS + 1, scale.cells - 1)
        chart.put(cell, glyphs.doing[Doing.DEAD], Ink("blocked!", "", "b"))
        room = scale.cells - cell - 2
        words = next((words for words in (death(worker), worker.died_of) if len(words) <= room), "")
        if in_words:
            chart.write(cell + 2, words, DIM)


def death(worker: Worker) -> str:
    """How a worker ended, and what it still held."""
    causes = {"exit": "exited", "timeout": "killed for its timeout"}
    cause = causes.get(worker.died_of, worker.died_of or "dead")
    if worker.req:
        return f"{cause}, held {name_of(worker.req)}"
    return f"{cause}, last {name_of(worker.last_req)}" if worker.last_req else cause


def status(worker: Worker, indent: int, width: int, view: PaneView) -> Row:
    """What the worker does now, for how long, on which request, and at which line."""
    line = Line(width).to(indent)
    lasts = (view.now_ns - worker.since_ns) / 1e9
    held = f" on {name_of(worker.req)}" if worker.req else ""
    if worker.doing is Doing.IDLE:
        line.add("idle" + (f", {counted(worker.requests, 'answer')} so far" if worker.requests else ""), DIM)
    elif worker.doing is Doing.DEAD:
        line.add(death(worker), text_ink(worker.doing))
    else:
        iterates = ", iterating" if worker.iterating and worker.doing in IN_APP else ""
        line.add(f"{worker.doing.value} {running(lasts)}{held}{iterates}", text_ink(worker.doing))
    request = view.side.in_flight.get(worker.req) if worker.busy else None
    if request is not None and request.where is not None and line.left > 6:
        where = printable(request.where.words, not view.glyphs.eighths)
        line.add("   ").add(shortened(where, line.left, view.glyphs.ellipsis), DIM)
    return line.row()


def worth_showing(workers: Iterable[Worker], room: int) -> list[Worker]:
    """Lanes in order of the workers' numbers. When they do not fit, the dead go first."""
    lanes = sorted(workers, key=lambda worker: (worker.number, worker.slot))
    dead = [worker for worker in lanes if not worker.alive]
    too_many = max(len(lanes) - room, len(dead) - room // 2, 0)
    gone = {worker.key for worker in sorted(dead, key=lambda worker: worker.since_ns)[:too_many]}
    return [worker for worker in lanes if worker.key not in gone]


def summary(workers: Sequence[Worker]) -> str:
    """Lanes which are not shown, in a few words."""
    counts: dict[str, int] = {}
    for worker in workers:
        counts[worker.doing.value] = counts.get(worker.doing.value, 0) + 1
    if len(counts) == 1:
        return f"all {next(iter(counts))}" if len(workers) > 1 else next(iter(counts))
    return ", ".join(f"{number} {doing}" for doing, number in counts.items())
