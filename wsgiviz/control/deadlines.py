"""How long the controller waits for what must come, and notices when it does not."""

from __future__ import annotations

from wsgiviz.control import phases
from wsgiviz.state import State

SETTLE_NS = 250_000_000
"""After the driver's last word, workers may still be closing what they answered: they get this long."""

REPORT_NS = 2_000_000_000
"""After a worker's death, its master gets this long to report it. gunicorn and uvicorn look once a second or more."""

SILENT_WITHIN_S = 30.0
"""No request takes longer than the client's timeout. When nothing comes of a run for so much longer than that, the
driver hangs, or its last word was lost."""


class Deadlines:
    """Times are CLOCK_MONOTONIC nanoseconds, given in."""

    def __init__(self) -> None:
        self._ready_by_ns = 0
        self._ended_ns = 0
        self._progress: tuple[object, ...] = ()
        self._progress_ns = 0

    def servers_started(self, now_ns: int, ready_timeout_s: float) -> None:
        self._ready_by_ns = now_ns + int(ready_timeout_s * 1e9)

    def too_late_to_get_ready(self, now_ns: int) -> bool:
        return now_ns > self._ready_by_ns

    def run_sent(self, now_ns: int) -> None:
        self._ended_ns = 0
        self._progress_ns = now_ns

    def settled(self, state: State, now_ns: int) -> bool:
        """Of a run that the driver is through with: whether the workers are too, or have had the time."""
        self._ended_ns = self._ended_ns or now_ns
        waited_ns = now_ns - self._ended_ns
        patience_ns = SETTLE_NS + int(state.settings.scenario_seconds("close_over") * 1e9)
        through = waited_ns >= patience_ns or not phases.unsettled(state)
        return through and (waited_ns >= REPORT_NS or not phases.deaths_unreported(state))

    def silent_s(self, state: State, now_ns: int) -> float:
        """For how many seconds nothing has come of the run, when that is too long; else 0."""
        progress = phases.progress(state)
        if progress != self._progress:
            self._progress, self._progress_ns = progress, now_ns
        silent_s = (now_ns - self._progress_ns) / 1e9
        return silent_s if silent_s > SILENT_WITHIN_S + state.settings.timeout else 0.0
