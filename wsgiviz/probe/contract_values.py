"""What is passed between server and app, in words of an event: as Python writes it, in ASCII, and cut short.

Requests and responses hold secrets. So of environ and scope only a few keys are shown, of headers only the names,
but for what says how the body is to be read, and of a body its beginning. No method of a value is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wsgiviz.recorder.codec import TEXT_BYTES

ENVIRON_SHOWN = ("REQUEST_METHOD", "PATH_INFO", "SERVER_PROTOCOL")
SCOPE_SHOWN = ("type", "method", "path", "http_version")
HEADERS_SHOWN = frozenset({"content-type", "content-length"})
BODY_BYTES = 24
"""So much of a chunk is shown, and of any other text."""

MOST_HEADERS = 8


def environ_words(environ: Mapping[str, Any]) -> str:
    """ "REQUEST_METHOD=GET PATH_INFO=/ SERVER_PROTOCOL=HTTP/1.1 + 21 more"."""
    return _some_of(environ, ENVIRON_SHOWN)


def scope_words(scope: Mapping[str, Any]) -> str:
    """ "type=http method=GET path=/ http_version=1.1 + 9 more"."""
    return _some_of(scope, SCOPE_SHOWN)


def _some_of(values: Mapping[str, Any], names: Iterable[str]) -> str:
    shown = [f"{name}={_bare(values[name])}" for name in names if name in values]
    rest = len(values) - len(shown)
    return " ".join(shown + ([f"+ {rest} more"] if rest else []))


def response_words(status: object, headers: object, exc_info: object = None) -> str:
    """ "'200 OK', [('Content-Type', 'text/plain')]": the arguments of start_response()."""
    shown = ", ".join(f"({_quoted(name)}, {_value_of(name, value)})" for name, value in _pairs(headers))
    return f"{_quoted(status)}, [{shown}]" + (", exc_info" if exc_info else "")


def _value_of(name: object, value: object) -> str:
    return _quoted(value, TEXT_BYTES) if _header(name) in HEADERS_SHOWN else "..."


def chunk_words(chunk: object) -> str:
    r""" "b'one\n'"; of a long one its beginning and how long it is."""
    if type(chunk) is not bytes:
        return _kind(chunk)
    more = f"... ({len(chunk)} bytes)" if len(chunk) > BODY_BYTES else ""
    return ascii(chunk[:BODY_BYTES]) + more


def returned_words(value: object) -> str:
    """ "<generator>" for what makes its chunks when it is asked for them; the first chunk of a list."""
    if value is None:
        return "None"
    if type(value) is not list and type(value) is not tuple:
        return _kind(value)
    rest = f", + {len(value) - 1} more" if len(value) > 1 else ""
    return f"[{chunk_words(value[0])}{rest}]" if value else "[]"


def message_words(message: Mapping[str, Any]) -> str:
    """A message of the ASGI specification: its type, and of an HTTP message what is in it."""
    kind = _bare(message["type"])
    parts = [kind]
    if kind == "http.response.start":
        parts.append(f"status={_bare(message['status'])}")
        parts += [f"{_header(name)}={_header_value(name, value)}" for name, value in _pairs(message.get("headers"))]
    elif kind in ("http.request", "http.response.body"):
        parts.append(f"body={chunk_words(message.get('body', b''))}")
        parts.append(f"more_body={bool(message.get('more_body', False))}")
    return " ".join(parts)


def _header_value(name: object, value: object) -> str:
    return _bare(value, TEXT_BYTES) if _header(name) in HEADERS_SHOWN else "..."


def error_words(error: BaseException) -> str:
    """The name of its class: its message may hold anything."""
    return type(error).__name__


def _pairs(headers: object) -> list[tuple[object, object]]:
    """Of a list of pairs the first ones; what is none is for the server to refuse."""
    if type(headers) is not list and type(headers) is not tuple:
        return []
    pairs = [pair for pair in headers[:MOST_HEADERS] if type(pair) in (tuple, list) and len(pair) == 2]
    return [(name, value) for name, value in pairs]


def _header(name: object) -> str:
    return _bare(name).lower()


def _bare(value: object, most: int = BODY_BYTES) -> str:
    """A text without its quotes, a number as it is."""
    if type(value) is bytes:
        return ascii(value[: most + 1])[2:-1][:most]
    if type(value) is str:
        return ascii(value[: most + 1])[1:-1][:most]
    return str(value)[:most] if type(value) is int else _kind(value)


def _quoted(value: object, most: int = BODY_BYTES) -> str:
    if type(value) not in (str, bytes):
        return _kind(value)
    return ascii(value[:most])  # type: ignore[index]


def _kind(value: object) -> str:
    return f"<{type(value).__name__[:BODY_BYTES]}>"
