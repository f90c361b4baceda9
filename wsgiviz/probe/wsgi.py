"""The WSGI wrapper: reports a call from `environ` to `close()`, and is otherwise not there.

PEP 3333 is what it must keep: `start_response` with `exc_info`, the `write()` callable, iterables with and
without `__len__`, `wsgi.file_wrapper` by identity, `close()` called once, exceptions untouched.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from time import monotonic_ns, thread_time_ns
from typing import Any

from wsgiviz.events import REQUEST_HEADER, Kind
from wsgiviz.recorder.ring import Write

HEADER_KEY = "HTTP_" + REQUEST_HEADER.upper().replace("-", "_")

CHUNK_EVERY_NS = 1_000_000
"""An iterator's chunks are reported at most this often: a body of a million chunks must not flood the ring."""

# Plain integers: an attribute of an enum costs a quarter of a microsecond in Python 3.11.
BEGAN, RESPONSE, RETURNED, CHUNK, RESUMED, CLOSED = map(
    int, (Kind.BEGAN, Kind.RESPONSE, Kind.RETURNED, Kind.CHUNK, Kind.RESUMED, Kind.CLOSED)
)

CODES = {f"{status.value} {status.phrase}": status.value for status in HTTPStatus}

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Connection:
    """The connection that a serving thread holds: the worker's wrapper sets it, the app's wrapper reads it.

    ``open`` is the call of the app whose end has not been told yet; ``closing_ns`` is when the server began to
    close the connection gracefully, 0 before that.
    """

    __slots__ = ("accepted_ns", "closing_ns", "open", "slot")

    def __init__(self, slot: int = 0) -> None:
        self.accepted_ns = 0
        self.closing_ns = 0
        self.slot = slot
        self.open: Call | None = None


def request_ids(slot: int = 0) -> Callable[[str | None], int]:
    """Read a request's number from our driver's header; strangers get negative ones, unique on this machine."""
    strangers = itertools.count(1)
    base = (os.getpid() << 7 | slot) << 32

    def request_id(header: str | None) -> int:
        if header and header.isascii() and header.isdigit() and len(header) < 18:
            return int(header)
        return -(base + next(strangers))

    return request_id


class Call:
    """One call of the app, until its end is told; and, when the app returns a list or tuple, what stands for it.

    One object for both, and for `start_response`: it is made for every request of somebody's server.
    """

    __slots__ = (
        "began_cpu_ns", "body", "chunks", "connection", "cpu_ns", "req", "response_ns", "returned",
        "start_response", "status", "write",
    )  # fmt: skip

    body: Sequence[bytes]

    def __init__(
        self, write: Write, connection: Connection, req: int, began_cpu_ns: int, start_response: Callable[..., Any]
    ) -> None:
        self.write = write
        self.connection = connection
        self.req = req
        self.began_cpu_ns = began_cpu_ns
        self.start_response = start_response
        self.cpu_ns = -1
        self.chunks = self.response_ns = self.status = 0
        self.returned = False

    def begin(self, status: str, *rest: Any, **named: Any) -> Any:
        """The app's `start_response`. Told with the iterable, or now if that has been returned already."""
        try:
            self.status = CODES[status]
        except (KeyError, TypeError):
            self.status = _code(status)
        self.response_ns = monotonic_ns()
        if self.returned:
            self.write(RESPONSE, self.req, self.status, 0, b"", self.connection.slot)
        return self.start_response(status, *rest, **named)

    def tell_returned(self, whole: int) -> None:
        """The iterable is there; status and time of `start_response` go along (see `returned_fields`)."""
        now = monotonic_ns()
        self.returned = True
        since = now - self.response_ns if self.response_ns else 0
        packed = whole | self.status << 1 | since << 16
        self.write(RETURNED, self.req, packed, self.cpu_ns, b"", self.connection.slot, now)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.body)

    def __len__(self) -> int:
        return len(self.body)

    def close(self) -> None:
        self.chunks = len(self.body)
        self.end()

    def end(self, raised: bytes = b"") -> None:
        """Tell the end, once."""
        connection = self.connection
        if connection.open is self:
            connection.open = None
            if not self.returned and self.response_ns:
                self.write(RESPONSE, self.req, self.status, 0, b"", connection.slot, self.response_ns)
            cpu_ns = self.cpu_ns if self.cpu_ns >= 0 else thread_time_ns() - self.began_cpu_ns
            self.write(CLOSED, self.req, cpu_ns, self.chunks, raised, connection.slot)


