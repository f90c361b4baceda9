"""The summary of a run: its figures in a table, and below it in words what the screen says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from wsgiviz.analysis import contract, deaths, metrics, outcomes
from wsgiviz.analysis.by_path import by_path
from wsgiviz.analysis.captions import caption
from wsgiviz.analysis.lints import LintContext, wording
from wsgiviz.analysis.loop_times import loop_times
from wsgiviz.analysis.occurrences import Occurrence, Occurrences
from wsgiviz.analysis.pools import pool_uses
from wsgiviz.analysis.prediction import prediction
from wsgiviz.analysis.shares import shares
from wsgiviz.analysis.theory import Prediction
from wsgiviz.analysis.verdict import verdict
from wsgiviz.report.plain import spelled
from wsgiviz.settings import Settings
from wsgiviz.state import Phase, Run, Side, State

Figures = dict[str, str]
"""By label."""

ONLY_WHERE_MET = (
    "workers that died",
    "served for nobody",
    "went on after the answer",
    "answered by no known worker",
    "external requests",
    "time waiting for the GIL",
    "longest step on a loop",
    "busy, by loop",
    "workers recycled (max_requests)",
    "longest wait for a thread",
    "peak in threads",
    "WebSockets",
    "connections kept",
)
"""Rows that most runs have no use for."""

PROCESSES_SHOWN = 12


def summary(state: State, occurrences: Occurrences, ascii_only: bool = False) -> RenderableType:
    """Both sides in one table, figure under figure; below it the steps of a request where they are followed, the
    sentence of the screen, what the figures leave out, and which lints applied."""
    settings = state.settings
    sides = [state.sides[name] for name in settings.sides if name in state.sides]
    predictions = [prediction(state, side.name) for side in sides]
    table = Table(title=Text(_title(settings)), title_justify="left", box=box.ASCII if ascii_only else box.HEAVY_HEAD)
    table.add_column("")
    twins = len({side.protocol for side in sides}) < len(sides)
    for side in sides:
        name = side.kind if twins else side.protocol.upper()
        table.add_column(Text(spelled(f"{name}  {settings.call(side.name)}", ascii_only)), justify="right")
    columns = [
        _figures(side, found, state.t_ns) | _by_path(side) for side, found in zip(sides, predictions, strict=True)
    ]
    for label in dict.fromkeys(label for figures in columns for label in figures):
        cells = [figures.get(label, "n/a") for figures in columns]
        if label not in ONLY_WHERE_MET or any(cell not in ("", "n/a") for cell in cells):
            table.add_row(
                Text(spelled(label, ascii_only)), *(Text(spelled(cell or "0", ascii_only)) for cell in cells)
            )
    steps = [line for side in sides for line in contract.lines(side)]
    caveats = {found.caveat for found in predictions if found and found.caveat}
    said, found = conclusions(state, occurrences), verdict(state, state.t_ns)
    judged = [f"Verdict: {' '.join(found.sentences)}"] if found and found.sentences else []
    notes = [f"Note: {note}." for note in (*sorted(caveats), *filter(None, map(_unmeasured, sides)))]
    findings = [_lint(occurrence, said) for occurrence in occurrences.met]
    return Group(table, *(Text(spelled(line, ascii_only)) for line in (*steps, *said, *judged, *notes, *findings)))


def conclusions(state: State, occurrences: Occurrences) -> list[str]:
    """The sentence of the screen in the end, and what came out where that is not in it. From an app: escape it."""
    if state.phase is not Phase.FINISHED or not state.sides:
        return []
    sentence, context = caption(state, state.t_ns, occurrences).text, LintContext.of(state, state.t_ns)
    times, compared = outcomes.times(context), outcomes.comparison(context)
    if not times or (compared or times) in sentence:
        return [sentence]
    return [sentence, f"{times}: {compared}" if compared else f"{times}."]


def _unmeasured(side: Side) -> str:
    """Why figures of a loop that is not Python's own are missing, or leave something out."""
    loops = side.server.loops.values()
    if not side.is_loop or not loops or any(loop.selector_ns >= 0 for loop in loops):
        return ""
    whose = "gevent's hub" if side.kind == "gevent" else "its event loop (uvloop or the like)"
    return (
        f"{side.name.upper()}: the selector of {whose} is not in Python, so that nobody sees when it waits; how busy "
        "it was is known by the steps of requests alone, without the server's own work"
    )


