"""A worker's lane: its history as blocks on the time axis, and what it does now in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wsgiviz.events import request_number
from wsgiviz.model.state import Doing, Span, Worker
from wsgiviz.tui.render.chart import EIGHTHS, Block, Chart, Scale, draw_blocks, draw_labels
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.line import DIM, Ink, Line, Part, Row, shortened
from wsgiviz.tui.render.printable import printable
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.render.words import counted, name_of, running

COLOUR: dict[Doing, str] = {
    Doing.BLOCKED: "blocked",
    Doing.COMPUTING: "computing",
    Doing.READING: "transfer",
    Doing.WRITING: "transfer",
    Doing.BOOTING: "dim",
    Doing.STOPPING: "dim",
    Doing.DEAD: "dim",
}

CROWDED = 3
"""This many requests inside one cell are drawn as the share of its time that was busy."""


def text_ink(doing: Doing) -> Ink:
    colour = COLOUR.get(doing, "dim")
    return Ink("blocked!") if doing is Doing.DEAD else Ink(colour if colour == "dim" else colour + "!")


def head(worker: Worker, width: int, glyphs: Glyphs) -> list[Part]:
    """The lane's first cells: the worker's number and the sign of what it does."""
    number = str(worker.number)[-(width - 4) :]
    sign = glyphs.doing[worker.doing]
    living = Ink(flags="b") if worker.alive else DIM
    return [Part(f" {number:>{width - 4}} ", living), Part(sign + " ", text_ink(worker.doing))]


def lane(worker: Worker, scale: Scale, view: PaneView, in_words: bool) -> list[Part]:
    """The history of one worker; ``in_words`` when no status line below it tells of its death."""
    glyphs = view.glyphs
    chart = Chart(scale.cells)
    blocks = apart(blocks_of(worker.spans, scale, view.now_ns))
    draw_blocks(chart, blocks, glyphs)
    _draw_crowds(chart, worker.spans, scale, view.now_ns, glyphs)
    draw_labels(chart, blocks, _names(blocks, glyphs))
    if not worker.alive:
        _draw_death(chart, worker, scale, glyphs, in_words)
    return chart.parts()


def _names(blocks: Sequence[Block], glyphs: Glyphs) -> dict[int, str]:
    pattern = "#{}" if glyphs.eighths else " #{} "
    return {
        block.group: pattern.format(request_number(block.group)) for block in blocks if block.group > 0
    }


def blocks_of(spans: Iterable[Span], scale: Scale, now_ns: int) -> list[Block]:
    """The spans as blocks; requests alternate in shade. A request is never thinner than an eighth.

    A connection that is still being read belongs to the request that it turns out to be.
    """
    blocks: list[Block] = []
    edge, shade, group, size = 0, "+", 0, scale.cells * EIGHTHS
    for start_ns, end_ns, doing, req in [(s.start_ns, s.end_ns, s.doing, s.req) for s in spans]:
        if req and req != group:
            group, shade = req, "" if shade else "+"
        if doing is Doing.IDLE or doing is Doing.DEAD:
            continue
        left = max(edge, scale.at(start_ns))
        right = scale.at(end_ns or now_ns)
        unseen = not blocks or blocks[-1].group != req
        if req and unseen and right <= left < size and end_ns > scale.start_ns:
            right = left + 1
        if right > left:
            colour = COLOUR[doing]
            blocks.append(Block(left, right, doing, colour + shade if colour != "dim" else colour, req))
            edge = right
    return blocks


def apart(blocks: list[Block]) -> list[Block]:
    """Requests which meet at the edge of a cell meet an eighth earlier: so the seam shows without colour."""
    for index in range(1, len(blocks)):
        before, block = blocks[index - 1], blocks[index]
        touch = before.right == block.left and block.left % EIGHTHS == 0
        if touch and before.group != block.group and before.right - before.left > 1:
            blocks[index - 1] = before._replace(right=before.right - 1)
            blocks[index] = block._replace(left=block.left - 1)
    return blocks


def _draw_crowds(chart: Chart, spans: Sequence[Span], scale: Scale, now_ns: int, glyphs: Glyphs) -> None:
    """Where many requests fall into one cell, show how busy the worker was, as a level."""
    if len(spans) < 2 * CROWDED:
        return
    counts: dict[int, int] = {}
    shares: dict[int, float] = {}
    colours: dict[int, str] = {}
    for span in spans:
        if span.doing not in COLOUR or span.doing is Doing.DEAD or (span.end_ns or now_ns) <= scale.start_ns:
            continue
        left, right = scale.exact(span.start_ns), scale.exact(span.end_ns or now_ns)
        cell = int(left) // EIGHTHS
        counts[cell] = counts.get(cell, 0) + (span.req != 0 and span.doing is not Doing.WRITING)
        shares[cell] = shares.get(cell, 0.0) + min(right, (cell + 1) * EIGHTHS) - max(left, 0)
        if span.doing is not Doing.WRITING or cell not in colours:
            colours[cell] = COLOUR[span.doing]
    top = len(glyphs.levels) - 1
    for cell, count in counts.items():
        if count >= CROWDED:
            level = max(1, min(top, round(shares[cell] / EIGHTHS * top)))
            chart.put(cell, glyphs.levels[level], Ink(colours[cell]))


def _draw_death(chart: Chart, worker: Worker, scale: Scale, glyphs: Glyphs, in_words: bool) -> None:
    if worker.since_ns >= scale.start_ns:
        cell = min(scale.at(worker.since_ns) // EIGHTHS + 1, scale.cells - 1)
        chart.put(cell, glyphs.doing[Doing.DEAD], Ink("blocked!", "", "b"))
        words = death(worker)
        if in_words and len(words) + 1 < scale.cells - cell:
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
        line.add(f"{worker.doing.value} {running(lasts)}{held}", text_ink(worker.doing))
    if worker.where and worker.busy and line.left > 6:
        where = printable(worker.where, not view.glyphs.eighths)
        line.add("   ").add(shortened(where, line.left, view.glyphs.ellipsis), DIM)
    return line.row()


def worth_showing(workers: Iterable[Worker], room: int) -> list[Worker]:
    """Lanes in order of the workers' numbers. When they do not fit, the dead go first."""
    lanes = sorted(workers, key=lambda worker: worker.number)
    dead = [worker for worker in lanes if not worker.alive]
    too_many = max(len(lanes) - room, len(dead) - room // 2, 0)
    gone = {worker.pid for worker in sorted(dead, key=lambda worker: worker.since_ns)[:too_many]}
    return [worker for worker in lanes if worker.pid not in gone]


def summary(workers: Sequence[Worker]) -> str:
    """Lanes which are not shown, in a few words."""
    counts: dict[str, int] = {}
    for worker in workers:
        counts[worker.doing.value] = counts.get(worker.doing.value, 0) + 1
    if len(counts) == 1:
        return f"all {next(iter(counts))}" if len(workers) > 1 else next(iter(counts))
    return ", ".join(f"{number} {doing}" for doing, number in counts.items())