def watched(app: WsgiApp, write: Write, connection: Connection) -> WsgiApp:
    """``app``, its calls told to ``write``: all this is paid for on every request of somebody's server."""
    request_id = request_ids(connection.slot)
    last = ("", "", b"")

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        nonlocal last
        began_cpu_ns = thread_time_ns()
        req = request_id(environ.get(HEADER_KEY))
        method, path = environ.get("REQUEST_METHOD"), environ.get("PATH_INFO")
        if last[1] != path or last[0] != method:
            last = (method, path, f"{method} {path}".encode("utf-8", "replace"))  # type: ignore[assignment]
        write(BEGAN, req, connection.accepted_ns, began_cpu_ns, last[2], connection.slot)
        this = connection.open = Call(write, connection, req, began_cpu_ns, start_response)
        try:
            body = app(environ, this.begin)
        except BaseException as error:
            this.end(_name(error))
            raise
        if type(body) is list or type(body) is tuple:
            # No code of the app runs any more while the server writes this.
            this.cpu_ns = thread_time_ns() - began_cpu_ns
            this.body = body
            this.tell_returned(1)
            return this
        this.tell_returned(0)
        watched_body: Iterable[bytes] = _watch_body(body, this, environ.get("wsgi.file_wrapper"))
        return watched_body

    return call


def _watch_body(body: Any, call: Call, file_wrapper: Any) -> Any:
    if isinstance(file_wrapper, type) and isinstance(body, file_wrapper):
        return _watch_file(body, call)
    if not hasattr(body, "__iter__") and not hasattr(body, "__getitem__"):
        call.end(b"returned " + type(body).__name__.encode("utf-8", "replace"))
        return body  # the server says what is wrong with it, as it would without us
    return SizedBody(body, call) if hasattr(body, "__len__") else Body(body, call)


def _name(error: BaseException) -> bytes:
    return type(error).__name__.encode("utf-8", "replace")


def _code(status: str) -> int:
    try:
        return int(status[:3])
    except (TypeError, ValueError):  # a bad status is for the server to refuse
        return 0


def _watch_file(body: Any, call: Call) -> Any:
    """A server knows its own file wrapper by its type (and may use sendfile), so the object itself must pass."""
    close = getattr(body, "close", None)

    def closing() -> None:
        try:
            if close is not None:
                close()
        finally:
            call.end()

    try:
        body.close = closing
    except AttributeError:  # closed to us: the worker's wrapper notes the end of the connection
        return body
    return body


class Body:
    """Any other iterable. Its turns alternate with the server's writing; the longer ones are reported."""

    __slots__ = ("_body", "_call", "_iterator", "_told_ns", "_writing")

    def __init__(self, body: Iterable[bytes], call: Call) -> None:
        self._body = body
        self._call = call
        self._iterator: Iterator[bytes] | None = None
        self._told_ns = 0
        self._writing = False

    def __iter__(self) -> Iterator[bytes]:
        self._iterator = iter(self._body)
        return self

    def __next__(self) -> bytes:
        call = self._call
        if self._writing:
            self._writing = False
            call.write(RESUMED, call.req, 0, 0, b"", call.connection.slot)
        try:
            if self._iterator is None:
                self._iterator = iter(self._body)
            chunk = next(self._iterator)
        except StopIteration:
            raise
        except BaseException as error:
            call.end(_name(error))
            raise
        call.chunks += 1
        now = monotonic_ns()
        if now - self._told_ns >= CHUNK_EVERY_NS:
            self._told_ns = now
            self._writing = True
            call.write(CHUNK, call.req, 0, call.chunks, b"", call.connection.slot, now)
        return chunk

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        try:
            if close is not None:
                close()
        except BaseException as error:
            self._call.end(_name(error))
            raise
        finally:
            self._call.end()


class SizedBody(Body):
    """An iterable that knows how many chunks it has: servers may derive Content-Length from one of length 1."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]
