"""The rows below the lanes: how many are done, how long all takes, and what failed."""

from __future__ import annotations

from statistics import median

from wsgiviz.model.state import Doing, Side
from wsgiviz.tui.render.chart import EIGHTHS
from wsgiviz.tui.render.head_rows import bar_cells, labelled
from wsgiviz.tui.render.line import BOLD, DIM, PLAIN, Ink, Line, Part, Row, shortened
from wsgiviz.tui.render.printable import printable
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.render.words import counted, measured, rate, running

SAMPLE = 1000
"""While a run goes on, its median is that of about this many of its requests."""


class Median:
    """The median latency of a run, taken anew only when enough has been added to it."""

    def __init__(self) -> None:
        self._at = (-1, -1, False)
        self._value: float | None = None

    def latency_s(self, side: Side) -> float | None:
        """From planned to received, in seconds; None before the first answer."""
        run, done, running_then = self._at
        if run != side.run or running_then != side.running or side.done > done * 1.02:
            self._at = (side.run, side.done, side.running)
            self._value = _median(side)
        return self._value


def _median(side: Side) -> float | None:
    stride = len(side.finished) // SAMPLE + 1 if side.running else 1
    times = [
        request.received_ns - (request.planned_ns or request.sent_ns)
        for request in side.finished[::stride]
        if request.received_ns and request.sent_ns
    ]
    return median(times) / 1e9 if times else None


def done(view: PaneView, width: int, column: int, middle: Median) -> Row:
    """Answered of planned, a second, and the median latency."""
    side, cells = view.side, bar_cells(width)
    line = labelled("done", width, column)
    _bar(line, side, cells, view)
    line.to(column + cells + (2 if width >= 50 else 1))
    digits = len(str(side.planned))
    main = Part(f"{side.done:>{digits}}/{side.planned}", BOLD if side.done else DIM)
    speed = Part(f"  {rate(side.completed / _elapsed_s(side))}" if side.completed else " " * 9, PLAIN)
    latency = middle.latency_s(side)
    half = Part(f"   p50 {measured(latency)}", DIM) if latency is not None else Part("", DIM)
    bad = side.failed + side.bad_status
    failed = Part(f"  {bad} failed", Ink("blocked!", "", "b")) if bad else Part("", DIM)
    return line.first_fitting((main, speed, half, failed), (main, speed, failed), (main, failed)).row()


def _elapsed_s(side: Side) -> float:
    return max(1e-9, (side.last_finished_ns - (side.first_planned_ns or side.run_started_ns)) / 1e9)


def _bar(line: Line, side: Side, cells: int, view: PaneView) -> None:
    """Answered in the side's colour, failed behind it, the rest empty."""
    glyphs = view.glyphs
    share = cells * EIGHTHS / max(1, side.planned, side.done)
    good, all_done = round((side.completed - side.bad_status) * share), round(side.done * share)
    if not glyphs.eighths:
        good, all_done = good // EIGHTHS * EIGHTHS, all_done // EIGHTHS * EIGHTHS
    full, part = divmod(good, EIGHTHS)
    line.add((glyphs.eighths or "#########")[EIGHTHS] * full, Ink(side.protocol, side.protocol))
    if part:
        line.add(glyphs.eighths[part], Ink(side.protocol, "blocked" if all_done > good else ""))
    lost = -(-all_done // EIGHTHS) - full - bool(part)
    line.add(glyphs.doing[Doing.DEAD] * lost, Ink("blocked!"))
    line.add(glyphs.rest * (cells - full - bool(part) - lost), Ink("faint"))


def all_in(view: PaneView, width: int, column: int) -> Row:
    """Predicted beside measured."""
    line = labelled("all", width, column)
    return line.first_fitting(*_all_words(view)).row()


def _all_words(view: PaneView) -> list[tuple[Part, ...]]:
    guess = view.prediction
    predicted: tuple[Part, ...] = (Part("no prediction", DIM),)
    formula: tuple[Part, ...] = ()
    if guess:
        predicted = (Part("predicted ", DIM), Part(measured(guess.seconds), BOLD))
        formula = (Part(f"   {_plain(guess.formula, view)}", DIM),)
    taken = _taken(view)
    if not taken:
        return [(*predicted, *formula), predicted]
    told = (*predicted, Part("   ", DIM), *taken)
    word, time, *error = taken
    brief = (time, Part("  pred. ", DIM), *predicted[1:], *error)
    return [(*told, *formula), told, (*predicted, Part("  ", DIM), *taken), brief if guess else taken]


def _taken(view: PaneView) -> tuple[Part, ...]:
    """How long all took, or has taken so far: a word, the time, and the prediction's error."""
    side, guess = view.side, view.prediction
    ink = Ink(side.protocol + "!", "", "b")
    if view.makespan_s is None:
        if not side.running:
            return ()
        return Part("so far ", DIM), Part(running((view.now_ns - side.run_started_ns) / 1e9), ink)
    taken = Part(measured(view.makespan_s), ink)
    if side.cancelled:
        return Part("cancelled at ", DIM), taken
    if guess is None:
        return Part("measured ", DIM), taken
    return Part("measured ", DIM), taken, _error(view.makespan_s, guess.seconds)


def _error(measured_s: float, predicted_s: float) -> Part:
    percent = (measured_s - predicted_s) / predicted_s * 100 if predicted_s > 0 else 0.0
    return Part(f"  {percent:+.1f} %" if abs(percent) < 9.95 else f"  {percent:+.0f} %", PLAIN)


def failures(view: PaneView, width: int, column: int) -> Row:
    """What failed, by kind; else why the prediction may not hold; else nothing."""
    side = view.side
    kinds = [f"{number} {printable(kind, True)}" for kind, number in sorted(side.errors.items())]
    if side.bad_status:
        kinds.append(f"{side.bad_status} bad status")
    if side.deaths:
        kinds.append(counted(side.deaths, "worker died", "workers died"))
    if kinds:
        line = labelled("failed", width, column)
        text = shortened(", ".join(kinds), line.left, view.glyphs.ellipsis)
        return line.add(text, Ink("blocked!", "", "b")).row()
    if view.prediction and view.prediction.caveat:
        line = labelled("but", width, column)
        text = _plain(view.prediction.caveat, view)
        return line.add(shortened(text, line.left, view.glyphs.ellipsis), DIM).row()
    return Line(width).row()


def _plain(text: str, view: PaneView) -> str:
    """Our own formulas, in ASCII where that is asked for."""
    if not view.glyphs.eighths:
        for char, plain in (("⌈", "ceil("), ("⌉", ")"), ("×", "x"), ("·", "*"), ("≈", "~")):
            text = text.replace(char, plain)
    return printable(text, not view.glyphs.eighths)
