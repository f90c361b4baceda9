"""A request in a worker: from the connection until the slot is free again."""

from __future__ import annotations

from wsgiviz.events.event import Event


class ConnectionAccepted(Event, frozen=True, tag=20):
    """``slot`` holds a connection from ``port`` (0: not known) and has read no request yet. On a loop: the process
    does. A sync worker's is emitted only when reading lasts."""

    slot: int
    port: int


class RequestBegan(Event, frozen=True, tag=21):
    """The app is called. ``accepted_ns``: when its connection was, 0 where not known; ``thread_cpu_ns``: CPU time of
    the thread so far; ``target``: "GET /path"."""

    slot: int
    req: int
    accepted_ns: int
    thread_cpu_ns: int
    target: str


class ResponseStarted(Event, frozen=True, tag=22):
    """start_response was called, or http.response.start was sent. In a thread emitted only when the request lasts."""

    slot: int
    req: int
    status: int


class BodyReturned(Event, frozen=True, tag=23):
    """The WSGI callable has returned its iterable; emitted when the request lasts. ``complete``: 1 when it is a list,
    and the server only has to write; ``cpu_ns``: CPU time in the app so far, -1 where not known."""

    slot: int
    req: int
    complete: int
    cpu_ns: int


class ChunkWriting(Event, frozen=True, tag=24):
    """The app's iterator has given its chunk number ``chunks``; the server writes it."""

    slot: int
    req: int
    chunks: int


class BodyResumed(Event, frozen=True, tag=25):
    """The chunk is written, and the app's iterator goes on."""

    slot: int
    req: int


class ConnectionClosing(Event, frozen=True, tag=26):
    """The answer is written; since ``t_ns`` the server waits for the client to hang up. Emitted when that lasts.
    ``ended_ns``: when the app was through."""

    slot: int
    req: int
    ended_ns: int


class ClientSeen(Event, frozen=True, tag=28):
    """``slot`` reads a request, and that lasts: its client is ``address`` ("" where not known), and has sent so many
    bytes on this connection, -1 where that is not known. Emitted again each second."""

    slot: int
    received: int
    address: str


class RequestPeer(Event, frozen=True, tag=106):
    """The client of an external request that lasts is ``address``, "host:port". Emitted again with its beginning."""

    req: int
    address: str


class AcceptorClosing(Event, frozen=True, tag=29):
    """The thread of this process that accepts connections for its others waits for a client to hang up
    (``closing`` 1), or does no more (0). Emitted when that lasts, to 20 ms."""

    closing: int


class RequestEnded(Event, frozen=True, tag=27):
    """``slot`` is free again, or the task is over; a ``req`` of 0: its connection has brought no request.

    Times in the app: ``began_ns``, ``response_ns`` (start_response), ``returned_ns`` (the iterable), ``ended_ns``
    (its close(), or the coroutine's end); 0 where a thing did not happen. ``cpu_ns``: on the CPU inside the app;
    ``raised``: name of the exception that left the app, or ""."""

    slot: int
    req: int
    cpu_ns: int
    began_ns: int
    response_ns: int
    returned_ns: int
    ended_ns: int
    status: int
    chunks: int
    raised: str


class RequestsOver(Event, frozen=True, tag=111):
    """No external request of the process with a number from ``low`` up to, but not with, ``high`` is in the app any
    more: for viewers that have missed the ends of some. Emitted now and then, while a viewer is attached."""

    low: int
    high: int
