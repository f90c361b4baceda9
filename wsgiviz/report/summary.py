"""The summary table of a run."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from wsgiviz.analysis import metrics
from wsgiviz.analysis.lints import wording
from wsgiviz.analysis.occurrences import Occurrence, Occurrences
from wsgiviz.analysis.prediction import prediction
from wsgiviz.analysis.theory import Prediction
from wsgiviz.report.plain import spelled
from wsgiviz.settings import Settings
from wsgiviz.state import Side, State

Figures = dict[str, str]
"""By label."""

ONLY_WHERE_MET = ("served for nobody", "went on after the answer")
"""Rows that most runs have no use for."""


def summary(state: State, occurrences: Occurrences, ascii_only: bool = False) -> RenderableType:
    """Both sides in one table, figure under figure; below it what the figures leave out, and which lints applied."""
    settings = state.settings
    sides = [state.sides[name] for name in settings.sides if name in state.sides]
    predictions = [prediction(state, side.name) for side in sides]
    table = Table(title=Text(_title(settings)), title_justify="left", box=box.ASCII if ascii_only else box.HEAVY_HEAD)
    table.add_column("")
    twins = len({side.protocol for side in sides}) < len(sides)
    for side in sides:
        name = side.kind if twins else side.protocol.upper()
        table.add_column(Text(spelled(f"{name}  {settings.call(side.name)}", ascii_only)), justify="right")
    columns = [_figures(side, found, state.t_ns) for side, found in zip(sides, predictions, strict=True)]
    for label in columns[0] if columns else ():
        cells = [figures[label] for figures in columns]
        if label not in ONLY_WHERE_MET or any(cells):
            table.add_row(label, *(Text(spelled(cell or "0", ascii_only)) for cell in cells))
    caveats = {found.caveat for found in predictions if found and found.caveat}
    notes = [f"Note: {caveat}." for caveat in sorted(caveats)] + [_lint(occurrence) for occurrence in occurrences.met]
    return Group(table, *(Text(spelled(note, ascii_only)) for note in notes))


def _title(settings: Settings) -> str:
    to_each = " to each side" if len(settings.sides) > 1 else ""
    return f"{settings.name}: {wording.requests(settings.requests)}{to_each}"


def _lint(occurrence: Occurrence) -> str:
    """ "loop-held (asgi, 4.1 s): #1 holds the event loop ..."."""
    finding, seconds = occurrence.finding, occurrence.lasted_ns / 1e9
    lasted = f", {seconds:.1f} s" if seconds >= 0.05 else ""
    return f"{finding.lint} ({finding.side}{lasted}): {finding.message}"


def _figures(side: Side, predicted: Prediction | None, now_ns: int) -> Figures:
    """What the table says of one side; "" in the rows of ONLY_WHERE_MET means zero."""
    run, fractions = side.run, metrics.fractions(side, now_ns)
    return {
        "all done in": _seconds(metrics.makespan_ns(side) / 1e9 if run.done else None),
        "predicted": f"{_seconds(predicted.seconds)} = {predicted.formula}" if predicted else "n/a",
        "completed": f"{run.completed} of {run.planned}",
        "failed": _failed(side),
        "served for nobody": str(run.for_nobody or ""),
        "went on after the answer": _after_answer(side, now_ns),
        "throughput": _per_second(metrics.throughput(side, now_ns)),
        "latency p50": _quantile(metrics.latency(side), "p50"),
        "latency p99": _quantile(metrics.latency(side), "p99"),
        "waited in the queue, p50": _quantile(metrics.queue_wait(side), "p50"),
        "in the app, p50": _quantile(metrics.service(side), "p50"),
        "peak in the accept queue": str(run.max_queue) if side.server.queue_depth >= 0 else "n/a",
        "peak in the app": str(run.in_app_peak.most),
        "busy": _percent(fractions.busy),
        "of that blocked": _percent(fractions.blocked),
        "of that computing": _percent(fractions.computing),
        "of that reading, writing": _server_part(fractions),
        "requests by worker": " ".join(str(worker.tally.requests) for worker in side.server.workers.values()),
        "events lost": str(side.server.lost),
    }


def _seconds(value: float | None) -> str:
    if value is None:
        return "n/a"
    return f"{value:.2f} s" if value >= 0.1 else f"{value * 1000:.2f} ms"


def _failed(side: Side) -> str:
    kinds = [f"{count} {kind}" for kind, count in sorted(side.run.errors.items())]
    if side.run.bad_status:
        names = ", ".join(f"{name} × {count}" for name, count in sorted(metrics.raised(side).items()))
        kinds.append(f"{side.run.bad_status} answered with an error status" + (f": {names}" if names else ""))
    return f"{side.run.failed}" + (f" ({', '.join(kinds)})" if kinds else "")


def _after_answer(side: Side, now_ns: int) -> str:
    found = metrics.after_answer(side, now_ns)
    return f"{found.count}, {_seconds(found.seconds)} in all" if found.count else ""


def _quantile(values: list[float], name: str) -> str:
    found = metrics.quantiles(values)
    return _seconds(getattr(found, name) if found else None)


def _per_second(value: float | None) -> str:
    return f"{value:.1f} /s" if value is not None else "n/a"


def _server_part(fractions: metrics.Fractions) -> str:
    if fractions.reading is None and fractions.writing is None:
        return _percent(None)
    return f"{_percent(fractions.reading)} and {_percent(fractions.writing)}"


def _percent(value: float | None) -> str:
    return f"{value:.0%}" if value is not None else "n/a"