def _title(settings: Settings) -> str:
    to_each = " to each side" if len(settings.sides) > 1 else ""
    if settings.silent_clients:
        many = "" if settings.silent_clients == 1 else "s"
        to_each += f", beside {settings.silent_clients} silent client{many}"
    if settings.duration is not None:
        return f"{settings.name}: {settings.concurrency} users for {settings.duration:g} s{to_each}"
    return f"{settings.name}: {wording.requests(settings.requests)}{to_each}"


def _lint(occurrence: Occurrence, said: Sequence[str]) -> str:
    """ "loop-held (asgi, 4.1 s): #1 holds the event loop ..."."""
    finding, seconds = occurrence.finding, occurrence.lasted_ns / 1e9
    lasted = f", {seconds:.1f} s" if seconds >= 0.05 else ""
    message = "as said above." if any(finding.message in line for line in said) else finding.message
    return f"{finding.lint} ({finding.side}{lasted}): {message}"


def _figures(side: Side, predicted: Prediction | None, now_ns: int) -> Figures:
    """What the table says of one side; "" in the rows of ONLY_WHERE_MET means zero."""
    run, spent = side.run, shares(side, now_ns)
    return {
        "all done in": _seconds(metrics.makespan_ns(side) / 1e9 if run.done else None),
        "predicted": f"{_seconds(predicted.seconds)} = {predicted.formula}" if predicted else "n/a",
        "completed": f"{run.completed} of {run.planned}",
        "failed": _failed(side),
        "status codes": outcomes.answers(side) or "none",
        "workers that died": _deaths(side),
        "served for nobody": str(run.for_nobody or ""),
        "went on after the answer": _after_answer(side, now_ns),
        "answered by no known worker": _unobserved(side),
        "external requests": str(run.external or ""),
        "WebSockets": _websockets(run),
        "connections kept": _kept(run),
        "throughput": _per_second(metrics.throughput(side, now_ns)),
        "latency p50": _quantile(metrics.latency(side), "p50"),
        "latency p99": _quantile(metrics.latency(side), "p99"),
        "waited in the queue, p50": _quantile(metrics.queue_wait(side), "p50"),
        "in the app, p50": _quantile(metrics.service(side), "p50"),
        "longest wait for a thread": _quantile(metrics.thread_wait(side), "max"),
        "peak in threads": _in_threads(side),
        "peak in the accept queue": str(run.max_queue) if side.server.queue_depth >= 0 else "n/a",
        "peak in the app": str(run.in_app_peak.most),
        "time blocked": _percent(spent.blocked),
        "time computing": _percent(spent.computing),
        "time waiting for the GIL": _percent(spent.gil_wait) if spent.gil_wait else "",
        "time reading, writing": _percent(spent.transfer),
        "time idle": _percent(spent.idle),
        "longest step on a loop": _longest_step(side, now_ns),
        "busy, by loop": _busy_by_loop(side, now_ns),
        "workers recycled (max_requests)": str(run.recycled or ""),
        "requests by process": _by_process(side),
        "events lost": str(side.server.lost),
    }


def _websockets(run: Run) -> str:
    found = run.websockets
    if not found.opened:
        return ""
    return f"{found.most_open} open at once, {found.messages} messages, {found.pings_answered} pings answered"


