"""A request's lane on a loop: when it ran, waited for the loop, and awaited; before and after it, the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from wsgiviz.events import request_number
from wsgiviz.model.state import Request, Step, Task
from wsgiviz.tui.render.chart import EIGHTHS, Block, Chart, Scale, draw_block
from wsgiviz.tui.render.glyphs import HELD, LOOP_HELD_NS, ON_THE_WAY, UNKNOWN, Glyphs
from wsgiviz.tui.render.line import BOLD, DIM, Ink, Part, shortened
from wsgiviz.tui.render.printable import printable
from wsgiviz.tui.render.tracks import Tracks, begin_ns, end_ns
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.render.words import measured, running

INK: dict[str, Ink] = {
    Task.AWAITING: Ink("awaiting"),
    Task.READY: Ink("queue", "queue~"),
    ON_THE_WAY: Ink("queue"),
    UNKNOWN: DIM,
}


GAP = Part(" ", DIM)

WORDS: dict[Task, str] = {task: task.value for task in Task}


def failed(request: Request) -> bool:
    return bool(request.failed_ns or request.raised or request.status >= 400)


def sign(request: Request, glyphs: Glyphs) -> Part:
    """The sign of what a request does, or of how it ended."""
    if failed(request):
        return Part(glyphs.task[Task.FAILED], Ink("blocked!", "", "b"))
    if request.finished or request.ended_ns:
        return Part(glyphs.task[Task.DONE], Ink("asgi!"))
    if request.task is Task.RUNNING:
        return Part(glyphs.task[Task.RUNNING], Ink("computing!"))
    colour = "awaiting!" if request.task is Task.AWAITING else "queue!"
    return Part(glyphs.task[request.task], Ink(colour))


def head(request: Request, width: int, glyphs: Glyphs, followed: int = 0) -> list[Part]:
    """The lane's first cells: the request's number, and the sign of what it does or how it ended."""
    if request.id == followed:
        number = _number(request.id, width, False).text
        return [Part(glyphs.here + number[1:], Ink(flags="br")), sign(request, glyphs), GAP]
    return [_number(request.id, width, request.finished), sign(request, glyphs), GAP]


@lru_cache(maxsize=1024)
def _number(req: int, width: int, over: bool) -> Part:
    number = request_number(req)
    name = f"#{number}" if number > 0 else "-"
    return Part(f" {name[-(width - 4) :]:>{width - 4}} ", DIM if over else BOLD)


class Answers:
    """The finished requests of one lane, each drawn once."""

    def __init__(self, scale: Scale) -> None:
        self._chart = Chart(scale.cells)
        self._scale = scale
        self._seen = 0

    def chart(self, tracks: Tracks, track: int, view: PaneView) -> Chart:
        """A new chart with all that have ended by now."""
        new, self._seen = tracks.newly_over(track, self._seen)
        for request in new:
            _draw(self._chart, request, self._scale, view)
        return self._chart.copy()


def lane(tracks: Tracks, track: int, answers: Answers, scale: Scale, view: PaneView) -> list[Part]:
    """The requests of one lane, with a word at the end on how the last one went."""
    chart = answers.chart(tracks, track, view)
    present = tracks.present(track, view.side)
    if present is not None:
        _draw(chart, present, scale, view)
    last = present or tracks.last(track, view.side)
    if last is not None:
        _write_ending(chart, last, scale, view)
    return chart.parts()


def growth(request: Request, reached: int, now_ns: int) -> tuple[int, int]:
    """What of a lane changes with time alone: how far its present request has come, drawn and in words."""
    if end_ns(request):
        return 0, 0
    if request.task is not Task.RUNNING:
        return reached // (EIGHTHS // 2), 0
    return reached, (now_ns - request.since_ns) // (LOOP_HELD_NS // 10)


def _draw(chart: Chart, request: Request, scale: Scale, view: PaneView) -> None:
    glyphs = view.glyphs
    begin, end = begin_ns(request), end_ns(request) or view.now_ns
    if end < scale.start_ns or begin >= scale.end_ns:
        return
    left, right = scale.at(begin), scale.at(end)
    if right - left < EIGHTHS:
        chart.put(left // EIGHTHS, glyphs.step, Ink("blocked!" if failed(request) else "awaiting!"))
        return
    inside = scale.at(request.began_ns) if request.began_ns else right
    outside = scale.at(request.ended_ns) if request.ended_ns else right
    taken = min(inside, scale.at(request.accepted_ns)) if request.accepted_ns else inside
    _thin(chart, left, taken, ON_THE_WAY, glyphs)
    _thin(chart, taken, inside, Task.READY, glyphs)
    _draw_steps(chart, request, scale, view, (inside, outside))
    _thin(chart, outside, right, ON_THE_WAY, glyphs)


def _draw_steps(chart: Chart, request: Request, scale: Scale, view: PaneView, inside: tuple[int, int]) -> None:
    """What the app did with it, from its beginning to its end."""
    left, right = inside
    glyphs, steps = view.glyphs, request.steps
    if left < right:
        _thin(chart, left, scale.at(steps[0].start_ns) if steps else right, UNKNOWN, glyphs)
    runs = []
    for step in steps:
        begin, end = scale.at(step.start_ns), min(scale.at(step.end_ns or view.now_ns), right)
        if step.task is Task.RUNNING:
            if step.start_ns < scale.end_ns and (step.end_ns or view.now_ns) >= scale.start_ns:
                runs.append((step, begin, end))
        elif begin < end:
            _thin(chart, begin, end, step.task, glyphs)
    for step, begin, end in runs:
        _run(chart, step, begin, end, view)


def _thin(chart: Chart, left: int, right: int, texture: str, glyphs: Glyphs) -> None:
    """A line of a texture, to half a cell where it has half cells."""
    ink = INK[texture]
    if texture != Task.AWAITING or not glyphs.eighths:
        chart.fill(round(left / EIGHTHS), round(right / EIGHTHS), glyphs.texture[texture], ink)
        return
    first, end = round(left * 2 / EIGHTHS), round(right * 2 / EIGHTHS)
    chart.fill((first + 1) // 2, end // 2, glyphs.texture[texture], ink)
    if first % 2 and first < end:
        chart.put(first // 2, glyphs.half_right, ink)
    if end % 2 and first < end:
        chart.put(end // 2, glyphs.half_left, ink)


def _run(chart: Chart, step: Step, left: int, right: int, view: PaneView) -> None:
    """A step on the loop: to scale when it is long, else as a thin mark. One that holds the loop is solid."""
    held = (step.end_ns or view.now_ns) - step.start_ns >= LOOP_HELD_NS
    texture, colour = (HELD, "blocked") if held else (Task.RUNNING.value, "computing")
    if right - left >= EIGHTHS:
        block = Block(left // EIGHTHS * EIGHTHS, right, texture, colour)
        draw_block(chart, Block(0, 0, "", ""), block, view.glyphs)
    else:
        chart.put(min(left, len(chart.chars) * EIGHTHS - 1) // EIGHTHS, view.glyphs.step, Ink(colour + "!"))


def _write_ending(chart: Chart, request: Request, scale: Scale, view: PaneView) -> None:
    end = end_ns(request) or view.now_ns
    if end < scale.start_ns:
        return
    cell = -(-scale.at(end) // EIGHTHS) + 2
    words, ink = _ending(request, view)
    room = len(chart.chars) - cell
    if request.where is not None and room > 12:
        words = shortened(words, room, view.glyphs.ellipsis)
    if len(words) <= room:
        chart.write(cell, words, ink)


def _ending(request: Request, view: PaneView) -> tuple[str, Ink]:
    """How it went; while it goes on, only what is remarkable."""
    took = measured((end_ns(request) - (request.planned_ns or begin_ns(request))) / 1e9)
    if failed(request):
        why = request.error or request.raised or f"status {request.status}"
        return printable(why, not view.glyphs.eighths), Ink("blocked!")
    if request.finished:
        return took, DIM
    lasts = view.now_ns - request.since_ns
    if request.task is Task.RUNNING and request.since_ns and lasts >= LOOP_HELD_NS:
        return f"holds the loop {running(lasts / 1e9)}", Ink("blocked!")
    if request.where is not None:
        return printable(request.where.words, not view.glyphs.eighths), DIM
    return "", DIM


def summary(requests: Iterable[Request]) -> str:
    """Requests which are not shown, in a few words."""
    counts = Counter([_word(request) for request in requests])
    if len(counts) == 1:
        word, number = next(iter(counts.items()))
        return f"all {word}" if number > 1 else word
    return ", ".join(f"{number} {word}" for word, number in counts.items())


def _word(request: Request) -> str:
    if not request.ended_ns and not request.failed_ns:
        return WORDS[request.task]
    return "failed" if failed(request) else "answered"
