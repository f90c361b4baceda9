"""The WSGI wrapper keeps PEP 3333 towards app and server, and two records tell of a request."""

from __future__ import annotations

import gc
import io
import itertools
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest

from tests.unit.probed import WsgiServer, generator, plain
from wsgiviz.events import BodyResumed, BodyReturned, ChunkWriting, RequestBegan, RequestEnded, ResponseStarted
from wsgiviz.probe import wsgi

TWO = ["RequestBegan", "RequestEnded"]


def returning(body: Any) -> Callable[..., Any]:
    """An app that returns ``body``."""

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return body

    return app


# --- what is recorded


def test_a_short_request_has_two_records() -> None:
    server = WsgiServer(plain, PATH_INFO="/x", REQUEST_METHOD="POST").serve(accepted_ns=3, taken_ns=4)
    assert (server.status, server.body) == ("200 OK", b"ab")
    assert server.names == TWO
    began, ended = server.the(RequestBegan), server.the(RequestEnded)
    assert (began.slot, began.accepted_ns, began.target) == (0, 3, "POST /x")
    assert (ended.req, ended.status, ended.chunks, ended.raised) == (began.req, 200, 2, "")


def test_its_end_repeats_the_times_in_order() -> None:
    server = WsgiServer(plain).serve()
    began, ended = server.the(RequestBegan), server.the(RequestEnded)
    assert ended.began_ns == began.t_ns
    assert began.t_ns <= ended.response_ns <= ended.returned_ns == ended.ended_ns <= ended.t_ns
    assert 0 <= ended.cpu_ns <= ended.ended_ns - ended.began_ns + 1_000_000


@pytest.mark.parametrize("body", [[b"a"], (b"a", b"b"), []])
def test_a_list_or_tuple_is_handed_on_as_it_is(body: Any) -> None:
    server = WsgiServer(returning(body)).serve()
    assert server.returned is body
    assert server.the(RequestEnded).chunks == len(body)


def test_a_short_generator_has_two_records_too() -> None:
    server = WsgiServer(generator).serve()
    assert server.body == b"ab"
    assert server.names == TWO
    ended = server.the(RequestEnded)
    assert (ended.status, ended.chunks) == (200, 2)
    assert ended.began_ns <= ended.returned_ns <= ended.response_ns <= ended.ended_ns


def test_chunks_that_come_slowly_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(10**18, wsgi.CHUNK_EVERY_NS).__next__
    monkeypatch.setattr(wsgi, "monotonic_ns", clock)
    server = WsgiServer(generator).serve()
    assert server.names == [
        "RequestBegan", "ResponseStarted", "BodyReturned", "ChunkWriting", "BodyResumed", "ChunkWriting",
        "BodyResumed", "RequestEnded",
    ]  # fmt: skip
    ended = server.the(RequestEnded)
    assert server.the(ResponseStarted).t_ns == ended.response_ns
    assert (server.the(BodyReturned).t_ns, server.the(BodyReturned).complete) == (ended.returned_ns, 0)
    assert [event.chunks for event in server.of(ChunkWriting)] == [1, 2]
    assert {event.req for event in server.of(BodyResumed)} == {ended.req}


def test_of_chunks_that_come_fast_only_some_are_recorded() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        return iter([b"x"] * 100_000)

    server = WsgiServer(app).serve()
    ended = server.the(RequestEnded)
    assert ended.chunks == 100_000
    assert len(server.of(ChunkWriting)) <= 1 + (ended.ended_ns - ended.began_ns) / wsgi.CHUNK_EVERY_NS


def test_the_drivers_number_is_read_and_external_requests_get_their_own() -> None:
    assert WsgiServer(plain, HTTP_X_WSGIVIZ_REQUEST="1000017").serve().the(RequestBegan).req == 1_000_017
    for bad in ({}, {"HTTP_X_WSGIVIZ_REQUEST": "9" * 40}, {"HTTP_X_WSGIVIZ_REQUEST": "²"}):
        assert WsgiServer(plain, **bad).serve().the(RequestBegan).req < 0


def test_a_path_has_the_bytes_that_the_client_sent() -> None:
    path = "/grün".encode().decode("latin-1")  # PEP 3333
    assert WsgiServer(plain, PATH_INFO=path).serve().the(RequestBegan).target == "GET /grün"


def test_requests_of_one_slot_follow_each_other() -> None:
    server = WsgiServer(plain).serve(accepted_ns=1).serve(accepted_ns=2)
    assert server.names == TWO * 2
    first, second = server.of(RequestBegan)
    assert first.req != second.req
    assert (first.accepted_ns, second.accepted_ns) == (1, 2)


def test_several_requests_of_one_connection_end_one_by_one() -> None:
    """As with HTTP/2: the server comes back from its connection only after the last."""
    server = WsgiServer(plain)
    server.connection.accepted_ns = server.connection.taken_ns = 1
    server.call_app()
    server.call_app()
    server.connection.release()
    assert server.names == TWO * 2
    first, second = server.of(RequestBegan)
    assert (first.accepted_ns, second.accepted_ns) == (1, 0)
    assert [event.req for event in server.of(RequestEnded)] == [first.req, second.req]


