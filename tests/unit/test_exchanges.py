"""One request and its answer, state by state, over a connection that is kept or new: a server of a few lines on the
same loop says what it likes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.unit.probed import Recorded
from wsgiviz.events import (
    RUN_STRIDE,
    Connected,
    ConnectionClosed,
    ConnectionReused,
    RequestFailed,
    RequestSent,
    ResponseReceived,
)
from wsgiviz.load.own_cpu import OwnCpu
from wsgiviz.load.plan import Job, Target
from wsgiviz.load.side_load import SideLoad

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
DEADLINE_S = 10.0


def ran(serve: Serve, **job: Any) -> Recorded:
    """What a run against such a server emits. Its users keep their connections."""
    recorded = Recorded()
    served: list[asyncio.Future[None]] = []

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.ensure_future(serve(reader, writer)))
        await asyncio.wait(served[-1:])
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def run() -> None:
        server = await asyncio.start_server(one, "127.0.0.1", 0)
        target = Target("wsgi", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        fields: dict[str, Any] = {
            "requests": 3,
            "arrivals": "closed",
            "concurrency": 1,
            "timeout_s": 5.0,
            "reuse": True,
        }
        async with asyncio.timeout(DEADLINE_S), httpx.AsyncClient(trust_env=False) as http:
            load = SideLoad(Job(1, (target,), **(fields | job)), target, 0, recorded.emit, http, OwnCpu())
            await load.run()
            server.close()
            await asyncio.gather(*served)  # what it finds wrong with its client is raised here
            await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    asyncio.run(run())
    return recorded


def answering(*answers: bytes, then_close: bool = False) -> Serve:
    """Each connection gets these answers in turn, the last of them again and again."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at = 0
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(answers[min(at, len(answers) - 1)])
                at += 1
                if at >= len(answers) and then_close:
                    return
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()

    return serve


def numbers(events: list[Any]) -> list[int]:
    return [event.req % RUN_STRIDE for event in events]


def closings(recorded: Recorded) -> list[tuple[int, int]]:
    """How many answers each connection has brought, and whether the server ended it."""
    return [(event.answered, event.by_server) for event in recorded.of(ConnectionClosed)]


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n",
    ],
    ids=["length", "chunked", "no content", "not found", "1.0"],
)
def test_a_users_requests_go_over_one_connection(answer: bytes) -> None:
    recorded = ran(answering(answer))
    first = recorded.the(Connected)
    assert [event.req % RUN_STRIDE for event in recorded.of(ConnectionReused)] == [2, 3]
    assert {(event.port, event.connected_ns) for event in recorded.of(ConnectionReused)} == {(first.port, first.t_ns)}
    assert len(recorded.of(ResponseReceived)) == 3
    assert closings(recorded) == [(3, 0)]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: foo, Close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK + b"HTTP/1.1 ",  # more than it was asked for: whose answer would that be?
    ],
    ids=["close", "among others", "1.0", "more"],
)
def test_a_server_that_does_not_keep_it_gets_a_new_one_each_time(answer: bytes) -> None:
    recorded = ran(answering(answer))
    assert numbers(recorded.of(Connected)) == [1, 2, 3]
    assert not recorded.of(ConnectionReused)
    assert closings(recorded) == [(1, 1)] * 3


def test_an_answer_that_lasts_until_the_connection_ends_is_the_last_one_over_it() -> None:
    recorded = ran(answering(b"HTTP/1.1 200 OK\r\n\r\nuntil the end", then_close=True))
    assert numbers(recorded.of(Connected)) == [1, 2, 3]
    assert closings(recorded) == [(1, 1)] * 3


def test_a_connection_that_ends_with_the_next_request_on_its_way_is_made_anew() -> None:
    """The server says that it keeps it, and closes it nevertheless: nobody has seen that request."""
    recorded = ran(answering(OK, then_close=True))
    assert [event.status for event in recorded.of(ResponseReceived)] == [200, 200, 200]
    assert not recorded.of(RequestFailed)
    assert numbers(recorded.of(RequestSent)) == [1, 2, 3], "each is sent once, as far as its user knows"
    assert numbers(recorded.of(Connected)) == [1, 2, 3]
    assert closings(recorded)[:2] == [(1, 1), (1, 1)]


def test_a_post_is_not_sent_again_since_it_may_have_been_carried_out() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")  # the second is read, and perhaps carried out
        writer.close()

    recorded = ran(serve, method="POST", requests=2)
    assert [(event.req % RUN_STRIDE, event.error) for event in recorded.of(RequestFailed)] == [(2, "closed")]
    assert len(recorded.of(Connected)) == 1
    assert closings(recorded) == [(1, 1)]


def test_a_new_connection_that_ends_without_an_answer_is_a_failure() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    recorded = ran(serve)
    assert [event.error for event in recorded.of(RequestFailed)] == ["closed"] * 3
    assert closings(recorded) == [(0, 1)] * 3


def test_a_request_that_is_given_up_takes_its_connection_along() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.read()
        writer.close()

    recorded = ran(serve, requests=2, timeout_s=0.1)
    assert [event.error for event in recorded.of(RequestFailed)] == ["timeout"]
    assert closings(recorded) == [(1, 0)]


def test_a_user_who_pauses_asks_again_that_much_later_and_not_before() -> None:
    recorded = ran(answering(OK), pause_s=0.05)
    sent, received = recorded.of(RequestSent), recorded.of(ResponseReceived)
    for answer, following in zip(received, sent[1:], strict=False):
        assert following.planned_ns - answer.t_ns >= 50_000_000
        assert following.t_ns >= following.planned_ns
    assert len(recorded.of(Connected)) == 1


def test_a_connection_that_ends_while_its_user_pauses_is_known_to_have_ended_then() -> None:
    recorded = ran(answering(OK, then_close=True), pause_s=0.05, requests=2)
    [first, _] = recorded.of(ConnectionClosed)
    second = recorded.of(RequestSent)[1]
    assert (first.answered, first.by_server) == (1, 1)
    assert first.t_ns < second.t_ns
    assert not recorded.of(ConnectionReused)


def test_who_does_not_keep_connections_says_so_and_is_not_counted() -> None:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        writer.close()

    recorded = ran(serve, reuse=False)
    assert len(recorded.of(Connected)) == 3
    assert not recorded.of(ConnectionClosed)
    assert all(b"\r\nConnection: close\r\n" in head for head in heads)
