"""What lasts in a slot is emitted while it lasts, each thing once."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from time import monotonic_ns
from typing import Any

import pytest

from tests.unit.probed import Recorded, WsgiServer, generator, plain
from wsgiviz.events import (
    AcceptorClosing,
    BodyResumed,
    BodyReturned,
    ChunkWriting,
    ClientSeen,
    ConnectionAccepted,
    ConnectionClosing,
    LineSeen,
    NestedLoopSeen,
    RequestEnded,
    ResponseStarted,
)
from wsgiviz.probe.client import address_of, received_bytes
from wsgiviz.probe.connection import Connection, Held
from wsgiviz.probe.line_sampler import LineEmitter
from wsgiviz.probe.slot_sampler import CLIENT_AFTER_NS, SlotSampler
from wsgiviz.probe.source_lines import SourceLines
from wsgiviz.probe.threads import AcceptorSampler


class SampledServer(WsgiServer):
    """A server whose slot is sampled when a test says so."""

    def __init__(self, app: Callable[..., Any]) -> None:
        super().__init__(app)
        lines = LineEmitter(self.emit, SourceLines("tests"))
        self.sampler = SlotSampler(self.emit, lines, {threading.get_ident(): self.connection})

    def sample(self, times: int = 2) -> None:
        """So many samples: what was there at the one before lasts."""
        for _ in range(times):
            self.sampler.sample()

    def take(self, taken_ns: int = 5) -> None:
        self.connection.accepted_ns = self.connection.taken_ns = taken_ns


@pytest.fixture(name="server")
def _server() -> SampledServer:
    return SampledServer(plain)


def test_an_idle_slot_has_nothing_to_emit(server: SampledServer) -> None:
    server.sample(3)
    assert server.names == []


def test_a_request_that_is_slow_in_coming_is_recorded_once(server: SampledServer) -> None:
    server.take(42)
    server.sample(4)
    assert server.the(ConnectionAccepted).t_ns == 42


def test_what_is_new_in_each_sample_is_not_recorded(server: SampledServer) -> None:
    for at in range(1, 5):
        server.take(at)
        server.sample(1)
        server.connection.release()
    assert server.names == []


def test_a_connection_that_brought_no_request_has_its_end_recorded(server: SampledServer) -> None:
    server.take()
    server.sample()
    server.connection.release()
    assert server.names == ["ConnectionAccepted", "RequestEnded"]
    assert server.the(RequestEnded).req == 0
    server.take()
    server.connection.release()
    assert len(server.events) == 2


def test_a_connection_that_goes_while_it_is_recorded_has_its_end_recorded_after_it(server: SampledServer) -> None:
    class Busy:
        """The serving thread is through with the connection just before its record is written."""

        def connection_accepted(_, *values: int) -> None:  # noqa: N805
            server.connection.release()
            server.emit.connection_accepted(*values)

    server.take()
    server.sample(1)
    server.sampler._emit = Busy()  # type: ignore[assignment]
    server.sample(1)
    assert server.names[-2:] == ["ConnectionAccepted", "RequestEnded"]
    assert {event.req for event in server.of(RequestEnded)} == {0}


def test_how_far_a_request_has_come_is_recorded_once(server: SampledServer) -> None:
    server.take()
    server.call_app()
    server.sample(4)
    server.connection.release()
    assert server.names == ["RequestBegan", "ResponseStarted", "BodyReturned", "RequestEnded"]
    ended, response, returned = server.the(RequestEnded), server.the(ResponseStarted), server.the(BodyReturned)
    assert (response.t_ns, response.status, response.req) == (ended.response_ns, 200, ended.req)
    assert (returned.t_ns, returned.complete, returned.cpu_ns) == (ended.returned_ns, 1, ended.cpu_ns)


def close_graceful(server: SampledServer) -> None:
    """Named as gunicorn's own, which waits for the client to hang up."""
    server.sample(3)


def test_a_client_that_does_not_hang_up_is_recorded(server: SampledServer) -> None:
    server.take()
    server.call_app()
    close_graceful(server)
    server.connection.release()
    assert server.names[-3:] == ["BodyReturned", "ConnectionClosing", "RequestEnded"]
    closing, ended = server.the(ConnectionClosing), server.the(RequestEnded)
    assert (closing.req, closing.ended_ns) == (ended.req, ended.ended_ns)
    assert ended.ended_ns <= closing.t_ns <= ended.t_ns


def test_a_client_that_does_not_hang_up_after_no_request_is_recorded(server: SampledServer) -> None:
    server.take()
    close_graceful(server)
    server.connection.release()
    assert server.names == ["ConnectionClosing", "RequestEnded"]
    assert {server.the(ConnectionClosing).req, server.the(RequestEnded).req} == {0}


def test_an_app_with_a_function_of_that_name_is_not_taken_for_it() -> None:
    server: SampledServer = in_app(lambda: close_graceful(server))
    server.serve()
    assert server.of(ConnectionClosing) == []
    assert server.of(LineSeen)


def test_a_chunk_that_is_written_for_long_is_recorded_and_so_is_its_end() -> None:
    server = SampledServer(generator)
    server.take()
    body: Any = iter(server.call_app())
    next(body)
    server.sample(4)
    assert server.the(ChunkWriting).t_ns == server.connection.writing_ns
    assert server.of(BodyResumed) == []
    next(body)
    assert server.the(BodyResumed).req == server.the(ChunkWriting).req


