"""One request, one answer, with a timestamp for each thing that happens to it; over a connection of its own, or one
that was kept.

Plain sockets on asyncio's readers and writers: httpx's own transport takes about a millisecond of CPU a request.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic_ns

from wsgiviz.load.kept import KeptConnection
from wsgiviz.load.response import BadResponse, ResponseParser
from wsgiviz.recorder.emitter import Emitter

READ_BYTES = 64 * 1024
SLOW_STEP_S = 0.05
"""A slow client sends a piece this often."""

SLOW_BUFFER = 64 * 1024
"""Receive buffer of a client that reads slowly (SO_RCVBUF of socket(7)), so that the server notices."""

ETHERNET_MSS = 1460
"""Its segment size (TCP_MAXSEG of tcp(7)). For loopback's, of 64 KB, the server's kernel would buffer megabytes."""

NOT_YET = (errno.EAGAIN, errno.ENOTCONN)
"""What send(2) says of a connection that is not there yet: on Linux the one, elsewhere the other."""

REASONS = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.EADDRNOTAVAIL: "no free port",
    errno.EMFILE: "too many open files",
}


@dataclass(frozen=True, slots=True)
class Client:
    """What all exchanges with a server have in common. ``ended`` is called when one is over, from the loop.

    A slow client sends its request over ``send_over_s``, and takes ``read_over_s`` to read the answer.
    """

    loop: asyncio.AbstractEventLoop
    emit: Emitter
    address: tuple[str, int]
    ended: Callable[[Exchange], None]
    send_over_s: float = 0.0
    read_over_s: float = 0.0
    keeps: bool = False
    """It keeps its connections, where the server does: `Exchange.kept` has one for the next request."""

    repeats: bool = True
    """A request that a kept connection has swallowed may be sent again."""

    bodiless: bool = False
    """It asks with HEAD."""

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET


class Exchange:
    """A small state machine: connecting, sending, reading. ``req`` is its request's number."""

    __slots__ = (
        "_client", "_data", "_loop", "_over", "_parser", "_reading_since", "_slow", "_socket", "_unsent", "_unwatch",
        "deadline_s", "kept", "planned_ns", "req",
    )  # fmt: skip

    def __init__(
        self,
        client: Client,
        req: int,
        data: bytes,
        planned_ns: int,
        deadline_s: float = 0.0,
        kept: KeptConnection | None = None,
    ) -> None:
        self._client = client
        self._loop = client.loop
        self._data = data
        self._over = False
        self._unsent: memoryview | None = None  # what is left of a request that no socket buffer takes at once
        self._parser: ResponseParser | None = None
        self._socket: socket.socket | None = None
        self._unwatch: Callable[[int], object] | None = None  # ends what the loop watches the socket for
        self._reading_since = 0.0
        self._slow: asyncio.TimerHandle | None = None
        self.req = req
        self.planned_ns = planned_ns
        self.deadline_s = deadline_s
        self.kept = kept  # before it begins and when it is over: a connection that is open for another request

    def start(self) -> None:
        """Begin to connect, or send at once over a connection that was kept."""
        if self.kept is not None and self.kept.open:
            self._send_over(self.kept)
        else:
            self._connect()

    def _connect(self, again: bool = False) -> None:
        """The kernel gets the connects in the order of the calls."""
        client = self._client
        self.kept = None
        try:
            self._socket = sock = socket.socket(client.family, socket.SOCK_STREAM)
            sock.setblocking(False)
            if client.send_over_s or client.read_over_s:
                _slow_down(sock, client)
            if not again:
                client.emit.request_sent(self.req, self.planned_ns)
            code = sock.connect_ex(client.address)
        except OSError as error:
            self._fail_soon(reason_for(error.errno))
            return
        if code in (0, errno.EINPROGRESS):
            self._send_at_once(sock)
        else:
            self._fail_soon(reason_for(code))

    def _send_over(self, kept: KeptConnection) -> None:
        """The server may have closed it at the same time: then a new one is made."""
        kept.taken()
        self._client.emit.request_sent(self.req, self.planned_ns)
        self._client.emit.connection_reused(self.req, kept.port, kept.connected_ns)
        self._socket = sock = kept.socket
        try:
            sent = sock.send(self._data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._lost(reason_for(error.errno))
            return
        self._watch_answer(sock)
        self._keep_unsent(sock, self._data[sent:])

    def _lost(self, reason: str) -> None:
        """The connection has ended before the first byte of an answer. Of one that was kept nobody knows whether the
        server had closed it before the request came."""
        kept, sock = self.kept, self._socket
        if kept is None or sock is None or not kept.answered or not self._client.repeats:
            self.fail(reason)
            return
        self._stop_watching(sock)
        self._stop_sending(sock)
        kept.close(by_server=True)
        self._connect(again=True)

    def _send_at_once(self, sock: socket.socket) -> None:
        """On a local connection the handshake is over when connect(2) returns, unless the accept queue is full."""
        connected_ns = monotonic_ns()
        if not self._client.send_over_s:
            try:
                sent = sock.send(self._data)
            except OSError as error:
                if error.errno not in NOT_YET:
                    self._fail_soon(reason_for(error.errno))
                    return
            else:
                self._sent(sock, sent, connected_ns)
                return
        self._loop.add_writer(sock.fileno(), self._connected)
        self._unwatch = self._loop.remove_writer

    def _connected(self) -> None:
        """The connection is there, or will never be."""
        sock = self._socket
        if sock is None:
            return
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self.fail(reason_for(code))
            return
        connected_ns = monotonic_ns()
        self._stop_watching(sock)
        try:
            if self._client.send_over_s:
                piece = -(-len(self._data) * SLOW_STEP_S // self._client.send_over_s)
                self._sent(sock, len(self._data), connected_ns)
                self._dribble(self._data, piece)
            else:
                self._sent(sock, sock.send(self._data), connected_ns)
        except OSError as error:
            self.fail(reason_for(error.errno))

    def _sent(self, sock: socket.socket, sent: int, connected_ns: int) -> None:
        """Connected since then, and so many bytes sent."""
        client, port = self._client, sock.getsockname()[1]
        client.emit.connected(self.req, port, connected_ns)
        if client.keeps:
            self.kept = KeptConnection(client.emit, sock, port, connected_ns)
        self._watch_answer(sock)  # which may come before all is sent
        if sent < len(self._data):
            self._keep_unsent(sock, self._data[sent:])

    def _send_more(self, sock: socket.socket, data: bytes) -> None:
        """Send what follows, behind what has not been sent yet."""
        if self._unsent is not None:
            self._unsent = memoryview(bytes(self._unsent) + data)
            return
        try:
            sent = sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            return  # what is wrong with the connection shows when it is read
        self._keep_unsent(sock, data[sent:])

    def _keep_unsent(self, sock: socket.socket, data: bytes) -> None:
        if data:
            self._unsent = memoryview(data)
            self._loop.add_writer(sock.fileno(), self._send_rest)

    def _send_rest(self) -> None:
        """More of a long body. A server that takes no more of it may have answered nevertheless."""
        sock = self._socket
        if sock is None or self._unsent is None:
            return
        try:
            self._unsent = self._unsent[sock.send(self._unsent) :]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._unsent = self._unsent[:0]
        if not self._unsent:
            self._stop_sending(sock)

    def _stop_sending(self, sock: socket.socket) -> None:
        if self._unsent is not None:
            self._unsent = None
            self._loop.remove_writer(sock.fileno())

    def _watch_answer(self, sock: socket.socket) -> None:
        self._loop.add_reader(sock.fileno(), self._readable)
        self._unwatch = self._loop.remove_reader

    def _stop_watching(self, sock: socket.socket) -> None:
        unwatch, self._unwatch = self._unwatch, None
        if unwatch is not None:
            unwatch(sock.fileno())

    def _dribble(self, data: bytes, piece: float) -> None:
        """Send a piece of the request, and the rest of it later."""
        sock = self._socket
        if sock is None:
            return
        step = max(1, int(piece))
        try:
            sent = sock.send(data[:step])
        except OSError as error:
            self.fail(reason_for(error.errno))
            return
        if data[sent:]:
            pause_s = self._client.send_over_s * step / len(self._data)
            self._slow = self._loop.call_later(pause_s, self._dribble, data[sent:], piece)

    def _pause(self, sock: socket.socket, parser: ResponseParser) -> None:
        """Read no more while the body is ahead of its time; behind it, read on."""
        if parser.body_left is None:
            return
        now = self._loop.time()
        self._reading_since = self._reading_since or now
        share = parser.body_bytes / (parser.body_bytes + parser.body_left)
        ahead_s = self._reading_since + self._client.read_over_s * share - now
        if ahead_s > 0:
            self._stop_watching(sock)
            self._slow = self._loop.call_later(max(ahead_s, SLOW_STEP_S), self._go_on_reading)

    def _go_on_reading(self) -> None:
        if self._socket is not None:
            self._watch_answer(self._socket)

    def _readable(self) -> None:
        sock = self._socket
        if sock is None:
            return
        try:
            data = sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            (self._lost if self._parser is None else self.fail)(reason_for(error.errno))
            return
        parser = self._parser
        if parser is None:
            if not data:
                self._lost("closed")
                return
            self._client.emit.first_byte(self.req)
            parser = self._parser = ResponseParser(self._client.bodiless)
        try:
            if data:
                parser.feed(data)
            else:
                parser.end()
        except BadResponse:
            self.fail("protocol" if data else "closed")
            return
        if parser.done:
            self._answered(parser)
        elif self._client.read_over_s:
            self._pause(sock, parser)

    def _answered(self, parser: ResponseParser) -> None:
        """The whole answer has come."""
        self._client.emit.response_received(self.req, parser.status, parser.body_bytes, parser.location)
        kept = self.kept
        if kept is not None:
            kept.answered += 1
        self._end(kept is not None and parser.keeps and self._unsent is None, by_server=True)

    def fail(self, reason: str) -> None:
        """There will be no answer."""
        if not self._over:
            self._client.emit.request_failed(self.req, reason.encode())
            self._end(by_server=reason in ("closed", "reset"))

    def _fail_soon(self, reason: str) -> None:
        """From the loop, so that a series of such failures is none of calls inside calls."""
        self._loop.call_soon(self.fail, reason)

    def _end(self, keep: bool = False, by_server: bool = False) -> None:
        """It is over. The connection is left open to ``keep`` it."""
        self._over = True
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None
        sock, self._socket = self._socket, None
        if sock is not None:
            self._stop_watching(sock)
            self._stop_sending(sock)
            if self.kept is None:
                sock.close()
            elif not keep:
                self.kept.close(by_server)
                self.kept = None
        self._client.ended(self)


def _slow_down(sock: socket.socket, client: Client) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if client.read_over_s:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BUFFER)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, ETHERNET_MSS)


def reason_for(code: int | None) -> str:
    """An error number in a word: "refused", "reset", "timeout"."""
    if code in REASONS:
        return REASONS[code]
    return os.strerror(code).lower() if code else "failed"
