"""The summary table of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from wsgiviz.model import metrics
from wsgiviz.model.state import Picture, Side
from wsgiviz.model.theory import Prediction
from wsgiviz.report.plain import spelled
from wsgiviz.settings import Settings

Figure = Callable[[Side], str]


def summary(
    settings: Settings,
    picture: Picture,
    predictions: Mapping[str, Prediction | None],
    now_ns: int,
    ascii_only: bool = False,
) -> RenderableType:
    """Both sides in one table, figure under figure, and below it what the figures leave out."""
    sides = [picture.sides[name] for name in settings.sides]
    lines = box.ASCII if ascii_only else box.HEAVY_HEAD
    table = Table(title=_title(settings), title_justify="left", box=lines)
    table.add_column("")
    twins = len({side.protocol for side in sides}) < len(sides)
    for side in sides:
        name = side.kind if twins else side.protocol.upper()
        table.add_column(Text(f"{name}  {settings.call(side.name)}"), justify="right")
    for label, figure in _figures(predictions, now_ns):
        table.add_row(label, *(Text(spelled(figure(side), ascii_only)) for side in sides))
    caveats = {found.caveat for found in predictions.values() if found and found.caveat}
    return Group(table, *(Text(f"Note: {caveat}.") for caveat in sorted(caveats)))


def _title(settings: Settings) -> Text:
    to_each = " to each side" if len(settings.sides) > 1 else ""
    noun = "request" if settings.requests == 1 else "requests"
    return Text(f"{settings.name}: {settings.requests} {noun}{to_each}")


def _figures(predictions: Mapping[str, Prediction | None], now_ns: int) -> list[tuple[str, Figure]]:
    return [
        ("all done in", lambda side: _seconds(metrics.makespan_ns(side) / 1e9 if side.done else None)),
        ("predicted", lambda side: _predicted(predictions.get(side.name))),
        ("completed", lambda side: f"{side.completed} of {side.planned}"),
        ("failed", _failed),
        ("throughput", lambda side: _with_unit(metrics.throughput(side, now_ns), "/s")),
        ("latency p50", lambda side: _quantile(metrics.latency(side), "p50")),
        ("latency p99", lambda side: _quantile(metrics.latency(side), "p99")),
        ("waited in the queue, p50", lambda side: _quantile(metrics.queue_wait(side), "p50")),
        ("in the app, p50", lambda side: _quantile(metrics.service(side), "p50")),
        ("most in the accept queue", lambda side: str(side.max_queue) if side.queue_depth >= 0 else "n/a"),
        ("most in the app at once", lambda side: str(side.max_in_app)),
        ("busy", lambda side: _percent(metrics.fractions(side, now_ns).busy)),
        ("of that blocked", lambda side: _percent(metrics.fractions(side, now_ns).blocked)),
        ("of that computing", lambda side: _percent(metrics.fractions(side, now_ns).computing)),
        ("of that reading, writing", lambda side: _server_part(metrics.fractions(side, now_ns))),
        ("requests by worker", lambda side: " ".join(str(w.requests) for w in side.workers.values())),
        ("events lost", lambda side: str(side.lost)),
    ]


def _seconds(value: float | None) -> str:
    if value is None:
        return "n/a"
    return f"{value:.2f} s" if value >= 0.1 else f"{value * 1000:.2f} ms"


def _predicted(prediction: Prediction | None) -> str:
    return f"{_seconds(prediction.seconds)} = {prediction.formula}" if prediction else "n/a"


def _failed(side: Side) -> str:
    kinds = [f"{count} {kind}" for kind, count in sorted(side.errors.items())]
    if side.bad_status:
        names = ", ".join(f"{name} × {count}" for name, count in sorted(metrics.raised(side).items()))
        kinds.append(f"{side.bad_status} answered with an error status" + (f": {names}" if names else ""))
    return f"{side.failed}" + (f" ({', '.join(kinds)})" if kinds else "")


def _quantile(values: list[float], name: str) -> str:
    found = metrics.quantiles(values)
    return _seconds(getattr(found, name) if found else None)


def _with_unit(value: float | None, unit: str) -> str:
    return f"{value:.1f} {unit}" if value is not None else "n/a"


def _server_part(fractions: metrics.Fractions) -> str:
    if fractions.reading is None and fractions.writing is None:
        return _percent(None)
    return f"{_percent(fractions.reading)} and {_percent(fractions.writing)}"


def _percent(value: float | None) -> str:
    return f"{value:.0%}" if value is not None else "n/a"
