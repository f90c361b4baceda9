"""A request that is built once, by httpx, and sent many times, each time with its own number.

Building and sending one with httpx takes a tenth of a millisecond each time, which the measurement would show as the
servers' time. What is the same for all is therefore built once.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from wsgiviz.asking import schedule
from wsgiviz.load.lean_httpx import httpx
from wsgiviz.load.plan import Job, Target
from wsgiviz.recorder.codec import REQUEST_HEADER


class Prepared:
    """``request`` as it goes over the wire. Its headers are httpx's own, and REQUEST_HEADER is the last of them."""

    __slots__ = ("_after", "_before", "address")

    def __init__(self, request: httpx.Request) -> None:
        head = [request.method.encode() + b" " + request.url.raw_path + b" HTTP/1.1"]
        head += [name + b": " + value for name, value in request.headers.raw]
        self._before = b"\r\n".join([*head, REQUEST_HEADER.encode() + b": "])
        self._after = b"\r\n\r\n" + request.read()
        self.address = request.url.host, request.url.port or 80

    def numbered(self, req: int) -> bytes:
        """The bytes of the request with this number."""
        return b"%b%d%b" % (self._before, req, self._after)

    def handshake(self, req: int, key: bytes) -> bytes:
        """The bytes of the WebSocket handshake with this number; ``key`` is another one each time (RFC 6455, 4.1)."""
        return b"%b%d\r\nSec-WebSocket-Key: %b%b" % (self._before, req, key, self._after)


def prepared(job: Job, target: Target, http: httpx.AsyncClient) -> tuple[Prepared, ...]:
    """What to send to ``target``, in turn: one round of the job's paths, by their weights. Raises OSError."""
    body = Path(job.body_file).read_bytes() if job.body_file else None
    headers = [*job.headers, *connection_headers(job)]
    urls = [_with_path(target.url, path) for _, path in job.paths] or [target.url]
    each = [Prepared(http.build_request(job.method, url, headers=headers, content=body)) for url in urls]
    return tuple(each[at] for at in schedule(tuple(weight for weight, _ in job.paths) or (1,)))


def connection_headers(job: Job) -> tuple[tuple[str, str], ...]:
    """What the client wants of the connection."""
    if job.websocket:
        return ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")
    return (("Connection", "keep-alive" if job.reuse else "close"),)


def _with_path(url: str, path: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{path}"
