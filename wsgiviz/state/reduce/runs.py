"""A run that has finished: what is kept of it when another one begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wsgiviz.settings import Settings
from wsgiviz.state.ledger import Ledger
from wsgiviz.state.reduce.draft import SideDraft
from wsgiviz.state.run_summary import RUNS_KEPT, RunSummary, SideSummary
from wsgiviz.state.state import State


def summarized(state: State, sides: Mapping[str, SideDraft], replaced: bool = False) -> tuple[RunSummary, ...]:
    """The runs of the session with the newest one, which has just finished. One that had finished before and went on
    takes the place of its summary; a calibration is no run of a person's. ``replaced``: another one was fired, which
    cancels it."""
    of_run = {name: side for name, side in sides.items() if side.run.number == state.run and side.run.started_ns}
    if not of_run or not state.shows_fired:
        return state.runs
    before = state.runs[:-1] if state.runs and state.runs[-1].run == state.run else state.runs
    summary = RunSummary(
        number=before[-1].number + 1 if before else 1,
        run=state.run,
        app=state.settings.name,
        cancelled=replaced or any(side.run.cancelled for side in of_run.values()),
        settings=_texts(state.settings),
        sides=tuple(_side(name, side, state.settings) for name, side in of_run.items()),
    )
    return (*before, summary)[-RUNS_KEPT:]


def _texts(settings: Settings) -> dict[str, str]:
    given = settings.given()
    parameters = given.pop("parameters")
    return {**{name: str(value) for name, value in given.items()},
            **{f"set {name}": str(value) for name, value in parameters.items()}}  # fmt: skip


def _side(name: str, side: SideDraft, settings: Settings) -> SideSummary:
    run = side.run
    return SideSummary(
        name=name,
        kind=settings.kinds[name],
        workers=side.server.wanted or settings.processes(name),
        planned=run.planned,
        completed=run.completed,
        failed=run.failed + (0 if run.websocket else run.bad_status),
        total_ns=max(0, run.last_finished_ns - run.first_planned_ns) if run.done else 0,
        p95_ns=_p95(side.ledger.publish()),
        earlier=run.earlier,
    )


def _p95(ledger: Ledger) -> int:
    """By nearest rank, as every percentile of wsgiviz."""
    latencies = sorted(_latencies(ledger))
    return latencies[max(0, -(-95 * len(latencies) // 100) - 1)] if latencies else -1


def _latencies(ledger: Ledger) -> Iterable[int]:
    for request in ledger.ours():
        if request.received_ns and request.planned_ns:
            yield max(0, request.received_ns - request.planned_ns)
