"""The wrapper that follows the steps of a request: all of them, in order, with nothing in them that is secret."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest

from tests.unit.probed import PID, Recorded, WsgiServer, generator
from wsgiviz.events import ContractStep, RequestBegan, RequestEnded
from wsgiviz.probe.asgi import AsgiProbe
from wsgiviz.probe.contract import follow_asgi, follow_wsgi, followed
from wsgiviz.probe.request_ids import HEADER_KEY, RequestIds
from wsgiviz.recorder.codec import TEXT_BYTES
from wsgiviz.recorder.contract_steps import FOLLOW_STEPS, Passed

REQ = 1_000_003


class Followed(WsgiServer):
    """Serves an app whose steps are followed, inside the wrapper that always is there."""

    def __init__(self, app: Callable[..., Any], req: str = str(REQ)) -> None:
        super().__init__(lambda environ, start_response: self._follow(environ, start_response))
        self._follow = follow_wsgi(app, self.emit)
        self._req = req

    def environ(self) -> dict[str, Any]:
        made = super().environ()
        setup_testing_defaults(made)
        return made | ({HEADER_KEY: self._req} if self._req else {}) | {"HTTP_COOKIE": "secret", "PATH_INFO": "/a b"}

    @property
    def steps(self) -> list[tuple[str, str]]:
        return [(Passed(event.step).word, event.value) for event in self.of(ContractStep)]


class Chunks:
    """An iterable with a close()."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.chunks)

    def close(self) -> None:
        self.closed += 1


CHUNKS = Chunks(b"one\n", b"x" * 30)


def in_parts(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Set-Cookie", "secret")])
    return CHUNKS


def test_each_step_of_a_wsgi_request_is_reported_with_its_value() -> None:
    server = Followed(in_parts).serve()
    shown = "REQUEST_METHOD=GET PATH_INFO=/a b SERVER_PROTOCOL=HTTP/1.0"
    rest = len(server.environ()) - 3
    assert server.steps == [
        ("call", f"{shown} + {rest} more"),
        ("start_response", "'200 OK', [('Content-Type', 'text/plain'), ('Set-Cookie', ...)]"),
        ("return", "<Chunks>"),
        ("next", ""),
        ("yield", r"b'one\n'"),
        ("next", ""),
        ("yield", f"b'{'x' * 24}'... (30 bytes)"),
        ("next", ""),
        ("stop", ""),
        ("close", ""),
        ("closed", ""),
    ]
    assert server.body == b"one\n" + b"x" * 30
    assert CHUNKS.closed == 1


def test_their_times_lie_between_the_request_s_beginning_and_its_end() -> None:
    server = Followed(in_parts).serve()
    times = [event.t_ns for event in server.of(ContractStep)]
    assert times == sorted(times)
    began, ended = server.the(RequestBegan), server.the(RequestEnded)
    assert began.t_ns <= times[0] <= times[-1] <= ended.t_ns
    assert {event.req for event in server.of(ContractStep)} == {REQ} == {began.req}


def test_nothing_secret_is_in_an_event() -> None:
    server = Followed(in_parts).serve()
    assert not any("secret" in value for _, value in server.steps)


def test_an_app_that_is_a_generator_begins_with_the_first_next() -> None:
    assert [step for step, _ in Followed(generator).serve().steps] == [
        "call", "return", "next", "start_response", "yield", "next", "yield", "next", "stop", "close", "closed",
    ]  # fmt: skip


def never_starts(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    return Chunks(b"a")


def test_an_app_may_never_call_start_response() -> None:
    assert [step for step, _ in Followed(never_starts).serve().steps] == [
        "call", "return", "next", "yield", "next", "stop", "close", "closed",
    ]  # fmt: skip


def test_a_server_may_close_before_the_last_chunk() -> None:
    server = Followed(in_parts)
    body = iter(server.call_app())
    next(body)
    body.close()  # type: ignore[attr-defined]
    assert [step for step, _ in server.steps][-3:] == ["yield", "close", "closed"]


@pytest.mark.parametrize("made", [[b"a", b"b"], (b"a", b"b")])
def test_a_list_is_handed_on_as_it_is(made: Any) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return made  # type: ignore[no-any-return]

    server = Followed(app).serve()
    assert server.returned is made
    assert server.steps[1:] == [("start_response", "'200 OK', []"), ("return", "[b'a', + 1 more]")]


def test_the_server_s_own_file_wrapper_is_handed_on_as_it_is(tmp_path: Any) -> None:
    (tmp_path / "page").write_bytes(b"page")
    opened: list[FileWrapper] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        opened.append(environ["wsgi.file_wrapper"]((tmp_path / "page").open("rb")))
        return opened[0]

    server = Followed(app).serve()
    assert server.returned is opened[0]
    assert server.steps[-1] == ("return", "<FileWrapper>")


def test_an_iterable_that_knows_its_length_still_does() -> None:
    class Sized(Chunks):
        def __len__(self) -> int:
            return len(self.chunks)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return Sized(b"a")

    server = Followed(app).serve()
    assert len(server.returned) == 1
    with pytest.raises(TypeError):
        len(Followed(in_parts).serve().returned)


def test_only_an_iterable_with_a_close_gets_it() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return iter([b"a"])

    assert [step for step, _ in Followed(app).serve().steps][-1] == "stop"


def test_write_is_a_step_and_still_writes() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])(b"written")
        return []

    server = Followed(app).serve()
    assert server.steps[2:] == [("write", "b'written'"), ("return", "[]")]
    assert server.body == b"written"