def _kept(run: Run) -> str:
    """Of clients that keep their connections: "40, 5.0 requests each"."""
    made = run.connections
    return f"{made.made}, {run.completed / made.made:.1f} requests each" if made.made and made.most_answered else ""


def _by_path(side: Side) -> Figures:
    """Of each path, where there are several: for how long its requests waited before the app began,
    and were in the app."""
    return {
        f"{found.path} ({found.completed} of {found.requests})": (
            f"waited {_p50_and_max(found.queue_wait_s)}, in the app {_p50_and_max(found.service_s)}"
        )
        for found in by_path(side)
    }


def _p50_and_max(found: metrics.Quantiles | None) -> str:
    return f"{_seconds(found.p50)} (max {_seconds(found.max)})" if found else "n/a"


def _longest_step(side: Side, now_ns: int) -> str:
    steps = [times.longest_step_s for times in loop_times(side, now_ns)] if side.is_loop else []
    return _seconds(max(steps, default=None))


def _in_threads(side: Side) -> str:
    """Of the pool for which most have waited, or which was used most: "40 of 40, 160 waited"."""
    used = sorted(pool_uses(side, ()), key=lambda use: (use.most_waiting, use.most_running))
    if not used:
        return ""
    size = f" of {used[-1].size}" if used[-1].size >= 0 else ""
    waited = f", {used[-1].most_waiting} waited" if used[-1].most_waiting else ""
    return f"{used[-1].most_running}{size}{waited}"


def _busy_by_loop(side: Side, now_ns: int) -> str:
    """Of each loop, where there are several, in the order of their workers' numbers."""
    loops = loop_times(side, now_ns) if side.is_loop else []
    return " ".join(_percent(times.busy_fraction) for times in loops) if len(loops) > 1 else "n/a"


def _seconds(value: float | None) -> str:
    if value is None:
        return "n/a"
    return f"{value:.2f} s" if value >= 0.1 else f"{value * 1000:.2f} ms"


def _failed(side: Side) -> str:
    kinds = [f"{count} {kind}" for kind, count in sorted(side.run.errors.items())]
    if side.run.refused:
        kinds.append(f"{side.run.refused} WebSockets refused")
    elif side.run.bad_status:
        names = ", ".join(f"{name} × {count}" for name, count in sorted(metrics.raised(side).items()))
        kinds.append(f"{side.run.bad_status} answered with an error status" + (f": {names}" if names else ""))
    return f"{side.run.failed}" + (f" ({', '.join(kinds)})" if kinds else "")


def _deaths(side: Side) -> str:
    """ "3 (2 × SIGSEGV, 1 × exit status 7)"."""
    causes = Counter(deaths.cause(worker, side).brief for worker in deaths.dead(side))
    named = ", ".join(f"{count} × {brief}" for brief, count in causes.most_common())
    return f"{side.deaths} ({named})" if side.deaths else ""


def _after_answer(side: Side, now_ns: int) -> str:
    found = metrics.after_answer(side, now_ns)
    return f"{found.count}, {_seconds(found.seconds)} in all" if found.count else ""


def _unobserved(side: Side) -> str:
    count, forks = metrics.unobserved(side), side.server.forks
    forked = f" (the app has forked {forks} process{'es' if forks > 1 else ''})" if forks else ""
    return f"{count}{forked}" if count else ""


def _by_process(side: Side) -> str:
    """How many each has served, its threads together."""
    counts = list(wording.served(side).values())
    more = len(counts) - PROCESSES_SHOWN
    return " ".join(map(str, counts[:PROCESSES_SHOWN])) + (f" … {more} more" if more > 0 else "")


def _quantile(values: list[float], name: str) -> str:
    found = metrics.quantiles(values)
    return _seconds(getattr(found, name) if found else None)


def _per_second(value: float | None) -> str:
    return f"{value:.1f} /s" if value is not None else "n/a"


def _percent(value: float | None) -> str:
    return wording.percent(value) if value is not None else "n/a"