def test_a_connection_without_a_request_is_not_recorded() -> None:
    server = WsgiServer(plain)
    server.connection.taken_ns = 1
    server.connection.release()
    assert server.names == []


# --- PEP 3333


def test_write_and_exc_info_pass_through() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            raise KeyError("x")
        except KeyError:
            write = start_response("500 Oh", [("Content-Type", "text/plain")], sys.exc_info())
        write(b"written ")
        return [b"returned"]

    server = WsgiServer(app).serve()
    assert server.body == b"written returned"
    assert server.exc_info[0] is KeyError
    assert server.the(RequestEnded).status == 500


def test_an_exception_given_to_start_response_is_held_by_no_cycle() -> None:
    kept: list[weakref.ref[BaseException]] = []

    class Refused(Exception):
        """Unlike its base it can be referred to weakly."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            raise Refused
        except Refused as error:
            kept.append(weakref.ref(error))
            start_response("500 Oh", [], exc_info=sys.exc_info())
        return []

    server = WsgiServer(app)

    def refuse(status: str, headers: Any, exc_info: Any = None) -> None:
        try:
            raise exc_info[1]
        finally:
            exc_info = None

    server.start_response = refuse  # type: ignore[method-assign, assignment]
    gc.disable()
    try:
        with pytest.raises(Refused):
            server.serve()
        assert kept[0]() is None
    finally:
        gc.enable()


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
    server = WsgiServer(returning(body)).serve()
    assert (server.body, body.closes, server.the(RequestEnded).chunks) == (b"xy", 1, 2)


class Sized(Closeable):
    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"x", b"y"])


class ListOfItsOwn(list[bytes]):
    pass


@pytest.mark.parametrize("body", [Sized(), ListOfItsOwn([b"x", b"y"])])
def test_a_sized_iterable_keeps_its_length(body: Any) -> None:
    server = WsgiServer(returning(body)).serve()
    assert len(server.returned) == 2
    assert server.body == b"xy"


def test_a_file_wrapper_stays_the_servers_own_type() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"content")
        file.seek(0)

        def app(environ: dict[str, Any], start_response: Any) -> Any:
            start_response("200 OK", [])
            return environ["wsgi.file_wrapper"](file)

        server = WsgiServer(app).serve()
        assert type(server.returned) is FileWrapper
        assert server.body == b"content"
        assert file.closed
        assert server.names == TWO


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
    "app", [raises_at_call, raises_while_iterating, returning(RaisesInClose())], ids=["call", "iterate", "close"]
)
def test_an_exception_passes_untouched_and_is_recorded(app: Any) -> None:
    server = WsgiServer(app)
    with pytest.raises(LookupError):
        server.serve()
    assert server.the(RequestEnded).raised == "LookupError"
    assert server.names == TWO


@pytest.mark.parametrize("answer", [None, 7])
def test_what_is_not_iterable_is_left_to_the_server(answer: Any) -> None:
    server = WsgiServer(lambda environ, start_response: answer)
    with pytest.raises(TypeError):
        server.serve()
    assert server.returned is answer
    assert server.the(RequestEnded).raised == f"returned {type(answer).__name__}"


@pytest.mark.parametrize("status", ["fine", "-12 below", "", 7, ["200"]])
def test_a_bad_status_is_left_to_the_server(status: Any) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response(status, [])
        return []

    server = WsgiServer(app).serve()
    assert server.status is status
    assert server.the(RequestEnded).status == 0


@pytest.mark.parametrize("app", [plain, generator])
def test_the_standard_librarys_validator_sees_nothing_wrong(app: Any) -> None:
    """On both sides of the probe: a validator as its app, and one as its server."""
    server = WsgiServer(validator(app))
    checked = validator(server._app)
    environ = server.environ() | {"wsgi.input": io.BytesIO(b""), "wsgi.errors": sys.stderr, "QUERY_STRING": ""}
    body = checked(environ, lambda status, headers, exc_info=None: lambda data: None)
    assert b"".join(body) == b"ab"
    body.close()  # type: ignore[attr-defined]
    server.connection.release()
    assert server.names == TWO


# --- bodies that outlive their request


def test_a_body_that_nobody_closes_ends_with_its_connection() -> None:
    server = WsgiServer(generator)
    server.connection.taken_ns = 1
    next(iter(server.call_app()))
    server.connection.release()
    ended = server.the(RequestEnded)
    assert (ended.chunks, ended.raised) == (1, "")
    assert ended.ended_ns


def test_a_body_that_outlives_its_request_leaves_the_next_one_alone() -> None:
    server = WsgiServer(generator)
    server.connection.taken_ns = 1
    late: Any = iter(server.call_app())
    next(late)
    server.connection.release()
    server.connection.taken_ns = 2
    server.call_app()
    next(late)
    late.close()
    assert server.connection.chunks == 0
    assert server.connection.ended_ns == 0
    server.connection.release()
    assert server.names == TWO * 2