def raising(where: str) -> Callable[..., Any]:
    class Failing(Chunks):
        def __iter__(self) -> Iterator[bytes]:
            yield b"a"
            if where == "iterating":
                raise LookupError("secret")

        def close(self) -> None:
            if where == "closing":
                raise LookupError("secret")

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if where == "calling":
            raise LookupError("secret")
        start_response("200 OK", [])
        return Failing()

    return app


@pytest.mark.parametrize(("where", "before"), [("calling", "call"), ("iterating", "next"), ("closing", "close")])
def test_an_exception_passes_and_is_a_step(where: str, before: str) -> None:
    server = Followed(raising(where))
    with pytest.raises(LookupError, match="secret"):
        server.serve()
    at = server.steps.index(("raise", "LookupError"))
    assert server.steps[at - 1][0] == before


def test_start_response_is_given_exc_info_as_it_is() -> None:
    info = (LookupError, LookupError("x"), None)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("500 Oh", [], info)
        return []

    server = Followed(app).serve()
    assert server.exc_info is info
    assert server.steps[1] == ("start_response", "'500 Oh', [], exc_info")


class Hostile:
    """What fails whatever is done with it, but for being handed on."""

    def __repr__(self) -> str:
        raise AssertionError("called")

    __str__ = __len__ = __getitem__ = __repr__


@pytest.mark.parametrize(
    ("status", "headers", "shown"),
    [
        (None, None, "<NoneType>, []"),
        (Hostile(), Hostile(), "<Hostile>, []"),
        ("200 " + "é\n" * 90, [("a", "b", "c"), 5, (Hostile(), b"x")], None),
        ("200 OK", [("Content-Type", "x" * 200)], None),
        ("200 OK", [("X-" + "é" * 90, "1")] * 50, None),
    ],
)
def test_whatever_is_passed_goes_on_and_is_one_short_line_of_ascii(status: Any, headers: Any, shown: str) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response(status, headers)
        return []

    server = Followed(app).serve()
    step, value = server.steps[1]
    assert step == "start_response"
    assert value == (shown or value)
    assert value.isascii() and value.isprintable() and 5 < len(value) <= TEXT_BYTES  # noqa: PT018
    assert server.status is status


@pytest.mark.parametrize("header", ["", "x", "-5", "0"])
def test_requests_of_others_are_not_followed(header: str) -> None:
    server = Followed(in_parts, header).serve()
    assert server.steps == []
    assert server.returned is not CHUNKS  # but watched as ever


def test_it_is_there_only_where_the_launch_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    emit = Recorded().emit
    monkeypatch.delenv(FOLLOW_STEPS, raising=False)
    assert followed(in_parts, emit, speaks_asgi=False) is in_parts
    monkeypatch.setenv(FOLLOW_STEPS, "1")
    assert followed(in_parts, emit, speaks_asgi=False) is not in_parts


# --- ASGI ---------------------------------------------------------------------------------------------------------


def scope_of(req: int) -> dict[str, Any]:
    headers = [(b"cookie", b"secret"), (b"x-wsgiviz-request", str(req).encode())]
    return {"type": "http", "method": "GET", "path": "/p", "http_version": "1.1", "headers": headers}


class FollowedLoop(Recorded):
    """An ASGI server of one call of an app whose steps are followed."""

    def __init__(self, app: Any, scope: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.sent: list[Any] = []
        self._scope = scope or scope_of(REQ)
        probe = AsgiProbe(follow_asgi(app, self.emit), self.emit, RequestIds(PID), lambda port, unknown: unknown)
        self._call = probe(self._scope, self._receive, self._send)

    def serve(self) -> FollowedLoop:
        asyncio.run(self._call)
        return self

    async def _receive(self) -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def steps(self) -> list[tuple[str, str]]:
        return [(Passed(event.step).word, event.value) for event in self.of(ContractStep)]


START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"Content-Length", b"3"), (b"Set-Cookie", b"secret")],
}
BODY = {"type": "http.response.body", "body": b"one", "more_body": True}


async def answers(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(START)
    await send(BODY)
    await send({"type": "http.response.body"})


def test_each_step_of_an_asgi_request_is_reported_with_its_value() -> None:
    server = FollowedLoop(answers).serve()
    assert server.steps == [
        ("call", "type=http method=GET path=/p http_version=1.1 + 1 more"),
        ("receive", ""),
        ("received", "http.request body=b'' more_body=False"),
        ("send", "http.response.start status=200 content-length=3 set-cookie=..."),
        ("send", "http.response.body body=b'one' more_body=True"),
        ("send", "http.response.body body=b'' more_body=False"),
        ("return", "None"),
    ]
    assert server.sent[:2] == [START, BODY]
    assert server.sent[0] is START
    assert {event.req for event in server.of(ContractStep)} == {REQ}


@pytest.mark.parametrize(("message", "shown"), [(5, "?"), ({}, "?"), ({"type": Hostile()}, "<Hostile>")])
def test_a_message_that_is_none_is_for_the_server_to_refuse(message: Any, shown: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(message)

    server = FollowedLoop(app)
    with contextlib.suppress(TypeError, KeyError, AssertionError):  # of the wrapper round it, or of the server
        server.serve()
    assert server.steps[1] == ("send", shown)


def test_a_coroutine_that_raises_is_a_step() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("secret")

    server = FollowedLoop(app)
    with pytest.raises(LookupError):
        server.serve()
    assert server.steps[-1] == ("raise", "LookupError")


@pytest.mark.parametrize("scope", [scope_of(-1), {"type": "lifespan"}], ids=["of others", "lifespan"])
def test_what_is_no_request_of_the_driver_is_not_followed(scope: dict[str, Any]) -> None:
    called: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        called.append(scope["type"])
        await send({"type": "http.response.start", "status": 200})

    assert FollowedLoop(app, scope).serve().steps == []
    assert called == [scope["type"]]
