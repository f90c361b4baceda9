"""A request's lane on a loop: when it ran, waited for the loop, and awaited; before and after it, the way.

What goes on after its client has the answer, or when the client has given it up, has a texture of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache

from wsgiviz.events import request_number
from wsgiviz.printable import printable
from wsgiviz.state import Activity, Request, Step, Task
from wsgiviz.tui.render.after import after_ns, goes_on
from wsgiviz.tui.render.chart import EIGHTHS, TENTH_NS, Block, Chart, Scale, draw_block
from wsgiviz.tui.render.glyphs import AFTER, HELD, LOOP_HELD_NS, ON_THE_WAY, UNKNOWN, Glyphs
from wsgiviz.tui.render.line import BOLD, DIM, CellStyle, Part, shortened
from wsgiviz.tui.render.tracks import Tracks, begin_ns, end_ns
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.render.words import measured, place, running

STYLES: dict[str, CellStyle] = {
    Task.AWAITING: CellStyle("awaiting"),
    Task.IN_THREAD: CellStyle("awaiting"),
    Task.THREAD_COMPUTES: CellStyle("computing"),
    Task.THREAD_FOR_GIL: CellStyle("gil"),
    Task.FOR_THREAD: CellStyle("queue"),
    Task.IN_PROCESS: CellStyle("awaiting"),
    Task.FOR_PROCESS: CellStyle("queue"),
    Task.READY: CellStyle("queue", "queue~"),
    Activity.READING: CellStyle("transfer"),
    ON_THE_WAY: CellStyle("queue"),
    UNKNOWN: DIM,
}
SIGN_COLOURS = {
    Task.RUNNING: "computing!",
    Task.AWAITING: "awaiting!",
    Task.IN_THREAD: "awaiting!",
    Task.IN_PROCESS: "awaiting!",
    Task.THREAD_COMPUTES: "computing!",
    Task.THREAD_FOR_GIL: "gil!",
}
"""Of what a request does; all else waits."""

AFTER_ANSWER = CellStyle("awaiting")
FOR_NOBODY = CellStyle("failed")

GAP = Part(" ", DIM)

WORDS: dict[Task, str] = {task: task.value for task in Task}


def failed(request: Request) -> bool:
    return bool(request.failed_ns or request.raised or request.shown_status >= 400)


def task_sign(request: Request, view: PaneView) -> Part:
    """The sign of what a request does, or of how it ended."""
    glyphs = view.glyphs
    if goes_on(request, view.now_ns):
        return Part(glyphs.after, CellStyle("failed!" if request.failed_ns else "awaiting!"))
    if failed(request):
        return Part(glyphs.task[Task.FAILED], CellStyle("failed!", "", "b"))
    if request.finished or request.over:
        return Part(glyphs.task[Task.DONE], BOLD)
    if request.ended_ns:  # the app is through, and its client has not got all of the answer
        return Part(glyphs.activity[Activity.WRITING], CellStyle("transfer!"))
    if view.reads(request):
        return Part(glyphs.activity[Activity.READING], CellStyle("transfer!"))
    return Part(glyphs.task[request.task], CellStyle(SIGN_COLOURS.get(request.task, "queue!")))


def head(request: Request, width: int, view: PaneView, newest: bool = False) -> list[Part]:
    """The lane's first cells: the request's number, and the sign of what it does or how it ended."""
    return [number_part(request, width, view, newest), task_sign(request, view), GAP]


def number_part(request: Request, width: int, view: PaneView, newest: bool = False) -> Part:
    """Its number, which stands out when it is followed; ``newest``: of several in its lane."""
    if request.id != view.followed:
        number, style = _number(request.id, width, request.over)
        name = number.lstrip()
        return Part(f"{view.glyphs.ellipsis + name:>{len(number)}}", style) if newest else Part(number, style)
    number = _number(request.id, width, False).text
    return Part(view.glyphs.here + number[1:], CellStyle(flags="br"))


@lru_cache(maxsize=1024)
def _number(req: int, width: int, over: bool) -> Part:
    number = request_number(req)
    name = f"#{number}" if number > 0 else "-"
    return Part(f" {name[-(width - 4) :]:>{width - 4}} ", DIM if over else BOLD)


Draw = Callable[[Chart, Request, Scale, PaneView], None]
"""Draws one request."""


class Answers:
    """The requests of one lane; those that are over are each drawn once."""

    def __init__(self, scale: Scale, draw: Draw) -> None:
        self._chart = Chart(scale.cells)
        self._scale = scale
        self._draw = draw
        self._seen = 0

    def chart(self, tracks: Tracks, track: int, view: PaneView) -> Chart:
        """A new chart with all that have ended by now, and the one that is in progress."""
        new, self._seen = tracks.newly_over(track, self._seen)
        for request in new:
            self._draw(self._chart, request, self._scale, view)
        chart, present = self._chart.copy(), tracks.present(track)
        if present is not None:
            self._draw(chart, present, self._scale, view)
        return chart


def lane(tracks: Tracks, track: int, answers: Answers, scale: Scale, view: PaneView) -> list[Part]:
    """The requests of one lane, with a word at the end on how the last one went."""
    chart, present = answers.chart(tracks, track, view), tracks.present(track)
    last = present or tracks.last(track)
    if last is not None:
        _write_ending(chart, last, scale, view)
    return chart.parts()


def growth(request: Request, reached: int, view: PaneView) -> tuple[int, int]:
    """What of a lane changes with time alone: how far its present request has come, drawn and in words."""
    if request.over:
        return 0, 0
    if request.finished:
        return reached // (EIGHTHS // 2), (view.now_ns - request.finished_ns) // TENTH_NS
    if request.task is not Task.RUNNING:
        return reached // (EIGHTHS // 2), 0
    return reached, (view.now_ns - request.since_ns) // (LOOP_HELD_NS // 10)


def draw(chart: Chart, request: Request, scale: Scale, view: PaneView) -> None:
    glyphs = view.glyphs
    begin, end = begin_ns(request), end_ns(request) or view.now_ns
    if end < scale.start_ns or begin >= scale.end_ns:
        return
    left, right = scale.at(begin), scale.at(end)
    if right - left < EIGHTHS:
        chart.put(left // EIGHTHS, glyphs.step, CellStyle("failed!" if failed(request) else "awaiting!"))
        return
    inside = scale.at(request.began_ns) if request.began_ns else right
    outside = scale.at(request.ended_ns) if request.ended_ns else right
    taken = min(inside, scale.at(request.accepted_ns)) if request.accepted_ns else inside
    _thin(chart, left, taken, ON_THE_WAY, glyphs)
    before = Task.READY if request.pid in view.occupied else Activity.READING
    _thin(chart, max(left, taken), inside, before, glyphs)
    _draw_steps(chart, request, scale, view, (inside, outside))
    _thin(chart, outside, right, ON_THE_WAY, glyphs)


def _draw_steps(chart: Chart, request: Request, scale: Scale, view: PaneView, inside: tuple[int, int]) -> None:
    """What the app did with it, from its beginning to its end."""
    left, right = inside
    glyphs, steps = view.glyphs, request.steps
    if left < right:
        _thin(chart, left, scale.at(steps[0].start_ns) if steps else right, UNKNOWN, glyphs)
    runs = []
    after_from_ns = after_ns(request, view.now_ns)
    after = min(max(left, scale.at(after_from_ns)), right) if after_from_ns else right
    for step in steps:
        begin, end = scale.at(step.start_ns), min(scale.at(step.end_ns or view.now_ns), right)
        if step.task is Task.RUNNING:
            if step.start_ns < scale.end_ns and (step.end_ns or view.now_ns) >= scale.start_ns:
                runs.append((step, begin, end))
        elif begin < min(end, after):
            _thin(chart, begin, min(end, after), step.task, glyphs)
    if after < right:
        style = FOR_NOBODY if request.failed_ns else AFTER_ANSWER
        chart.fill(round(after / EIGHTHS), round(right / EIGHTHS), glyphs.texture[AFTER], style)
    for step, begin, end in runs:
        _run(chart, step, begin, end, view, request.pid in view.computing)


def _thin(chart: Chart, left: int, right: int, texture: str, glyphs: Glyphs) -> None:
    """A line of a texture, to half a cell where it has half cells."""
    style = STYLES[texture]
    if texture != Task.AWAITING or not glyphs.eighths:
        chart.fill(round(left / EIGHTHS), round(right / EIGHTHS), glyphs.texture[texture], style)
        return
    first, end = round(left * 2 / EIGHTHS), round(right * 2 / EIGHTHS)
    chart.fill((first + 1) // 2, end // 2, glyphs.texture[texture], style)
    if first % 2 and first < end:
        chart.put(first // 2, glyphs.half_right, style)
    if end % 2 and first < end:
        chart.put(end // 2, glyphs.half_left, style)


def _run(chart: Chart, step: Step, left: int, right: int, view: PaneView, computes: bool) -> None:
    """A step on the loop: to scale when it is long, else as a thin mark. One that blocks the loop is solid."""
    held = (step.end_ns or view.now_ns) - step.start_ns >= LOOP_HELD_NS
    texture, colour = (HELD, "blocked") if held and not computes else (Task.RUNNING.value, "computing")
    if right - left >= EIGHTHS:
        block = Block(left // EIGHTHS * EIGHTHS, right, texture, colour)
        draw_block(chart, Block(0, 0, "", ""), block, view.glyphs)
    else:
        chart.put(min(left, len(chart.chars) * EIGHTHS - 1) // EIGHTHS, view.glyphs.step, CellStyle(colour + "!"))


def _write_ending(chart: Chart, request: Request, scale: Scale, view: PaneView) -> None:
    end = end_ns(request) or view.now_ns
    if end < scale.start_ns:
        return
    drawn = len("".join(chart.chars).rstrip())  # its worker may be at it longer than its client waits
    cell = max(-(-scale.at(end) // EIGHTHS), drawn) + 2
    room = len(chart.chars) - cell
    words, style = _ending(request, view, room)
    if len(words) == room + 1:  # close to it rather than not at all: the last one's is the run's
        cell, room = cell - 1, room + 1
    if failed(request) and room > 12:
        words = shortened(words, room, view.glyphs.ellipsis)
    if len(words) <= room:
        chart.write(cell, words, style)


def _ending(request: Request, view: PaneView, room: int) -> tuple[str, CellStyle]:
    """How it went, in ``room`` cells if that can be; while it goes on, only what is remarkable."""
    step_ns = view.now_ns - request.since_ns if request.since_ns else 0
    runs = request.task is Task.RUNNING and view.side.is_loop and not request.over
    if runs and step_ns >= LOOP_HELD_NS:
        if _lacks_gil(request, view):
            return f"waits for the GIL {running(step_ns / 1e9)}", CellStyle("gil!")
        colour = "computing!" if request.pid in view.computing else "blocked!"
        return f"holds the loop {running(step_ns / 1e9)}", CellStyle(colour)
    if goes_on(request, view.now_ns):
        lasts = running((view.now_ns - after_ns(request, view.now_ns)) / 1e9)
        return ("for nobody" if request.failed_ns else "after the answer") + f" {lasts}", DIM
    if failed(request):
        why = request.error or request.raised or f"status {request.shown_status}"
        nobody = ", served for nobody" if request.for_nobody else ""
        return printable(why, not view.glyphs.eighths) + nobody, CellStyle("failed!")
    if request.finished:
        took = measured((request.finished_ns - (request.planned_ns or begin_ns(request))) / 1e9)
        longer_ns = request.after_answer_ns(view.now_ns)
        longer = measured(longer_ns / 1e9).strip()
        more = (f"{took}, app {longer} longer", f"{took} + {longer}") if longer_ns else ()
        return next(words for words in (*more, took) if len(words) <= room or words == took), DIM
    if request.where is not None:
        return printable(place(request.where, room), not view.glyphs.eighths), DIM
    return "", DIM


def _lacks_gil(request: Request, view: PaneView) -> bool:
    """The thread of its loop waits for the interpreter lock, which another thread of its process has."""
    worker = view.side.server.workers.get((request.pid, 0))
    return worker is not None and worker.lacks_gil


def summary(requests: Iterable[Request], view: PaneView) -> str:
    """Requests which are not shown, in a few words."""
    counts = Counter([_word(request, view) for request in requests])
    if len(counts) == 1:
        word, number = next(iter(counts.items()))
        return f"all {word}" if number > 1 else word
    return ", ".join(f"{number} {word}" for word, number in counts.items())


def _word(request: Request, view: PaneView) -> str:
    slot = view.slot_of(request) if not view.side.is_loop else None
    if slot is not None:
        return slot.activity.value
    if not (request.ended_ns or request.received_ns or request.failed_ns):
        return Activity.READING.value if not request.began_ns and view.reads(request) else WORDS[request.task]
    if goes_on(request, view.now_ns):
        return "for nobody" if request.failed_ns else "after the answer"
    if failed(request):
        return "failed"
    return "answered" if request.finished or request.over else Activity.WRITING.value
