"""The WebSocket client, frame by frame: wsproto is on the server's side too, and some frames are made by hand."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import generate_accept_token

from tests.unit.probed import Recorded
from tests.unit.test_exchanges import ran
from wsgiviz.events import FirstByte, RequestFailed, ResponseReceived, WebSocketOpened, WebSocketsCounted


class Accepted:
    """A WebSocket as its server has it, after the handshake. ``heard``: what the client has sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = Connection(ConnectionType.SERVER)
        self.heard: list[Event] = []

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def send(self, *events: Event) -> None:
        for event in events:
            self.write(self._frames.send(event))

    async def hear(self, count: int) -> list[Event]:
        """The first ``count`` that the client sends, or what came before it hung up."""
        while len(self.heard) < count and (data := await self._reader.read(4096)):
            self._frames.receive_data(data)
            self.heard += self._frames.events()
        return self.heard

    async def close(self, code: int = 1000) -> None:
        """The close handshake."""
        self.send(CloseConnection(code))
        await self.hear(1_000)


Talk = Callable[[Accepted], Awaitable[None]]


def opened(talk: Talk, accept: Callable[[bytes], bytes] = generate_accept_token, **job: Any) -> Recorded:
    """What a client emits of one WebSocket with such a server."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        key = re.search(rb"\r\nSec-WebSocket-Key: (\S{24})\r\n", head)
        assert key is not None
        assert b"\r\nSec-WebSocket-Version: 13\r\n" in head
        token = accept(key[1])
        upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\n%bSec-WebSocket-Accept: %b\r\n\r\n" % (upgrade, token))
        await talk(Accepted(reader, writer))
        writer.close()

    return ran(serve, **({"requests": 1, "reuse": False, "websocket": True} | job))


def counted(recorded: Recorded) -> tuple[int, int]:
    """Messages, and pings that were answered, in the end."""
    last = recorded.of(WebSocketsCounted)[-1]
    return last.messages, last.pings_answered


def test_it_opens_speaks_and_ends_with_the_close_handshake() -> None:
    async def talk(socket: Accepted) -> None:
        assert await socket.hear(1) == [TextMessage("hello")]
        socket.send(TextMessage("hello"))
        await socket.close()
        assert socket.heard[1:] == [CloseConnection(1000, "")]

    recorded = opened(talk)
    steps = [name for name in recorded.names if name not in ("DriverSampled", "WebSocketsCounted")]
    assert steps == ["RequestSent", "Connected", "FirstByte", "WebSocketOpened", "ResponseReceived"]
    answer = recorded.the(ResponseReceived)
    assert (answer.status, answer.body_bytes) == (101, 5)
    assert recorded.the(FirstByte).t_ns <= recorded.the(WebSocketOpened).t_ns <= answer.t_ns
    assert counted(recorded) == (1, 0)


def test_pings_are_answered_those_of_the_protocol_and_those_of_the_app() -> None:
    async def talk(socket: Accepted) -> None:
        await socket.hear(1)
        socket.send(Ping(b"are you there"), TextMessage("ping"))
        _, pong, *words = await socket.hear(4)
        assert bytes(pong.payload) == b"are you there"  # type: ignore[attr-defined]
        assert words == [TextMessage("pong"), TextMessage("hello")]
        await socket.close()

    assert counted(opened(talk)) == (0, 2)


def test_what_comes_right_behind_the_handshake_is_not_lost() -> None:
    async def talk(socket: Accepted) -> None:
        socket.send(TextMessage("at once"), BytesMessage(b"\x00\xff"))
        await socket.close()

    recorded = opened(talk)
    assert counted(recorded) == (2, 0)
    assert recorded.the(ResponseReceived).body_bytes == 9


def test_a_message_in_pieces_is_one_message() -> None:
    async def talk(socket: Accepted) -> None:
        for piece in (b"\x01\x02pi", b"\x00\x01n", b"\x89\x00", b"\x80\x01g"):  # a ping frame may come in between
            socket.write(piece)
            await asyncio.sleep(0.01)
        await socket.close()

    assert counted(opened(talk)) == (0, 2), "a ping frame, and a text that says ping"


@pytest.mark.parametrize(
    ("code", "error"), [(1000, ""), (1001, "closed 1001"), (1011, "closed 1011"), (4000, "closed 4000")]
)
def test_the_code_says_whether_it_ended_well(code: int, error: str) -> None:
    async def talk(socket: Accepted) -> None:
        await socket.close(code)

    recorded = opened(talk)
    assert [event.error for event in recorded.of(RequestFailed)] == ([error] if error else [])
    assert [event.status for event in recorded.of(ResponseReceived)] == ([] if error else [101])


def test_a_close_frame_without_a_code_is_an_end_as_good_as_any() -> None:
    async def talk(socket: Accepted) -> None:
        socket.write(b"\x88\x00")
        await socket.hear(1_000)

    assert opened(talk).the(ResponseReceived).status == 101


async def just_hang_up(socket: Accepted) -> None:
    await socket.hear(1)


async def mask_as_no_server_may(socket: Accepted) -> None:
    socket.write(b"\x81\x85aaaa" + b"hello")
    await socket.hear(1_000)


async def use_a_reserved_opcode(socket: Accepted) -> None:
    socket.write(b"\x83\x00")
    await socket.hear(1_000)


async def send_what_is_no_utf_8(socket: Accepted) -> None:
    socket.write(b"\x81\x01\xff")
    await socket.hear(1_000)


@pytest.mark.parametrize(
    ("talk", "error"),
    [
        (just_hang_up, "closed"),
        (mask_as_no_server_may, "protocol"),
        (use_a_reserved_opcode, "protocol"),
        (send_what_is_no_utf_8, "protocol"),
    ],
)
def test_an_end_without_the_handshake_or_against_the_rules_is_a_failure(talk: Talk, error: str) -> None:
    recorded = opened(talk)
    assert recorded.the(RequestFailed).error == error
    assert len(recorded.of(WebSocketOpened)) == 1


def test_an_answer_to_another_key_opens_nothing() -> None:
    recorded = opened(just_hang_up, accept=lambda key: generate_accept_token(b"another"))
    assert recorded.the(RequestFailed).error == "protocol"
    assert not recorded.of(WebSocketOpened)


def test_a_server_that_refuses_is_an_answer_with_its_status() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        writer.close()

    recorded = ran(serve, requests=2, websocket=True, reuse=False)
    assert [(event.status, event.body_bytes) for event in recorded.of(ResponseReceived)] == [(400, 2)] * 2
    assert not recorded.of(WebSocketOpened)


def test_each_handshake_has_a_key_of_its_own() -> None:
    keys: list[bytes] = []

    def accept(key: bytes) -> bytes:
        keys.append(key)
        return generate_accept_token(key)

    async def talk(socket: Accepted) -> None:
        await socket.close()

    opened(talk, accept, requests=3, arrivals="burst")
    assert len(set(keys)) == len(keys) == 3


def test_a_client_whose_patience_ends_hangs_up() -> None:
    async def talk(socket: Accepted) -> None:
        await socket.hear(1_000)

    assert opened(talk, timeout_s=0.1).the(RequestFailed).error == "timeout"