def test_a_request_that_changes_under_the_samplers_eyes_is_left_out(server: SampledServer) -> None:
    class Hasty(Connection):
        """Its thread is through with the request as soon as a viewer is attached."""

        __slots__ = ()

        def held(self) -> Held:
            held = super().held()
            self.release()
            return held

    server.connection.__class__ = Hasty
    server.take()
    server.call_app()
    server.sample(2)
    assert server.names == ["RequestBegan", "RequestEnded"]


# --- lines


def in_app(look: Callable[[], None]) -> SampledServer:
    """A server whose app calls ``look``."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        look()
        start_response("200 OK", [])
        return []

    return SampledServer(app)


HERE = "test_probe_slot_sampler.py|sample|self.sampler.sample"
"""Where each sample is taken: the innermost line that is no part of wsgiviz, and so for it the app's own."""


def test_the_line_of_a_request_that_lasts_is_recorded_once() -> None:
    server: SampledServer = in_app(lambda: server.sample(4))
    server.serve()
    seen = server.the(LineSeen)
    assert seen.req == server.the(RequestEnded).req
    assert seen.where.endswith(HERE)
    assert seen.line > SampledServer.sample.__code__.co_firstlineno


def test_a_request_that_is_seen_once_has_no_line() -> None:
    server: SampledServer = in_app(lambda: server.sample(1))
    server.serve()
    assert server.names == ["RequestBegan", "RequestEnded"]


def test_a_loop_inside_a_request_is_recorded_once() -> None:
    async def sample() -> None:
        server.sample(4)

    server: SampledServer = in_app(lambda: asyncio.run(sample()))
    server.serve()
    assert server.the(NestedLoopSeen).where.endswith(HERE)


def test_no_line_is_looked_for_when_the_app_is_through() -> None:
    server = SampledServer(generator)
    server.take()
    body: Any = server.call_app()
    body.close()
    server.sample(3)
    server.connection.release()
    assert server.of(LineSeen) == []


# --- clients -----------------------------------------------------------------------------------------------------


@pytest.fixture(name="pair")
def _pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client's end and the server's of a connection over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        with client, server:
            yield client, server


def test_who_keeps_a_slot_reading_and_how_much_it_has_sent(
    server: SampledServer, pair: tuple[socket.socket, socket.socket]
) -> None:
    client, accepted = pair
    server.connection.sock = accepted
    server.take(monotonic_ns() - CLIENT_AFTER_NS)
    server.sample(4)
    found = server.the(ClientSeen)
    host, port = client.getsockname()
    assert found.address == f"{host}:{port}"
    assert found.received == (0 if sys.platform == "linux" else -1)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel says so on Linux only")
def test_bytes_that_nobody_has_read_have_been_sent(pair: tuple[socket.socket, socket.socket]) -> None:
    client, accepted = pair
    assert received_bytes(accepted) == 0
    client.sendall(b"GET / H")
    assert accepted.recv(1, socket.MSG_PEEK)
    assert received_bytes(accepted) == 7


def test_a_client_of_a_moment_ago_is_not_looked_at(server: SampledServer) -> None:
    server.take(monotonic_ns())
    server.sample(2)
    assert "ClientSeen" not in server.names


def test_a_socket_that_is_closed_or_none_is_not_known() -> None:
    closed = socket.socket()
    closed.close()
    for sock in (closed, None, object()):
        assert (received_bytes(sock), address_of(sock)) == (-1, b"")


def test_an_accepting_thread_that_waits_for_a_client_to_hang_up() -> None:
    recorded, inside, leave = Recorded(), threading.Event(), threading.Event()

    def close_graceful() -> None:
        inside.set()
        leave.wait(10)

    thread = threading.Thread(target=close_graceful)
    thread.start()
    try:
        assert inside.wait(10)
        sampler = AcceptorSampler(recorded.emit, thread.ident or 0)
        sampler.sample(sys._current_frames())
        assert recorded.names == [], "it may last no longer than a moment"
        for _ in range(3):
            sampler.sample(sys._current_frames())
        assert [event.closing for event in recorded.events if isinstance(event, AcceptorClosing)] == [1]
    finally:
        leave.set()
        thread.join()
    for _ in range(3):
        sampler.sample(sys._current_frames())
    assert [event.closing for event in recorded.events if isinstance(event, AcceptorClosing)] == [1, 0]


def test_the_frames_of_all_threads_are_read_once_for_both_samplers(monkeypatch: pytest.MonkeyPatch) -> None:
    server, looks = SampledServer(plain), []
    read = sys._current_frames

    def counting() -> Any:
        looks.append(read())
        return looks[-1]

    seen: list[Any] = []
    sampler = SlotSampler(
        server.emit,
        LineEmitter(server.emit, SourceLines("tests")),
        {threading.get_ident(): server.connection},
        seen.append,
    )
    monkeypatch.setattr(sys, "_current_frames", counting)
    server.take()
    sampler.sample()
    sampler.sample()
    assert len(looks) == 2, "once each time, with a connection that lasts"
    assert seen == looks
