"""The WSGI wrapper keeps PEP 3333 towards app and server, and tells what happened."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest

from wsgiviz.events import Kind, returned
from wsgiviz.probe.wsgi import Connection, watched

Told = list[tuple[Kind, int, int, int, bytes]]


class Server:
    """A WSGI server of one call: it does what gunicorn's sync worker does with an app."""

    def __init__(self, app: Callable[..., Any], headers: dict[str, str] | None = None) -> None:
        self.told: Told = []
        self.status = ""
        self.exc_info: Any = None
        self.body = b""
        self.returned: Any = None
        self._probe = watched(app, self._write, Connection())
        self._environ: dict[str, Any] = dict(headers or {})
        setup_testing_defaults(self._environ)
        self._environ["wsgi.file_wrapper"] = FileWrapper

    def _write(self, kind: int, req: int = 0, a: int = 0, b: int = 0, text: bytes = b"", slot: int = 0,
               t_ns: int = 0) -> None:  # fmt: skip
        self.told.append((Kind(kind), req, a, b, text))

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        self.status, self.exc_info = status, exc_info
        return self._append

    def _append(self, data: bytes) -> None:
        self.body += data

    def call(self) -> Server:
        self.returned = self._probe(self._environ, self._start)
        try:
            for chunk in self.returned:
                self.body += chunk
        finally:
            if hasattr(self.returned, "close"):
                self.returned.close()
        return self

    @property
    def kinds(self) -> list[str]:
        return [kind.name for kind, *_ in self.told]

    @property
    def closed(self) -> tuple[int, bytes]:
        """Chunks and exception, as told at the end: which must be told exactly once."""
        [(_, _, _, chunks, raised)] = [told for told in self.told if told[0] is Kind.CLOSED]
        return chunks, raised


def plain(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"a", b"b"]


def generator(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"a"
    yield b"b"


def test_a_list_is_told_as_whole_and_closed() -> None:
    server = Server(plain).call()
    assert (server.status, server.body) == ("200 OK", b"ab")
    assert server.kinds == ["BEGAN", "RETURNED", "CLOSED"]
    complete, status, response_ns = returned(server.told[1][2], 10**18)
    assert (complete, status) == (True, 200)
    assert 0 < 10**18 - response_ns < 10**9
    assert server.closed == (2, b"")
    assert len(server.returned) == 2


def test_a_generator_is_told_as_an_iterator() -> None:
    server = Server(generator).call()
    assert server.body == b"ab"
    assert server.kinds[:2] == ["BEGAN", "RETURNED"]
    assert server.kinds[-1] == "CLOSED"
    assert server.closed == (2, b"")
    assert not hasattr(server.returned, "__len__")


def test_the_drivers_number_is_read_and_strangers_get_their_own() -> None:
    assert Server(plain, {"HTTP_X_WSGIVIZ_REQUEST": "1000017"}).call().told[0][1] == 1_000_017
    for bad in ({}, {"HTTP_X_WSGIVIZ_REQUEST": "9" * 40}, {"HTTP_X_WSGIVIZ_REQUEST": "²"}):
        assert Server(plain, bad).call().told[0][1] < 0


def test_write_and_exc_info_pass_through() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            raise KeyError("x")
        except KeyError:
            write = start_response("500 Oh", [("Content-Type", "text/plain")], sys.exc_info())
        write(b"written ")
        return [b"returned"]

    server = Server(app).call()
    assert server.body == b"written returned"
    assert server.exc_info[0] is KeyError


class Closeable:
    """An iterable as awkward as PEP 3333 allows: no `__len__`, an own `close()`, old-style `__getitem__`."""

    def __init__(self) -> None:
        self.closes = 0

    def __getitem__(self, at: int) -> bytes:
        return [b"x", b"y"][at]

    def close(self) -> None:
        self.closes += 1


def test_close_is_called_once() -> None:
    body = Closeable()

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return body

    server = Server(app).call()
    assert (server.body, body.closes, server.closed) == (b"xy", 1, (2, b""))


def test_a_sized_iterable_keeps_its_length() -> None:
    class Sized(Closeable):
        def __len__(self) -> int:
            return 2

        def __iter__(self) -> Iterator[bytes]:
            return iter([b"x", b"y"])

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return Sized()

    assert len(Server(app).call().returned) == 2


def test_a_file_wrapper_stays_the_servers_own_type() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"content")
        file.seek(0)

        def app(environ: dict[str, Any], start_response: Any) -> Any:
            start_response("200 OK", [])
            return environ["wsgi.file_wrapper"](file)

        server = Server(app).call()
        assert type(server.returned) is FileWrapper
        assert server.body == b"content"
        assert file.closed
        assert server.closed == (0, b"")


def raises_at_call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    raise LookupError("call")


def raises_while_iterating(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [])
    yield b"a"
    raise LookupError("iterating")


class RaisesInClose(Closeable):
    def close(self) -> None:
        raise LookupError("close")


@pytest.mark.parametrize(
    "app", [raises_at_call, raises_while_iterating, lambda e, s: RaisesInClose()], ids=["call", "iterate", "close"]
)
def test_an_exception_passes_untouched_and_is_told(app: Any) -> None:
    server = Server(app)
    with pytest.raises(LookupError):
        server.call()
    assert server.closed[1] == b"LookupError"


@pytest.mark.parametrize("answer", [None, 7])
def test_what_is_not_iterable_is_left_to_the_server(answer: Any) -> None:
    server = Server(lambda environ, start_response: answer)
    with pytest.raises(TypeError):
        server.call()
    assert server.returned is answer
    assert server.closed[1].startswith(b"returned ")


def test_a_bad_status_is_left_to_the_server() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("fine", [])
        return []

    server = Server(app).call()
    assert server.status == "fine"
    assert returned(server.told[1][2], 10**18)[:2] == (True, 0)


def test_a_response_that_begins_after_the_return_is_told_by_itself() -> None:
    server = Server(generator).call()
    assert (Kind.RESPONSE, 200) in [(kind, a) for kind, _, a, _, _ in server.told]
    assert returned(server.told[1][2], 10**18) == (False, 0, 0)


def test_a_response_that_was_begun_before_the_app_raised_is_told() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        raise LookupError

    server = Server(app)
    with pytest.raises(LookupError):
        server.call()
    assert server.kinds == ["BEGAN", "RESPONSE", "CLOSED"]


@pytest.mark.parametrize("app", [plain, generator])
def test_the_standard_librarys_validator_sees_nothing_wrong(app: Any) -> None:
    """On both sides of the probe: a validator as its app, and one as its server."""
    told: Told = []

    def write(kind: int, *rest: Any) -> None:
        told.append((Kind(kind), 0, 0, 0, b""))

    probe = watched(validator(app), write, Connection())  # type: ignore[arg-type]
    checked = validator(probe)  # type: ignore[arg-type]
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ |= {"wsgi.input": io.BytesIO(b""), "wsgi.errors": sys.stderr, "QUERY_STRING": ""}
    body = checked(environ, lambda status, headers, exc_info=None: lambda data: None)  # type: ignore[arg-type]
    assert b"".join(body) == b"ab"
    body.close()  # type: ignore[attr-defined]
    assert [kind for kind, *_ in told].count(Kind.CLOSED) == 1
