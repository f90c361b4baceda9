"""The rows below the lanes: how many are done, how long all take together, and what failed."""

from __future__ import annotations

from itertools import islice

from wsgiviz.analysis.metrics import nearest_rank
from wsgiviz.analysis.stamps import latency_ns
from wsgiviz.printable import printable
from wsgiviz.state import LEDGER_KEPT, Activity, Run, Side
from wsgiviz.tui.render.attached_rows import served_parts
from wsgiviz.tui.render.chart import EIGHTHS
from wsgiviz.tui.render.head_rows import bar_cells, labelled
from wsgiviz.tui.render.line import BOLD, DIM, PLAIN, CellStyle, Line, Part, Row
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.render.words import counted, measured, rate, running

SAMPLE = 1000
"""While a run goes on, its median is that of about this many of its requests; then, of all that are kept."""


class Median:
    """The median latency of a run, taken anew only when enough has been added to it."""

    def __init__(self) -> None:
        self._at = (-1, -1, -1, False)
        self._value: float | None = None

    def latency_s(self, side: Side) -> float | None:
        """From planned to received, in seconds; None before the first answer."""
        run = side.run
        *same, done, running_then = self._at
        other = same != [run.number, run.started_ns] or running_then != run.running
        if other or not done <= run.done <= done * 1.02:  # fewer: played back
            self._at = (run.number, run.started_ns, run.done, run.running)
            self._value = _median(side)
        return self._value


def _median(side: Side) -> float | None:
    stride = min(side.run.done, LEDGER_KEPT) // SAMPLE + 1 if side.run.running else 1
    latencies = map(latency_ns, islice(side.ledger.ours(), None, None, stride))
    times = sorted(latency for latency in latencies if latency >= 0)
    return nearest_rank(times, 50) / 1e9 if times else None


def done(view: PaneView, width: int, column: int, middle: Median) -> Row:
    """Answered of planned, a second, and the median latency."""
    run, cells = view.side.run, bar_cells(width)
    line = labelled("done", width, column)
    _bar(line, view.side, cells, view)
    line.to(column + cells + (2 if width >= 50 else 1))
    _words, speed, half, failed = answered(view, middle)
    main = Part(_done_of(view), BOLD if run.done else DIM)
    return line.first_fitting((main, speed, half, failed), (main, speed, failed), (main, failed)).row()


def answered(view: PaneView, middle: Median) -> tuple[Part, Part, Part, Part]:
    """How many have an answer, how many a second, the median latency, and how many failed."""
    if view.attached:
        return served_parts(view, " served")
    run = view.side.run
    of = _done_of(view) if _passed_s(view) is not None else f"{run.completed} of {run.planned} answered"
    in_time = run.completed - run.added_completed
    speed = Part(f"  {rate(in_time / _elapsed_s(run))}" if run.completed else " " * 9, PLAIN)
    latency = middle.latency_s(view.side)
    half = Part(f"   p50 {measured(latency)}", DIM) if latency is not None else Part("", DIM)
    bad = run.failed + run.bad_status
    word = "refused" if run.refused == bad else "failed"
    failed = Part(f"  {bad} {word}", CellStyle("failed!", "", "b")) if bad else Part("", DIM)
    return Part(of, BOLD if run.completed else DIM), speed, half, failed


def _done_of(view: PaneView) -> str:
    """Of all, or with the seconds that are over of a run that a time ends."""
    run = view.side.run
    passed_s = _passed_s(view)
    if passed_s is not None:
        return f"{run.done}, {passed_s:.1f} of {view.timed_s:g} s"
    return f"{run.done:>{len(str(run.planned))}}/{run.planned}"


def _passed_s(view: PaneView) -> float | None:
    """Of the seconds after which the run ends; None of a run that a number ends, or that is over."""
    run = view.side.run
    if view.timed_s is None or run.ended_ns:
        return None
    return min(view.timed_s, max(0.0, (view.now_ns - run.started_ns) / 1e9)) if run.started_ns else 0.0


