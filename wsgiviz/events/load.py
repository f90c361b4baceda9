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


class ConnectionReused(Event, frozen=True, tag=91):
    """The client sends its request over a connection that it has kept, from ``port``, since ``connected_ns``."""

    req: int
    port: int
    connected_ns: int


class ConnectionClosed(Event, frozen=True, tag=92):
    """A client's connection, from ``port``, has ended after so many answers. Of clients that keep theirs only.

    ``by_server``: the server closed it, or said that it would (Connection: close).
    """

    port: int
    answered: int
    by_server: int


class WebSocketOpened(Event, frozen=True, tag=93):
    """The client's handshake was accepted (RFC 6455): its request lasts as long as the WebSocket."""

    req: int


class WebSocketsCounted(Event, frozen=True, tag=94):
    """Of all WebSockets of the run so far: ``messages`` that came, and pings that the clients have answered."""

    messages: int
    pings_answered: int


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
