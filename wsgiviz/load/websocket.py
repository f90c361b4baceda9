"""A client of a WebSocket (RFC 6455): its request lasts as long as the connection does.

The handshake is an HTTP request like any other, read by our own parser, so that a server that answers it with a
status of its own is seen as that. Frames are wsproto's: masks, lengths, fragments, UTF-8 and the rules for closing.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError, generate_accept_token

from wsgiviz.load.exchange import READ_BYTES, Client, Exchange, reason_for
from wsgiviz.load.prepared import Prepared
from wsgiviz.load.response import ResponseParser

MESSAGE = "hello"
"""What a client says first, and after each heartbeat of the app."""

NORMAL = (1000, 1005)
"""Codes of an end that went well: that, and none at all (RFC 6455, 7.4.1)."""


@dataclass(slots=True)
class FrameCounts:
    """Of all WebSockets of a run: messages that came, and pings that were answered.

    ASGI has no message for a ping frame, so apps send a text, "ping", as their heartbeat. Servers may send frames.
    """

    messages: int = 0
    pings_answered: int = 0


class WebSocketExchange(Exchange):
    """Opens a WebSocket, answers what comes over it, and is over when the server has closed it."""

    __slots__ = ("_body_bytes", "_counts", "_frames", "_key", "_text")

    def __init__(
        self,
        client: Client,
        req: int,
        request: Prepared,
        planned_ns: int,
        deadline_s: float = 0.0,
        counts: FrameCounts | None = None,
    ) -> None:
        self._key = base64.b64encode(os.urandom(16))
        super().__init__(client, req, request.handshake(req, self._key), planned_ns, deadline_s)
        self._counts = counts if counts is not None else FrameCounts()
        self._frames: Connection | None = None
        self._text = ""
        self._body_bytes = 0

    def _answered(self, parser: ResponseParser) -> None:
        """With any other status it is an answer like others: no WebSocket was opened."""
        if parser.status != 101:
            super()._answered(parser)
        elif parser.header(b"sec-websocket-accept") != generate_accept_token(self._key):
            self.fail("protocol")
        else:
            self._client.emit.web_socket_opened(self.req)
            self._frames = Connection(ConnectionType.CLIENT)
            self._send(TextMessage(MESSAGE))
            if parser.rest:
                self._take(parser.rest)

    def _readable(self) -> None:
        if self._frames is None:
            super()._readable()
            return
        if self._socket is None:
            return
        try:
            data = self._socket.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.fail(reason_for(error.errno))
            return
        if data:
            self._take(data)
        else:
            self.fail("closed")  # without a close frame

    def _take(self, data: bytes) -> None:
        assert self._frames is not None
        try:
            self._frames.receive_data(data)
            for event in self._frames.events():
                self._event(event)
        except (RemoteProtocolError, LocalProtocolError):
            self.fail("protocol")

    def _event(self, event: Event) -> None:
        if isinstance(event, TextMessage):
            self._text += event.data
            self._body_bytes += len(event.data)
            if event.message_finished:
                text, self._text = self._text, ""
                self._message(text)
        elif isinstance(event, BytesMessage):
            self._body_bytes += len(event.data)
            self._counts.messages += event.message_finished
        elif isinstance(event, Ping):
            self._send(event.response())
            self._counts.pings_answered += 1
        elif isinstance(event, CloseConnection):
            self._close(event)

    def _message(self, text: str) -> None:
        if text == "ping":
            self._send(TextMessage("pong"))
            self._send(TextMessage(MESSAGE))
            self._counts.pings_answered += 1
        else:
            self._counts.messages += 1

    def _close(self, event: CloseConnection) -> None:
        """The server closes; or wsproto does, over a frame that is against the rules, and its state stays open."""
        assert self._frames is not None
        against_the_rules = self._frames.state is ConnectionState.OPEN
        self._send(event.response())
        if against_the_rules:
            self.fail("protocol")
        elif event.code in NORMAL:
            self._client.emit.response_received(self.req, 101, self._body_bytes)
            self._end()
        else:
            self.fail(f"closed {int(event.code)}")

    def _send(self, event: Event) -> None:
        """What the socket does not take at once goes when it does."""
        assert self._frames is not None
        if self._socket is not None:
            self._send_more(self._socket, self._frames.send(event))
