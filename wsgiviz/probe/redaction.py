"""``wsgiviz exec --redact``: what requests are about is not recorded, since paths may hold secrets.

A request is then its method, and a placeholder for its path. Query strings, headers, bodies and the messages of
exceptions are never recorded (an exception is the name of its class). Nor are addresses of clients recorded here.
"""

from __future__ import annotations

import os

REDACTS = os.environ.get("WSGIVIZ_REDACT") == "1"

PLACEHOLDER = b"[redacted]"

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "WS"})
"""RFC 9110's and RFC 5789's, and what a WebSocket has in its place: a client may send any other word."""


def without_path(method: object) -> bytes:
    """ "GET [redacted]"."""
    known = method if isinstance(method, str) and method in METHODS else "OTHER"
    return known.encode() + b" " + PLACEHOLDER
