"""Service times against gunicorn's own access log, and the parts of a request against its client's latency."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.truth.session import Session
from wsgiviz.analysis.waterfall import Stage, intervals
from wsgiviz.control import launch
from wsgiviz.settings import Settings
from wsgiviz.state import Phase

FORMAT = "%({x-wsgiviz-request}i)s %(D)s"
"""The driver's number of the request, and its time in microseconds."""


@dataclass(frozen=True, slots=True)
class Times:
    """Differences in seconds, one for each request."""

    service: list[float]
    sums: list[float]


@contextmanager
def _with_access_log(path: Path) -> Iterator[None]:
    """gunicorn started with its access log, by two more options on its command line."""
    command = launch.Launch.command

    def logging(self: launch.Launch, fd: int) -> list[str]:
        *options, app = command(self, fd)
        return [*options, "--access-logfile", str(path), "--access-logformat", FORMAT, app]

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
        service = [
            abs((request.ended_ns - request.began_ns) / 1e9 - logged[request.id])
            for request in side.ledger.ours()
            if request.id in logged and request.ended_ns and request.began_ns
        ]
        sums = []
        for request in side.ledger.ours():
            inside = [interval for interval in intervals(request) if interval.stage is not Stage.AFTER]
            total = sum(interval.duration_ns for interval in inside)
            sums.append(abs(total - (request.received_ns - request.planned_ns)) / 1e9)
        return Times(service, sums)


def _entries(log: Path) -> Iterator[tuple[int, float]]:
    for line in log.read_text().splitlines():
        number, _, micros = line.rpartition(" ")
        if number.isdigit() and micros.isdigit():
            yield int(number), int(micros) / 1e6
