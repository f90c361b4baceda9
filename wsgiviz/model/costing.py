"""What one request costs here, from some that were sent one after the other."""

from __future__ import annotations

from msgspec import Struct

from wsgiviz.model.state import Side
from wsgiviz.model.theory import SHORT_S

MOSTLY = 0.6
"""A request that computes for this share of its time is taken to do nothing else: the rest was a wait for a core."""


class Measured(Struct, frozen=True):
    """Seconds that a request waits and computes."""

    wait_s: float
    cpu_s: float

    @property
    def short(self) -> bool:
        """So short that the server's and the client's own work are most of it."""
        return self.wait_s + self.cpu_s < SHORT_S


def from_one(side: Side) -> Measured | None:
    """From one request that was alone, by its time in the app; None when it failed."""
    answered = [request for request in side.finished if request.ok and request.ended_ns]
    if not answered:
        return None
    request = answered[-1]
    service_s = (request.ended_ns - request.began_ns) / 1e9
    # On a loop the CPU time of one request can't be told; how long it held the loop is the nearest.
    cpu_s = min(service_s, (request.cpu_ns or request.run_ns) / 1e9)
    return Measured(0.0 if cpu_s >= MOSTLY * service_s else service_s - cpu_s, cpu_s)


def from_many(side: Side) -> Measured | None:
    """From short requests sent one after the other: the median round trip, all of it taken as computing."""
    trips = sorted(request.received_ns - request.sent_ns for request in side.finished if request.ok)
    return Measured(0.0, trips[len(trips) // 2] / 1e9) if trips else None
