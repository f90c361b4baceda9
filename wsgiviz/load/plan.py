"""What the load driver shall do: a job, its targets, and when each request is planned. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

ARRIVALS = ("burst", "closed")
ORDERS = ("together", "in-turn")
LEAD_NS = 10_000_000
"""A run's planned start lies so far ahead of the command, so that both sides start on the same clock tick."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a side's requests go: an http:// URL with a literal address."""

    side: str
    url: str


@dataclass(frozen=True, slots=True)
class Job:
    """One run. ``requests`` go to each target; ``duration_s`` ends closed arrivals earlier.

    A client with a slow network sends its request over ``send_over_s``, and takes ``read_over_s`` to read the answer.
    ``silent_clients`` connect to each target before the first request, and send nothing.
    """

    run: int
    targets: tuple[Target, ...]
    requests: int
    arrivals: str = "burst"
    concurrency: int = 20
    timeout_s: float = 60.0
    order: str = "together"
    duration_s: float | None = None
    send_over_s: float = 0.0
    read_over_s: float = 0.0
    silent_clients: int = 0
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body_file: str = ""  # its bytes are each request's body
    paths: tuple[tuple[int, str], ...] = ()  # with their weights, instead of the target's own
    reuse: bool = False  # a user's next request goes over the same connection, while the server keeps it
    pause_s: float = 0.0  # between a user's answer and the next request
    websocket: bool = False

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Job:
        """The job that `to_json` wrote. Raises ValueError or TypeError when it is not one."""
        targets = tuple(Target(**target) for target in fields.pop("targets"))
        headers, paths = (tuple(map(tuple, fields.pop(name, ()))) for name in ("headers", "paths"))
        job = cls(targets=targets, headers=headers, paths=paths, **fields)
        if job.arrivals not in ARRIVALS or job.order not in ORDERS or job.requests < 1 or job.concurrency < 1:
            raise ValueError(f"not a job: {job}")
        return job


@dataclass(frozen=True, slots=True)
class Plan:
    """When requests are due. ``users`` ask in a loop, each its next when it has its answer.

    An offset of None says: as soon as a user is free. Offsets are nanoseconds from the run's start. (Open
    arrivals, at a constant rate or as a Poisson process, are a plan with an offset for each request and as many
    users as requests.)
    """

    users: int
    requests: int

    def offsets(self) -> Iterator[tuple[int, int | None]]:
        """Number of the request, from 1, and its offset."""
        for number in count(1):
            if number > self.requests:
                return
            yield number, 0 if number <= self.users else None


def plan(job: Job) -> Plan:
    """A burst is as many users as requests, each of whom asks once."""
    if job.arrivals == "burst":
        return Plan(job.requests, job.requests)
    return Plan(min(job.concurrency, job.requests), job.requests)
