"""The WSGI wrapper: reports a call from `environ` to `close()`, and is otherwise not there.

PEP 3333 is what it must keep: `start_response` with `exc_info`, the `write()` callable, iterables with and
without `__len__`, `wsgi.file_wrapper` by identity, `close()` called once, exceptions untouched.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from wsgiviz.events import REQUEST_HEADER, Kind
from wsgiviz.recorder.ring import Write

HEADER_KEY = "HTTP_" + REQUEST_HEADER.upper().replace("-", "_")

CHUNK_EVERY_NS = 1_000_000
"""An iterator's chunks are reported at most this often: a body of a million chunks must not flood the ring."""

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Connection(threading.local):
    """What this thread's connection is: the worker's wrapper sets it, the app's wrapper reads it."""

    accepted_ns = 0
    slot = 0
    open_call: Call | None = None


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
    """One call of the app, from begin to `close()`."""

    __slots__ = ("chunks", "connection", "cpu_ns", "done", "req", "write")

    def __init__(self, write: Write, connection: Connection, req: int) -> None:
        self.write = write
        self.connection = connection
        self.req = req
        self.cpu_ns = time.thread_time_ns()
        self.chunks = 0
        self.done = False

    def settle(self) -> int:
        """CPU time since the begin; from now on the app only waits to be written."""
        self.cpu_ns = time.thread_time_ns() - self.cpu_ns
        return self.cpu_ns

    def close(self, raised: str = "", cpu_ns: int | None = None) -> None:
        """Report the end, once."""
        if self.done:
            return
        self.done = True
        self.connection.open_call = None
        spent = self.settle() if cpu_ns is None else cpu_ns
        self.write(Kind.CLOSED, self.req, spent, self.chunks, raised.encode("utf-8", "replace"),
                   self.connection.slot)  # fmt: skip


class WsgiProbe:
    """Wraps the callable ``app``; events go to ``write``."""

    def __init__(self, app: WsgiApp, write: Write, connection: Connection) -> None:
        self.app = app
        self._write = write
        self._connection = connection
        self._request_id = request_ids()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        write = self._write
        connection = self._connection
        slot = connection.slot
        req = self._request_id(environ.get(HEADER_KEY))
        call = connection.open_call = Call(write, connection, req)
        what = f"{environ.get('REQUEST_METHOD')} {environ.get('PATH_INFO')}".encode("utf-8", "replace")
        write(Kind.BEGAN, req, connection.accepted_ns, call.cpu_ns, what, slot)

        def begin(status: str, *rest: Any, **named: Any) -> Any:
            write(Kind.RESPONSE, req, _code(status), 0, b"", slot)
            return start_response(status, *rest, **named)

        try:
            body = self.app(environ, begin)
        except BaseException as error:
            call.close(type(error).__name__)
            raise
        if type(body) is list or type(body) is tuple:
            return _whole(body, call, slot)
        write(Kind.RETURNED, req, 0, 0, b"", slot)
        if isinstance(body, environ.get("wsgi.file_wrapper") or ()):
            return _watch_file(body, call)
        if not hasattr(body, "__iter__") and not hasattr(body, "__getitem__"):
            call.close(f"returned {type(body).__name__}")
            return body  # the server says what is wrong with it, as it would without us
        return SizedBody(body, call) if hasattr(body, "__len__") else Body(body, call)


def _code(status: str) -> int:
    try:
        return int(status[:3])
    except (TypeError, ValueError):  # a bad status is for the server to refuse
        return 0


def _whole(body: list[bytes] | tuple[bytes, ...], call: Call, slot: int) -> Iterable[bytes]:
    """A body which is already there: no code of the app runs while the server writes it."""
    cpu_ns = call.settle()
    call.chunks = len(body)
    call.write(Kind.RETURNED, call.req, 1, cpu_ns, b"", slot)
    return WholeBody(body, call, cpu_ns)


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
        self._call.close(cpu_ns=self._cpu_ns)


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
            call.write(Kind.RESUMED, call.req, 0, 0, b"", call.connection.slot)
        try:
            if self._iterator is None:
                self._iterator = iter(self._body)
            chunk = next(self._iterator)
        except StopIteration:
            raise
        except BaseException as error:
            call.close(type(error).__name__)
            raise
        call.chunks += 1
        now = time.monotonic_ns()
        if now - self._told_ns >= CHUNK_EVERY_NS:
            self._told_ns = now
            self._writing = True
            call.write(Kind.CHUNK, call.req, 0, call.chunks, b"", call.connection.slot, now)
        return chunk

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        try:
            if close is not None:
                close()
        except BaseException as error:
            self._call.close(type(error).__name__)
            raise
        finally:
            self._call.close()


class SizedBody(Body):
    """An iterable that knows how many chunks it has: servers may derive Content-Length from one of length 1."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]
