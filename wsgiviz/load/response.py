"""An incremental parser of HTTP/1.1 responses (RFC 9112): it keeps status and Location, and counts the body.

Ours, since its cost is part of what the driver measures: a general parser takes several times as long.
"""

from __future__ import annotations

import re

MOST_HEAD_BYTES = 64 * 1024
HEAD_END = re.compile(rb"\r?\n\r?\n")
"""A lone LF may end a line (RFC 9112, 2.2). gunicorn's own error page has one, under Python 3.14."""

LOCATION_BYTES = 76
NO_BODY = frozenset({204, 304})


class BadResponse(ValueError):
    """What came is not an HTTP/1.1 response."""


class ResponseParser:
    """Feed it what arrives. ``done`` once the response is complete; ``body_bytes`` counts the body; ``location`` is
    where a redirect leads, without its query, which may differ each time: the first LOCATION_BYTES of it."""

    __slots__ = (
        "_bodiless", "_buffer", "_chunked", "_left", "_lines", "_state", "body_bytes", "done", "location", "status",
    )  # fmt: skip

    def __init__(self, bodiless: bool = False) -> None:
        """``bodiless``: of a request with HEAD, whose response says how long a body would be, and has none."""
        self._bodiless = bodiless
        self.status = 0
        self.body_bytes = 0
        self.location = b""
        self.done = False
        self._buffer = b""
        self._lines: list[bytes] = []  # the head: most of what it says nobody asks for
        self._left = -1  # bytes left of the body or chunk; -1: until the connection ends
        self._chunked = False
        self._state = self._head

    @property
    def body_left(self) -> int | None:
        """Bytes of the body that are still to come; None when that is not known (yet)."""
        return self._left if self.status and self._left >= 0 and not self._chunked else None

    @property
    def rest(self) -> bytes:
        """What has come behind the response."""
        return self._buffer if self.done else b""

    @property
    def keeps(self) -> bool:
        """The connection can carry another request: the response is whole, says nothing else, and nothing follows."""
        delimited = self._chunked or self._left >= 0 or self._bodiless or self.status in NO_BODY
        if not (self.done and delimited) or self._buffer:
            return False
        options = self.header(b"connection").lower()
        if b"close" in options:
            return False
        return not self._lines[0].startswith(b"HTTP/1.0") or b"keep-alive" in options

    def header(self, name: bytes) -> bytes:
        """The values of the headers with that name, which is in lower case, joined by commas; b"" for none."""
        pairs = (line.partition(b":") for line in self._lines[1:])
        return b",".join(value.strip() for found, _, value in pairs if found.lower() == name)

    def feed(self, data: bytes) -> None:
        """Take what arrived; what comes after the response is no part of it (`rest`). Raises BadResponse."""
        if self.done:
            return
        self._buffer = self._buffer + data if self._buffer else data
        while self._buffer and not self.done and self._state():
            pass

    def end(self) -> None:
        """The connection ended. Raises BadResponse when the response is not complete by that."""
        if not self.done and (self.status == 0 or self._chunked or self._left >= 0):
            raise BadResponse("the connection ended inside the response")
        self.done = True

    def _head(self) -> bool:
        end = HEAD_END.search(self._buffer)
        if end is None:
            if len(self._buffer) > MOST_HEAD_BYTES:
                raise BadResponse("the head has no end")
            return False
        lines = self._buffer[: end.start()].replace(b"\r\n", b"\n").split(b"\n")
        self._buffer = self._buffer[end.end() :]
        status = _status(lines[0])
        if 100 <= status < 200 and status != 101:
            return True  # an interim response: the real one follows
        self.status = status
        self._lines = lines
        self._framing(lines[1:])
        return True

    def _framing(self, lines: list[bytes]) -> None:
        for line in lines:
            name, colon, value = line.partition(b":")
            if not colon:
                raise BadResponse("a header line without a colon")
            lowered = name.lower()
            if lowered == b"content-length":
                self._left = _number(value.strip(), 10)
            elif lowered == b"transfer-encoding":
                self._chunked = value.strip().lower().endswith(b"chunked")
            elif lowered == b"location" and 300 <= self.status < 400:
                self.location = value.strip().partition(b"?")[0].partition(b"#")[0][:LOCATION_BYTES]
        if self._bodiless or self.status in NO_BODY or self.status == 101:
            self.done = True
        elif self._chunked:
            self._state = self._chunk_size
        else:
            self._state = self._body
            self.done = self._left == 0

    def _body(self) -> bool:
        got = len(self._buffer) if self._left < 0 else min(self._left, len(self._buffer))
        self.body_bytes += got
        self._buffer = self._buffer[got:]
        if self._left >= 0:
            self._left -= got
            self.done = self._left == 0
        return False

    def _chunk_size(self) -> bool:
        line, end, rest = self._buffer.partition(b"\r\n")
        if not end:
            return self._short_line()
        self._left = _number(line.partition(b";")[0].strip(), 16)
        self._buffer = rest
        self._state = self._chunk if self._left else self._trailer
        return True

    def _chunk(self) -> bool:
        got = min(self._left, len(self._buffer))
        self.body_bytes += got
        self._left -= got
        self._buffer = self._buffer[got:]
        if self._left == 0:
            self._state = self._chunk_end
        return bool(self._buffer)

    def _chunk_end(self) -> bool:
        if len(self._buffer) < 2:
            return False
        if not self._buffer.startswith(b"\r\n"):
            raise BadResponse("a chunk longer than its size")
        self._buffer = self._buffer[2:]
        self._state = self._chunk_size
        return True

    def _trailer(self) -> bool:
        line, end, rest = self._buffer.partition(b"\r\n")
        if not end:
            return self._short_line()
        self._buffer = rest
        self.done = not line
        return True

    def _short_line(self) -> bool:
        if len(self._buffer) > MOST_HEAD_BYTES:
            raise BadResponse("a line without an end")
        return False


def _status(line: bytes) -> int:
    """Its status of three digits, whatever it is. The reason may be missing, and the blank before it."""
    version, _, rest = line.partition(b" ")
    digits = rest.partition(b" ")[0]
    if not version.startswith(b"HTTP/1.") or len(digits) != 3 or not digits.isdigit() or digits < b"100":
        raise BadResponse("no status line")
    return int(digits)


def _number(text: bytes, base: int) -> int:
    allowed = b"0123456789abcdefABCDEF" if base == 16 else b"0123456789"
    if not text or len(text) > 15 or text.strip(allowed):
        raise BadResponse("a length that is no number")
    return int(text, base)
