"""The WSGI wrapper: reports a call from `environ` to `close()`, and is otherwise not there.

PEP 3333 is what it must keep: `start_response` with `exc_info`, the `write()` callable, iterables with and
without `__len__`, `wsgi.file_wrapper` by identity, `close()` called once, exceptions untouched.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from time import thread_time_ns
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


def request_ids() -> Callable[[str | None], int]:
    """Read a request's number from our driver's header; strangers get negative ones, unique on this machine."""
    strangers = itertools.count(1)
    base = os.getpid() << 32

    def request_id(header: str | None) -> int:
        if header and header.isascii() and header.isdigit() and len(header) < 18:
            return int(header)
        return -(base + next(strangers))

    return request_id


class Call:
    """One call of the app, until its end is told."""

    __slots__ = ("began_cpu_ns", "chunks", "connection", "req", "write")

    def __init__(self, write: Write, connection: Connection, req: int, began_cpu_ns: int) -> None:
        self.write = write
        self.connection = connection
        self.req = req
        self.began_cpu_ns = began_cpu_ns
        self.chunks = 0

    def close(self, raised: bytes = b"", cpu_ns: int = -1) -> None:
        """Tell the end, once. ``cpu_ns`` is the CPU time of the app when it had ended before."""
        connection = self.connection
        if connection.open is self:
            connection.open = None
            if cpu_ns < 0:
                cpu_ns = thread_time_ns() - self.began_cpu_ns
            self.write(CLOSED, self.req, cpu_ns, self.chunks, raised, connection.slot)


def watched(app: WsgiApp, write: Write, connection: Connection) -> WsgiApp:
    """``app``, its calls told to ``write``.

    Closures, constants and one object a call: all this is paid for on every request of somebody's server.
    """
    request_id = request_ids()
    known = CODES.get

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        slot = connection.slot
        began_cpu_ns = thread_time_ns()
        req = request_id(environ.get(HEADER_KEY))
        what = f"{environ.get('REQUEST_METHOD')} {environ.get('PATH_INFO')}".encode("utf-8", "replace")
        write(BEGAN, req, connection.accepted_ns, began_cpu_ns, what, slot)
        this = connection.open = Call(write, connection, req, began_cpu_ns)

        def begin(status: str, *rest: Any, **named: Any) -> Any:
            write(RESPONSE, req, known(status) or _code(status), 0, b"", slot)
            return start_response(status, *rest, **named)

        try:
            body = app(environ, begin)
        except BaseException as error:
            this.close(_name(error))
            raise
        if type(body) is list or type(body) is tuple:
            # No code of the app runs any more while the server writes this.
            cpu_ns = thread_time_ns() - began_cpu_ns
            write(RETURNED, req, 1, cpu_ns, b"", slot)
            return WholeBody(body, this, cpu_ns)
        write(RETURNED, req, 0, 0, b"", slot)
        watched_body: Iterable[bytes] = _watch_body(body, this, environ.get("wsgi.file_wrapper"))
        return watched_body

    return call


def _watch_body(body: Any, call: Call, file_wrapper: Any) -> Any:
    if isinstance(file_wrapper, type) and isinstance(body, file_wrapper):
        return _watch_file(body, call)
    if not hasattr(body, "__iter__") and not hasattr(body, "__getitem__"):
        call.close(b"returned " + type(body).__name__.encode("utf-8", "replace"))
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
            call.close()

    try:
        body.close = closing
    except AttributeError:  # closed to us: the worker's wrapper notes the end of the connection
        return body
    return body


class WholeBody:
    """A list or tuple, as it was, with a `close()` that tells of the end."""

    __slots__ = ("_body", "_call", "_cpu_ns")

    def __init__(self, body: list[bytes] | tuple[bytes, ...], call: Call, cpu_ns: int) -> None:
        self._body = body
        self._call = call
        self._cpu_ns = cpu_ns

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def __len__(self) -> int:
        return len(self._body)

    def close(self) -> None:
        call = self._call
        call.chunks = len(self._body)
        call.close(b"", self._cpu_ns)


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
            call.close(_name(error))
            raise
        call.chunks += 1
        now = time.monotonic_ns()
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
            self._call.close(_name(error))
            raise
        finally:
            self._call.close()


class SizedBody(Body):
    """An iterable that knows how many chunks it has: servers may derive Content-Length from one of length 1."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]
