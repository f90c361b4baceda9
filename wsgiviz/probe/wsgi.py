"""The WSGI wrapper: it notes when a call begins, responds, returns and closes, and is otherwise not there.

PEP 3333 is what it must keep: `start_response` with `exc_info`, the `write()` callable, iterables with and
without `__len__`, `wsgi.file_wrapper` by identity, `close()` called once, exceptions untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import monotonic_ns
from typing import Any

from wsgiviz.probe.connection import WRITING, Connection, name_of
from wsgiviz.probe.redaction import REDACTS, without_path
from wsgiviz.probe.request_ids import HEADER_KEY
from wsgiviz.probe.saying import failed, harmless

CODES: dict[str, int] = {}
"""The number of each status line met so far; of MOST_LINES at most, since an app may make up any."""

MOST_LINES = 64
CHUNK_EVERY_NS = 1_000_000
"""An iterator's chunks are emitted at most this often: a body of a million chunks must not flood the ring."""

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def wrap_app(app: WsgiApp, connection: Connection) -> WsgiApp:
    """``app``, its calls noted in ``connection``.

    This is paid for by every request of somebody's server, and most of its price is code and data that the processor
    has not at hand: so it is one function with its names in cells, where a method for each step would be prettier.

    Of the clocks, `monotonic_ns` is read in user space (vdso(7)), and the thread's CPU clock is a system call: twice
    for a request, since what the server computes before and after the app is not the app's.
    """
    next_external, number_in = connection.ids.next_external, connection.ids.of
    request_began, cpu_clock = connection.emit.request_began, connection.cpu_clock
    slot, is_on_loop = connection.slot, connection.is_on_loop
    last_method = last_path = None

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        nonlocal last_method, last_path

        def begin_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            try:
                try:
                    connection.status = CODES[status]
                except (KeyError, TypeError):
                    connection.status = learn_status(status)
                connection.response_ns = monotonic_ns()
                if is_on_loop:
                    connection.respond_on_loop()
            except Exception as error:  # noqa: BLE001 - the app is called as without us
                failed(error)
            if exc_info is None:
                return start_response(status, headers)
            try:
                return start_response(status, headers, exc_info)
            finally:
                exc_info = None  # else traceback and frame would hold each other (PEP 3333)

        try:
            if connection.req:
                connection.release_for_next()
            header = environ.get(HEADER_KEY)
            req = next_external() if header is None else number_in(header)
            method, path = environ.get("REQUEST_METHOD"), environ.get("PATH_INFO")
            if path != last_path or method != last_method:
                last_method, last_path, connection.target = method, path, target(method, path)
            connection.response_ns = connection.returned_ns = connection.ended_ns = connection.status = 0
            connection.raised = b""
            connection.req = req
            connection.began_cpu_ns = began_cpu_ns = cpu_clock()
            connection.began_ns = began_ns = monotonic_ns()
            request_began(slot, req, connection.accepted_ns, began_cpu_ns, connection.target, began_ns)
            if is_on_loop:
                connection.begin_on_loop()
        except Exception as error:  # noqa: BLE001
            failed(error)
            return app(environ, start_response)
        try:
            body = app(environ, begin_response)
        except BaseException as error:
            connection.chunks = 0
            harmless(connection.finish, name_of(error))
            raise
        try:
            if type(body) is list or type(body) is tuple:
                # Handed on as it is: no code of the app runs any more while the server writes it.
                connection.cpu_ns = cpu_clock() - began_cpu_ns
                connection.returned_ns = connection.ended_ns = monotonic_ns()
                connection.chunks = len(body)
            else:
                connection.chunks = 0
                connection.returned_ns = monotonic_ns()
                body = _wrap_body(body, connection, environ.get("wsgi.file_wrapper"))
            if is_on_loop:
                connection.return_on_loop()
        except Exception as error:  # noqa: BLE001
            failed(error)
        return body

    return call


def _wrap_body(body: Any, connection: Connection, file_wrapper: Any) -> Any:
    if isinstance(file_wrapper, type) and isinstance(body, file_wrapper):
        return _watch_file(body, connection)
    if not hasattr(body, "__iter__") and not hasattr(body, "__getitem__"):
        connection.finish(b"returned " + type(body).__name__.encode("utf-8", "replace"))
        return body  # the server says what is wrong with it, as it would without us
    return SizedBody(body, connection) if hasattr(body, "__len__") else Body(body, connection)


def _watch_file(body: Any, connection: Connection) -> Any:
    """A server knows its own file wrapper by its type (and may use sendfile), so the object itself must pass."""
    close = getattr(body, "close", None)
    began_ns = connection.began_ns

    def closing() -> None:
        try:
            if close is not None:
                close()
        finally:
            harmless(connection.finish_of, began_ns)

    try:
        body.close = closing
    except AttributeError:  # closed to us: the worker's wrapper notes the end of the connection
        return body
    return body


class Body:
    """Any other iterable. Its turns alternate with the server's writing; the longer ones are emitted.

    It may outlive its request, and its connection may hold another one then: hence ``began_ns``.
    """

    __slots__ = ("_began_ns", "_body", "_connection", "_emitted_ns", "_iterator")

    def __init__(self, body: Iterable[bytes], connection: Connection) -> None:
        self._body = body
        self._connection = connection
        self._began_ns = connection.began_ns
        self._emitted_ns = connection.returned_ns
        self._iterator: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        self._iterator = iter(self._body)
        return self

    def __next__(self) -> bytes:
        connection = self._connection
        if connection.writing_ns and connection.began_ns == self._began_ns:
            harmless(connection.resume)
        try:
            if self._iterator is None:
                self._iterator = iter(self._body)
            chunk = next(self._iterator)
        except StopIteration:
            raise
        except BaseException as error:
            harmless(connection.finish_of, self._began_ns, name_of(error))
            raise
        if connection.began_ns == self._began_ns and not connection.ended_ns:
            connection.chunks += 1
            connection.writing_ns = now = monotonic_ns()
            if now - self._emitted_ns >= CHUNK_EVERY_NS:
                self._emitted_ns = now
                connection.emitted |= WRITING
                harmless(self._emit_writing, connection, now)
        return chunk

    @staticmethod
    def _emit_writing(connection: Connection, now: int) -> None:
        held = connection.held()
        connection.emit_progress(held)
        connection.emit.chunk_writing(connection.slot, held.req, held.chunks, now)

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        try:
            if close is not None:
                close()
        except BaseException as error:
            harmless(self._connection.finish_of, self._began_ns, name_of(error))
            raise
        finally:
            harmless(self._connection.finish_of, self._began_ns)


class SizedBody(Body):
    """An iterable that knows how many chunks it has: servers may derive Content-Length from one of length 1."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]


def target(method: object, path: object) -> bytes:
    """ "GET /path" as it goes into an event. WSGI's strings hold bytes as latin-1 (PEP 3333)."""
    return without_path(method) if REDACTS else f"{method} {path}".encode("latin-1", "replace")


def learn_status(status: object) -> int:
    """`status_code`, remembered."""
    code = status_code(status)
    if type(status) is str and len(CODES) < MOST_LINES:
        CODES[status] = code
    return code


def status_code(status: object) -> int:
    """The number in front of a status line, 0 for one that is for the server to refuse."""
    try:
        return max(0, int(status[:3]))  # type: ignore[index]
    except (TypeError, ValueError):
        return 0
