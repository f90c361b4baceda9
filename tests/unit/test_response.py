"""The driver's response parser: where a response ends, however it is framed and cut (RFC 9112)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgiviz.load.response import LOCATION_BYTES, MOST_HEAD_BYTES, BadResponse, ResponseParser

Result = tuple[int, int, bool]

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-LENGTH:  5 \r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
    b'5;name="a;b"\r\nhello\r\n00A ; x=y\r\n0123456789\r\n1\r\n!\r\n0;last\r\nTrailer: x\r\nOther: y\r\n\r\n'
)
CLOSE = b"HTTP/1.0 404 Not Found\r\nServer: x\r\n\r\nuntil the end\r\n\r\n0\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\n\r\n"

BOTH = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"

WHOLE: dict[bytes, Result] = {
    LENGTH: (200, 5, True),
    CHUNKED: (200, 16, True),
    CLOSE: (404, 22, False),
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\nhello": (500, 5, True),
    INTERIM + LENGTH: (200, 5, True),
    INTERIM + CHUNKED: (200, 16, True),
    b"HTTP/1.1 204 No Content\r\n\r\n": (204, 0, True),
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n": (304, 0, True),
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n": (101, 0, True),
    b"HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n": (500, 0, True),
    BOTH: (200, 2, True),
}

NO_RESPONSE = [
    b"\r\n\r\n",
    b"SSH-2.0-OpenSSH_9\r\n\r\n",
    b"HTTP/2 200\r\n\r\n",
    b"HTTP/1.1\r\n\r\n",
    b"HTTP/1.1 OK\r\n\r\n",
    b"HTTP/1.1 20\r\n\r\n",
    b"HTTP/1.1 000 Nothing\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\n\r\n",
    b"HTTP/1.1 -20 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    CHUNKED.replace(b"00A", b"0xA"),
    CHUNKED.replace(b"00A", b"-1"),
    CHUNKED.replace(b"00A", b""),
    CHUNKED.replace(b"00A", b"1" * 16),
    CHUNKED.replace(b"hello", b"hello!!"),
]


def parsed(*pieces: bytes) -> ResponseParser:
    parser = ResponseParser()
    for piece in pieces:
        parser.feed(piece)
    return parser


def result(parser: ResponseParser) -> Result:
    return parser.status, parser.body_bytes, parser.done


@pytest.mark.parametrize("response", WHOLE, ids=range(len(WHOLE)))
def test_a_response_in_one_piece_and_byte_by_byte(response: bytes) -> None:
    assert result(parsed(response)) == WHOLE[response]
    assert result(parsed(*(bytes([byte]) for byte in response))) == WHOLE[response]


@given(st.sampled_from(list(WHOLE)), st.lists(st.integers(0, 200), max_size=6))
def test_it_does_not_matter_where_a_response_is_split(response: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(response)) for cut in cuts), len(response)]
    pieces = [response[begin:end] for begin, end in zip(edges, edges[1:], strict=False)]
    assert result(parsed(*pieces)) == WHOLE[response]


@pytest.mark.parametrize("response", WHOLE, ids=range(len(WHOLE)))
def test_it_is_done_with_its_last_byte_and_not_before(response: bytes) -> None:
    *_, done = WHOLE[response]
    for cut in range(len(response)):
        parser = parsed(response[:cut])
        assert not parser.done
        if done or parser.status == 0:
            with pytest.raises(BadResponse):
                parser.end()


@pytest.mark.parametrize("response", WHOLE, ids=range(len(WHOLE)))
def test_the_end_of_the_connection_completes_what_can_end_by_it(response: bytes) -> None:
    parser = parsed(response)
    parser.end()
    assert parser.done
    assert parser.body_bytes == WHOLE[response][1]


@pytest.mark.parametrize("response", NO_RESPONSE, ids=range(len(NO_RESPONSE)))
def test_what_is_no_response_is_refused(response: bytes) -> None:
    with pytest.raises(BadResponse):
        parsed(response)
    with pytest.raises(BadResponse):
        parsed(*(bytes([byte]) for byte in response))


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.binary(max_size=3))
def test_chunks_of_any_sizes_add_up(sizes: list[int], junk: bytes) -> None:
    sizes = [size for size in sizes if size]  # a chunk of size zero is the last
    body = b"".join(b"%x\r\n%b\r\n" % (size, b"\r" * size) for size in sizes)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert result(parsed(head, body, b"0\r\n\r\n", junk)) == (200, sum(sizes), True)


FRAGMENTS = st.sampled_from(
    [
        *WHOLE,
        b"HTTP/1.1 200 OK\r\n",
        b"\r\n",
        b"Content-Length: 7\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"7\r\n",
    ]
)


@given(st.lists(st.one_of(FRAGMENTS, st.binary(max_size=12)), max_size=8))
def test_any_bytes_are_a_response_or_refused(pieces: list[bytes]) -> None:
    parser = ResponseParser()
    with contextlib.suppress(BadResponse):
        for piece in pieces:
            parser.feed(piece)
        parser.end()
    assert 0 <= parser.body_bytes <= sum(map(len, pieces))
    assert parser.status == 0 or 100 <= parser.status <= 999


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
    ],
)
def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(start: bytes) -> None:
    parser = parsed(start)
    line = start.rpartition(b"\r\n")[2] if b"\r\n\r\n" in start else start
    parser.feed(b"0" * (MOST_HEAD_BYTES - len(line)))
    with pytest.raises(BadResponse):
        parser.feed(b"0")


@pytest.mark.parametrize(
    ("start", "endless"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 4096),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", b"x" * 4096),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"ffa\r\n" + b"x" * 0xFFA + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"Trailer: x\r\n" * 300),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100),
        (LENGTH, b"x" * 4096),
        (CHUNKED, b"x" * 4096),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"x" * 4096),
    ],
)
def test_what_has_been_counted_is_not_kept(start: bytes, endless: bytes) -> None:
    parser = parsed(start)
    for _ in range(100):
        parser.feed(endless)
        assert len(parser._buffer) <= 4096


@pytest.mark.parametrize(
    ("head", "location"),
    [
        (b"HTTP/1.1 302 Found\r\nLOCATION:  /admin/login/?next=/admin/ \r\n", b"/admin/login/"),
        (b"HTTP/1.1 301 Moved\r\nLocation: https://example.org/a#b\r\n", b"https://example.org/a"),
        (b"HTTP/1.1 307 Temporary Redirect\r\n", b""),
        (b"HTTP/1.1 201 Created\r\nLocation: /new/1\r\n", b""),
        (b"HTTP/1.1 302 Found\r\nLocation: /" + b"x" * 5000 + b"\r\n", b"/" + b"x" * (LOCATION_BYTES - 1)),
        (b"HTTP/1.1 302 Found\r\nLocation: \x1b[2J\xff\r\n", b"\x1b[2J\xff"),
    ],
)
def test_where_a_redirect_leads_without_its_query(head: bytes, location: bytes) -> None:
    assert parsed(head + b"Content-Length: 0\r\n\r\n").location == location


@pytest.mark.parametrize(
    "response", [LENGTH.partition(b"hello")[0], CHUNKED.partition(b"5;")[0]], ids=["length", "chunked"]
)
def test_the_response_to_head_ends_with_its_head(response: bytes) -> None:
    parser = ResponseParser(bodiless=True)
    parser.feed(response)
    assert (parser.status, parser.body_bytes, parser.done, parser.keeps) == (200, 0, True, True)


@pytest.mark.parametrize(
    ("response", "keeps"),
    [
        (LENGTH, True),
        (CHUNKED, True),
        (LENGTH + b"H", False),
        (LENGTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), False),
        (LENGTH.replace(b"\r\n\r\n", b"\r\nConnection: Keep-Alive, Close\r\n\r\n"), False),
        (LENGTH.replace(b"1.1", b"1.0"), False),
        (LENGTH.replace(b"1.1", b"1.0").replace(b"\r\n\r\n", b"\r\nConnection: Keep-Alive\r\n\r\n"), True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", False),
        (LENGTH[:-1], False),
    ],
)
def test_what_a_connection_can_carry_another_request_after(response: bytes, keeps: bool) -> None:
    parser = ResponseParser()
    parser.feed(response)
    assert parser.keeps is keeps


def test_the_rest_behind_a_response_is_kept_for_who_speaks_another_protocol_then() -> None:
    parser = ResponseParser()
    parser.feed(b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: abc= \r\n\r\n\x81\x02hi")
    assert (parser.done, parser.header(b"sec-websocket-accept"), parser.rest) == (True, b"abc=", b"\x81\x02hi")