def _elapsed_s(run: Run) -> float:
    return max(1e-9, (run.last_finished_ns - (run.first_planned_ns or run.started_ns)) / 1e9)


def _bar(line: Line, side: Side, cells: int, view: PaneView) -> None:
    """Answered in the side's colour, failed behind it, the rest empty."""
    glyphs, run = view.glyphs, side.run
    share = cells * EIGHTHS / max(1, run.planned, run.done)
    passed_s = _passed_s(view)
    if passed_s is not None and view.timed_s:
        share = cells * EIGHTHS * passed_s / view.timed_s / max(1, run.done)
    good, all_done = round((run.completed - run.bad_status) * share), round(run.done * share)
    if not glyphs.eighths:
        good, all_done = good // EIGHTHS * EIGHTHS, all_done // EIGHTHS * EIGHTHS
    full, part = divmod(good, EIGHTHS)
    line.add((glyphs.eighths or "#########")[EIGHTHS] * full, CellStyle(side.protocol, side.protocol))
    if part:
        line.add(glyphs.eighths[part], CellStyle(side.protocol, "failed" if all_done > good else ""))
    lost = -(-all_done // EIGHTHS) - full - bool(part)
    line.add(glyphs.activity[Activity.DEAD] * lost, CellStyle("failed!"))
    line.add(glyphs.rest * (cells - full - bool(part) - lost), CellStyle("faint"))


WIDE = 54
"""From this width on there is room for a long label: below it, it would cost words of the total."""


def total_time(view: PaneView, width: int, column: int) -> Row:
    """Predicted beside measured."""
    line = labelled("total time" if width >= WIDE else "total", width, column)
    return line.first_fitting(*_total_words(view)).row()


def _total_words(view: PaneView) -> list[tuple[Part, ...]]:
    """From all words to the fewest."""
    guess, taken = view.prediction, _taken(view)
    if guess is None:
        nothing = Part("no prediction" if view.foretell else "", DIM)
        return [(nothing, Part("  ", DIM), *taken), taken] if taken else [(nothing,)]
    seconds, formula = Part(measured(guess.seconds), BOLD), Part(_plain(guess.formula, view), DIM)
    gap, wide_gap = Part("  ", DIM), Part("   ", DIM)
    predicted, short = (Part("predicted ", DIM), seconds), (Part("pred. ", DIM), seconds)
    if not taken:
        return [(*predicted, wide_gap, formula), predicted]
    _word, time, *error = taken
    return [
        (*predicted, wide_gap, *taken, wide_gap, formula),
        (*predicted, gap, *taken, gap, formula),
        (*short, gap, *taken, gap, formula),
        (*predicted, wide_gap, *taken),
        (*predicted, gap, *taken),
        (time, gap, *short, *error),
    ]


def predicted_words(view: PaneView) -> list[tuple[Part, ...]]:
    """What was predicted, and by how much it was wrong; beside the time in large digits. From all words to the
    fewest."""
    guess = view.prediction
    if guess is None:
        return [(Part("no prediction" if view.foretell else "", DIM),), (Part("", DIM),)]
    seconds = Part(measured(guess.seconds).strip(), BOLD)
    formula = Part(f" = {_plain(guess.formula, view)}" if guess.formula else "", DIM)
    off = view.makespan_s is not None and not view.side.run.cancelled
    error = (_error(view.makespan_s or 0.0, guess.seconds),) if off else ()
    return [
        (Part("predicted ", DIM), seconds, formula, *error),
        (Part("predicted ", DIM), seconds, *error),
        (Part("pred. ", DIM), seconds, *error),
        (Part("pred. ", DIM), seconds),
    ]


def trouble_words(view: PaneView) -> list[tuple[Part, ...]]:
    """What failed, by kind; else what an earlier run has left, else by how much it was faster, else why the
    prediction may not hold; else how long the run before took."""
    kinds, caveat = _troubles(view), view.prediction.caveat if view.prediction else ""
    if kinds:
        style = CellStyle("failed!", "", "b")
        return [(Part(", ".join(kinds[:count]), style),) for count in range(len(kinds), 0, -1)]
    if view.side.run.earlier:
        return _earlier_words(view.side.run)
    if view.faster:
        ratio = Part(f"{view.faster:.1f} times faster", BOLD)
        rival = Part(f" than {view.rival}", DIM)
        more = [(Part(_plain(caveat, view), DIM),)] if caveat else ghost_words(view)
        return [*((ratio, rival, Part("   ", DIM), *words) for words in more), (ratio, rival), (ratio,)]
    if caveat:
        return [(Part(_plain(caveat, view), DIM),), (Part("caveat: see the ledger", DIM),)]
    return ghost_words(view)


def _earlier_words(run: Run) -> list[tuple[Part, ...]]:
    """What makes its times longer than they would be."""
    served = f"{counted(run.earlier, 'request')} of the run before"
    texts = (
        f"{served} served too",
        f"{run.earlier} of the run before",
        f"{run.earlier} of run before",
        str(run.earlier),
    )
    return [(Part(text, PLAIN),) for text in texts]


def ghost_words(view: PaneView) -> list[tuple[Part, ...]]:
    """How long the run before took, and with what; nothing where there is none to compare."""
    ghost = view.ghost
    if ghost is None:
        return [(Part("", DIM),)]
    sign, took = view.glyphs.ghost, measured(ghost.total_ns / 1e9)
    with_what = f" with {_plain(ghost.words, view)}" if ghost.words else ""
    texts = f"{sign} last run {took}{with_what}", f"{sign} last run {took}", f"{sign} {took}"
    return [(Part(text, DIM),) for text in texts]


def _taken(view: PaneView) -> tuple[Part, ...]:
    """How long all took, or has taken so far: a word, the time, and the prediction's error."""
    run, guess = view.side.run, view.prediction
    style = CellStyle(view.side.protocol + "!", "", "b")
    if view.makespan_s is None:
        if not run.running:
            return ()
        return Part("so far ", DIM), Part(running((view.now_ns - run.started_ns) / 1e9), style)
    taken = Part(measured(view.makespan_s), style)
    if run.cancelled:
        return Part("cancelled at ", DIM), taken
    if guess is None:
        return Part("measured ", DIM), taken
    return Part("measured ", DIM), taken, _error(view.makespan_s, guess.seconds)


TIMES_FROM = 1000
"""From so many percent on it reads better as a multiple."""


def _error(measured_s: float, predicted_s: float) -> Part:
    percent = (measured_s - predicted_s) / predicted_s * 100 if predicted_s > 0 else 0.0
    if percent >= TIMES_FROM:
        return Part(f"  {measured_s / predicted_s:.0f} times that", PLAIN)
    return Part(f"  {percent:+.1f} %" if abs(percent) < 9.95 else f"  {percent:+.0f} %", PLAIN)


def _troubles(view: PaneView) -> list[str]:
    """What failed, by kind."""
    run, deaths = view.side.run, view.side.deaths
    kinds = [f"{number} {printable(kind, True)}" for kind, number in sorted(run.errors.items())]
    if run.bad_status and not run.refused:
        kinds.append(f"{run.bad_status} bad status")
    if run.for_nobody:
        kinds.append(f"{run.for_nobody} served for nobody")
    if deaths:
        kinds.append(counted(deaths, "worker died", "workers died"))
    if run.refused:
        kinds.append(f"{run.refused} WebSockets refused")
    return kinds


def _plain(text: str, view: PaneView) -> str:
    """Our own formulas, in ASCII where that is asked for."""
    if not view.glyphs.eighths:
        for char, plain in (("⌈", "ceil("), ("⌉", ")"), ("×", "x"), ("·", "*"), ("≈", "~")):
            text = text.replace(char, plain)
    return printable(text, not view.glyphs.eighths)
