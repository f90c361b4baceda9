"""A connection that its client keeps between two requests (RFC 9112, 9.3)."""

from __future__ import annotations

import asyncio
import socket

from wsgiviz.recorder.emitter import Emitter

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""Methods whose requests may be sent again when a kept connection has ended without an answer (RFC 9110, 9.2.2)."""


class KeptConnection:
    """From ``port``, since ``connected_ns``; ``answered`` counts the answers that have come over it.

    It is made when a client that keeps its connections connects, and its end is emitted here, once.
    """

    __slots__ = ("_emit", "_idle_on", "answered", "connected_ns", "open", "port", "socket")

    def __init__(self, emit: Emitter, sock: socket.socket, port: int, connected_ns: int) -> None:
        self._emit = emit
        self._idle_on: asyncio.AbstractEventLoop | None = None
        self.socket = sock
        self.port = port
        self.connected_ns = connected_ns
        self.answered = 0
        self.open = True

    def idle(self, loop: asyncio.AbstractEventLoop) -> None:
        """No request is on: all that can come now is the server's end of it."""
        self._idle_on = loop
        loop.add_reader(self.socket.fileno(), self.close, True)

    def taken(self) -> None:
        """The next request is to be sent."""
        loop, self._idle_on = self._idle_on, None
        if loop is not None:
            loop.remove_reader(self.socket.fileno())

    def close(self, by_server: bool = False) -> None:
        if self.open:
            self.open = False
            self.taken()
            self.socket.close()
            self._emit.connection_closed(self.port, self.answered, int(by_server))
