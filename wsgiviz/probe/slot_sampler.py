"""Requests in threads: what lasts is emitted here, in the sampler's thread, while it lasts.

A connection or a request is looked at when it was there 20 ms before as well. Of shorter ones only the beginning and
the end are known, and the thread that serves them pays for no more.

This races with the serving thread, and holds without a lock: what is read between two equal keys belongs to one
request (`Connection.key`), and an event that comes too late names its request, or has a time before the slot's own
latest event, so that a reader can tell.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from time import monotonic_ns
from types import FrameType

from wsgiviz.probe.client import address_of, received_bytes
from wsgiviz.probe.connection import ACCEPTED, CLOSING, PEER, WRITING, Connection, Held
from wsgiviz.probe.line_sampler import Frames, LineEmitter
from wsgiviz.probe.source_lines import stack
from wsgiviz.recorder.emitter import Emitter

IDLE = (0, 0)
CLOSES = "close_graceful"
"""gunicorn's function that waits for the client to hang up (`gunicorn.util`)."""

CLIENT_AFTER_NS = 200_000_000
"""Before a client counts as slow, it has to be known whether it is silent (`wsgiviz.analysis.lints.seen`)."""

CLIENT_EVERY_NS = 1_000_000_000

RUNS_A_LOOP = frozenset({"run_forever", "run_until_complete", "run_until_future"})
"""Functions of asyncio, and of asgiref, that return when a loop is through with something."""


class SlotSampler:
    """Looks at the connections in ``connections``, which are by the thread that serves them.

    ``looks_too`` is called with all threads' frames each time: to read them stops every thread for a moment, so they
    are read once for all. ``announces`` is called when a viewer attaches.
    """

    def __init__(
        self,
        emit: Emitter,
        lines: LineEmitter,
        connections: Mapping[int, Connection],
        looks_too: Callable[[Frames], None] | None = None,
        announces: Sequence[Callable[[], None]] = (),
    ) -> None:
        self._emit = emit
        self._looks_too = looks_too
        self._announces = announces
        self._lines = lines
        self._connections = connections
        self._seen: dict[int, tuple[tuple[int, int], object]] = {}
        self._clients: dict[int, tuple[int, int]] = {}

    def sample(self) -> None:
        """Emit what is new about whatever was there at the last call too."""
        frames: Frames | None = None
        if self._looks_too is not None:
            frames = sys._current_frames()
            self._looks_too(frames)
        for thread, connection in list(self._connections.items()):
            key = connection.key()
            seen, line = self._seen.get(thread, (IDLE, None))
            if key != seen or key == IDLE:
                self._seen[thread] = key, None
                continue
            frames = frames or sys._current_frames()
            found = stack(frames.get(thread))
            if self._emit_lasting(connection, key, found):
                self._seen[thread] = key, self._emit_line(connection, key, found, line)

    def in_flight(self) -> list[int]:
        """The numbers of the requests that are here."""
        return [connection.req for connection in list(self._connections.values()) if connection.req]

    def announce(self, lasting: bool) -> None:
        """Emit again what is there, or of that only what was there at the last call of `sample` too."""
        for thread, connection in list(self._connections.items()):
            seen, line = self._seen.get(thread, (IDLE, None))
            if not lasting or (seen != IDLE and connection.key() == seen):
                connection.announce()
                self._seen[thread] = seen, None
        self._clients.clear()
        for announce in () if lasting else self._announces:
            announce()

    def _emit_lasting(self, connection: Connection, key: tuple[int, int], found: list[FrameType]) -> bool:
        """Emit how far the connection has come; whether it is in the app, at a line worth looking for.

        ``found`` are the frames of its thread, innermost first.
        """
        held, writing_ns = connection.held(), connection.writing_ns
        if connection.key() != key:
            return False
        if held.req:
            connection.emit_progress(held)
            if held.req < 0 and not connection.emitted & PEER:
                self._emit_peer(connection, held.req, key)
        if not held.req or held.ended_ns:
            self._emit_outside(connection, held, key[0], found)
        elif writing_ns and not connection.emitted & WRITING:
            self._emit_writing(connection, key, writing_ns)
        return bool(held.req) and not (held.ended_ns or writing_ns)

    def _emit_outside(self, connection: Connection, held: Held, taken_ns: int, found: list[FrameType]) -> None:
        """The thread is not in the app: it reads a request, or it writes, or it waits for its client to hang up.

        When that waiting began is not noted, since each request would pay for it: it is known to 20 ms.
        """
        emitted = connection.emitted
        if any(frame.f_code.co_name == CLOSES for frame in found):
            if not emitted & CLOSING:
                connection.emitted |= CLOSING
                self._emit.connection_closing(connection.slot, held.req, held.ended_ns)
        elif not held.req and not emitted & ACCEPTED:
            connection.emitted |= ACCEPTED
            self._emit.connection_accepted(connection.slot, 0, taken_ns)
        if not held.req:
            self._emit_client(connection, taken_ns)
        if not held.req and connection.taken_ns != taken_ns:  # it went in this very moment, perhaps before its event
            connection.emit_no_request()

    def _emit_client(self, connection: Connection, taken_ns: int) -> None:
        """Who keeps the slot reading, and how much it has sent: when that lasts, and again now and then."""
        now_ns = monotonic_ns()
        of, emitted_ns = self._clients.get(connection.slot, (0, 0))
        if now_ns - taken_ns < CLIENT_AFTER_NS or (of == taken_ns and now_ns - emitted_ns < CLIENT_EVERY_NS):
            return
        self._clients[connection.slot] = taken_ns, now_ns
        sock = connection.sock
        address, received = address_of(sock), received_bytes(sock)
        known = address or received >= 0
        if known and connection.taken_ns == taken_ns and not connection.req:
            self._emit.client_seen(connection.slot, received, address)

    def _emit_peer(self, connection: Connection, req: int, key: tuple[int, int]) -> None:
        """Whose external request it is."""
        connection.emitted |= PEER
        address = address_of(connection.sock)
        if address and connection.key() == key:
            self._emit.request_peer(req, address)

    def _emit_writing(self, connection: Connection, key: tuple[int, int], writing_ns: int) -> None:
        connection.emitted |= WRITING
        req, chunks = connection.req, connection.chunks
        self._emit.chunk_writing(connection.slot, req, chunks, writing_ns)
        if connection.writing_ns != writing_ns and connection.key() == key:
            self._emit.body_resumed(connection.slot, req)

    def _emit_line(
        self, connection: Connection, key: tuple[int, int], found: list[FrameType], before: object
    ) -> object:
        """The line of innermost-first ``found``; what was emitted ``before`` is not emitted again."""
        req = connection.req
        if connection.key() != key:  # the frames may be another request's already
            return before
        if before is None and any(frame.f_code.co_name in RUNS_A_LOOP for frame in found):
            self._lines.emit_nested_loop(found, req, connection.slot)
        found = self._lines.follow(found, req)
        return self._lines.emit(found, req, connection.slot, before) or True  # True: looked, and none is the app's
