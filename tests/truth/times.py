"""Service times against gunicorn's own access log, and the parts of a request against its client's latency."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.truth.access_log import FORMAT
from tests.truth.session import Session
from wsgiviz.analysis.waterfall import Stage, intervals
from wsgiviz.control import launch
from wsgiviz.settings import Settings
from wsgiviz.state import Phase


@dataclass(frozen=True, slots=True)
class Times:
    """Differences in seconds, one for each request.

    ``service`` is without what the thread lost to others on its CPU (`tests.truth.access_log`), ``raw`` is with it.
    """

    service: list[float]
    raw: list[float]
    sums: list[float]


@contextmanager
def _with_access_log(path: Path) -> Iterator[None]:
    """gunicorn started with its access log, by three more options on its command line."""
    command = launch.Launch.command

    def logging(self: launch.Launch, fd: int) -> list[str]:
        *options, app = command(self, fd)
        ours = ["--logger-class", "tests.truth.access_log.DelayLogger", "--access-logformat", FORMAT]
        return [*options, "--access-logfile", str(path), *ours, app]

    launch.Launch.command = logging  # type: ignore[method-assign]
    try:
        yield
    finally:
        launch.Launch.command = command  # type: ignore[method-assign]


def compare(settings: Settings, folder: Path) -> Times:
    """One run; its only side's requests by our events, by gunicorn, and by the driver."""
    log = folder / "access.log"
    with _with_access_log(log), Session(settings) as session:
        session.until(Phase.FINISHED, 60)
        [side] = session.state.sides.values()
        logged = dict(_entries(log))
        pairs = [
            (abs((request.ended_ns - request.began_ns) / 1e9 - logged[request.id][0]), logged[request.id][1])
            for request in side.ledger.ours()
            if request.id in logged and request.ended_ns and request.began_ns
        ]
        sums = []
        for request in side.ledger.ours():
            inside = [interval for interval in intervals(request) if interval.stage is not Stage.AFTER]
            total = sum(interval.duration_ns for interval in inside)
            sums.append(abs(total - (request.received_ns - request.planned_ns)) / 1e9)
        raw = [difference for difference, _ in pairs]
        return Times([max(0.0, difference - delay) for difference, delay in pairs], raw, sums)


def _entries(log: Path) -> Iterator[tuple[int, tuple[float, float]]]:
    """By number of the request: its time and the delay within, in seconds."""
    for line in log.read_text().splitlines():
        words = line.split()
        if len(words) == 3 and all(word.isdigit() for word in words):
            yield int(words[0]), (int(words[1]) / 1e6, int(words[2]) / 1e9)
