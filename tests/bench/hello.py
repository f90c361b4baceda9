"""The least that a WSGI app can do: what is left is the server, and the probe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

BODY = [b"Hello, world\n"]
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY[0])))]


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", HEADERS)
    return BODY
