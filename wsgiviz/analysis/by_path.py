"""A run's figures for each of the paths that it asks for: a slow one makes the requests to the others wait. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from wsgiviz.analysis.metrics import Quantiles, quantiles
from wsgiviz.analysis.stamps import Stamps, stamps
from wsgiviz.asking import MOST_PATHS, MOST_WEIGHT, schedule
from wsgiviz.events import request_number
from wsgiviz.state import Request, Run, Side


class PathTimes(Struct, frozen=True):
    """Of the requests to one path that are kept: times in seconds, as in `wsgiviz.analysis.metrics`."""

    path: str
    weight: int
    requests: int
    completed: int
    failed: int
    statuses: Mapping[str, int]
    latency_s: Quantiles | None
    queue_wait_s: Quantiles | None
    service_s: Quantiles | None


def by_path(side: Side) -> list[PathTimes]:
    """Each path in the order in which a person gave them; nothing when there is only one."""
    paths = side.run.paths
    if len(paths) < 2 or not _plausible(side.run):
        return []
    turns = schedule(tuple(weight for weight, _ in paths))
    requests: list[list[Request]] = [[] for _ in paths]
    for request in side.ledger.ours():
        requests[turns[(request_number(request.id) - 1) % len(turns)]].append(request)
    return [_times(path, weight, found) for (weight, path), found in zip(paths, requests, strict=True)]


def _plausible(run: Run) -> bool:
    """A recording may hold anything."""
    return len(run.paths) <= MOST_PATHS and all(1 <= weight <= MOST_WEIGHT for weight, _ in run.paths)


def _times(path: str, weight: int, requests: list[Request]) -> PathTimes:
    known = [stamps(request) for request in requests]
    statuses = sorted(request.status for request in requests if request.received_ns)
    return PathTimes(
        path,
        weight,
        len(requests),
        sum(bool(request.received_ns) for request in requests),
        sum(bool(request.failed_ns) for request in requests),
        {str(status): statuses.count(status) for status in dict.fromkeys(statuses)},
        _between(known, "planned_ns", "received_ns"),
        _between(known, "sent_ns", "began_ns"),
        _between(known, "began_ns", "ended_ns"),
    )


def _between(known: Iterable[Stamps], first: str, last: str) -> Quantiles | None:
    pairs = ((getattr(times, first), getattr(times, last)) for times in known)
    return quantiles((end_ns - start_ns) / 1e9 for start_ns, end_ns in pairs if start_ns and end_ns)
