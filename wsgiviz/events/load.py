"""What the load driver says."""

from __future__ import annotations

from wsgiviz.events.event import Event


class RunStarted(Event, frozen=True, tag=50):
    """``planned`` requests of ``run`` are sent from ``start_ns`` on."""

    run: int
    planned: int
    start_ns: int


class RequestSent(Event, frozen=True, tag=51):
    """The client starts to connect; that was planned for ``planned_ns``."""

    req: int
    planned_ns: int


class Connected(Event, frozen=True, tag=52):
    """The client is connected, from ``port``."""

    req: int
    port: int


class FirstByte(Event, frozen=True, tag=53):
    """The first byte of the answer has come."""

    req: int


class ResponseReceived(Event, frozen=True, tag=54):
    """The client has its answer. ``location``: of a redirect, where to, without its query (the first bytes of it)."""

    req: int
    status: int
    body_bytes: int
    location: str = ""


class RequestFailed(Event, frozen=True, tag=55):
    """The client knows that there will be no answer. ``error``: refused, reset, timeout, closed, ..."""

    req: int
    error: str


class RunGrew(Event, frozen=True, tag=56):
    """``planned`` requests are to be sent now."""

    run: int
    planned: int


class RunEnded(Event, frozen=True, tag=57):
    """The driver is through with ``run``."""

    run: int
    cancelled: int


class DriverLate(Event, frozen=True, tag=58):
    """The driver's own loop was ``late_ns`` late."""

    late_ns: int


class DriverSampled(Event, frozen=True, tag=59):
    """Of the driver's thread: its CPU time so far, and its time on the run queue, -1 where that is not known."""

    cpu_ns: int
    runq_ns: int
