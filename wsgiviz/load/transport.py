"""httpx's transport for the driver: one connection a request, with a timestamp for each thing that happens to it.

httpx's own transport takes about a millisecond of CPU for each request, which the measurement would show as the
servers' time; this one writes a prepared request to a plain socket and counts what comes back.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket

import httpx

from wsgiviz.load.response import BadResponse, ResponseParser
from wsgiviz.recorder.emitter import Emitter

READ_BYTES = 64 * 1024
SLOW_STEP_S = 0.05
"""A slow client sends a piece this often."""

SLOW_BUFFER = 64 * 1024
"""Receive buffer of a client that reads slowly (SO_RCVBUF of socket(7)), so that the server notices."""

ETHERNET_MSS = 1460
"""Its segment size (TCP_MAXSEG of tcp(7)). For loopback's, of 64 KB, the server's kernel would buffer megabytes."""

REASONS = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.EADDRNOTAVAIL: "no free port",
    errno.EMFILE: "too many open files",
}


class Failed(httpx.TransportError):
    """A request that got no answer; ``reason`` says why, in a word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Transport(httpx.AsyncBaseTransport):
    """Sends each request on a connection of its own. The request's extensions say what it is:

    ``wsgiviz``: (emitter, number, planned_ns, seconds in all from the connect on, seconds over which the request is
    sent, seconds over which the answer is read).
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        emit, number, planned_ns, timeout_s, *slow = request.extensions["wsgiviz"]
        exchange = Exchange(self._loop, emit, number, request_bytes(request), *slow)
        try:
            exchange.start((request.url.host, request.url.port), planned_ns, timeout_s)
            parser = await exchange.answer
        finally:
            exchange.close()
        return httpx.Response(parser.status, request=request, extensions={"body_bytes": parser.body_bytes})


def request_bytes(request: httpx.Request) -> bytes:
    """A request without a body, as it goes over the wire."""
    head = [request.method.encode() + b" " + request.url.raw_path + b" HTTP/1.1"]
    head += [name + b": " + value for name, value in request.headers.raw]
    return b"\r\n".join([*head, b"", b""])


class Exchange:
    """One connection, one request, one answer: a small state machine on the loop's readers and writers."""

    __slots__ = (
        "_data", "_emit", "_loop", "_number", "_parser", "_read_over_s", "_reading_since", "_send_over_s", "_slow",
        "_socket", "_timer", "answer",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        emit: Emitter,
        number: int,
        data: bytes,
        send_over_s: float = 0.0,
        read_over_s: float = 0.0,
    ) -> None:
        self._loop = loop
        self._emit = emit
        self._number = number
        self._data = data
        self._parser: ResponseParser | None = None
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._send_over_s = send_over_s
        self._read_over_s = read_over_s
        self._reading_since = 0.0
        self._slow: asyncio.TimerHandle | None = None
        self.answer: asyncio.Future[ResponseParser] = loop.create_future()

    def start(self, address: tuple[str, int | None], planned_ns: int, timeout_s: float) -> None:
        """Begin to connect. The kernel gets the connects in the order of the calls."""
        self._timer = self._loop.call_later(timeout_s, self._fail, "timeout")
        try:
            self._socket = sock = socket.socket(
                socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM
            )
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._read_over_s:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BUFFER)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, ETHERNET_MSS)
            self._emit.request_sent(self._number, planned_ns)
            code = sock.connect_ex(address)
        except OSError as error:
            self._fail(_reason(error.errno))
            return
        if code in (0, errno.EINPROGRESS):
            self._loop.add_writer(sock, self._connected)
        else:
            self._fail(_reason(code))

    def _connected(self) -> None:
        sock = self._socket
        if sock is None:
            return
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._fail(_reason(code))
            return
        self._emit.connected(self._number, sock.getsockname()[1])
        self._loop.remove_writer(sock)
        self._loop.add_reader(sock, self._readable)
        if self._send_over_s:
            self._dribble(self._data, -(-len(self._data) * SLOW_STEP_S // self._send_over_s))
            return
        try:
            sent = sock.send(self._data)
        except OSError as error:
            self._fail(_reason(error.errno))
            return
        if sent < len(self._data):  # a request's head of a few hundred bytes fits any socket buffer
            self._fail("protocol")

    def _dribble(self, data: bytes, piece: float) -> None:
        """Send a piece of the request, and the rest of it later."""
        sock = self._socket
        if sock is None:
            return
        step = max(1, int(piece))
        try:
            sent = sock.send(data[:step])
        except OSError as error:
            self._fail(_reason(error.errno))
            return
        if data[sent:]:
            pause_s = self._send_over_s * step / len(self._data)
            self._slow = self._loop.call_later(pause_s, self._dribble, data[sent:], piece)

    def _pause(self, sock: socket.socket, parser: ResponseParser) -> None:
        """Read no more while the body is ahead of its time; behind it, read on."""
        if parser.body_left is None:
            return
        now = self._loop.time()
        self._reading_since = self._reading_since or now
        share = parser.body_bytes / (parser.body_bytes + parser.body_left)
        ahead_s = self._reading_since + self._read_over_s * share - now
        if ahead_s > 0:
            self._loop.remove_reader(sock)
            self._slow = self._loop.call_later(max(ahead_s, SLOW_STEP_S), self._go_on_reading)

    def _go_on_reading(self) -> None:
        if self._socket is not None:
            self._loop.add_reader(self._socket, self._readable)

    def _readable(self) -> None:
        sock = self._socket
        if sock is None:
            return
        try:
            data = sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._fail(_reason(error.errno))
            return
        parser = self._parser
        if parser is None:
            if not data:
                self._fail("closed")
                return
            self._emit.first_byte(self._number)
            parser = self._parser = ResponseParser()
        try:
            if data:
                parser.feed(data)
            else:
                parser.end()
        except BadResponse:
            self._fail("protocol" if data else "closed")
            return
        if parser.done and not self.answer.done():
            self.answer.set_result(parser)
            self.close()
        elif self._read_over_s:
            self._pause(sock, parser)

    def _fail(self, reason: str) -> None:
        if not self.answer.done():
            self.answer.set_exception(Failed(reason))
        self.close()

    def close(self) -> None:
        """Let go of socket and timer. May be called again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None
        sock, self._socket = self._socket, None
        if sock is not None:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
            sock.close()


def _reason(code: int | None) -> str:
    if code in REASONS:
        return REASONS[code]
    return os.strerror(code).lower() if code else "failed"
