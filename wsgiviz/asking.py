"""What is asked of one's own app: method, headers, body, and paths with weights. Pure but for `read_body`."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from wsgiviz.errors import UsageError

HIDDEN = "given"
"""Stands for a header's value or a body, which may hold a password, where settings are shown, logged or recorded."""

MOST_WEIGHT = 1_000
MOST_PATHS = 16
MOST_BODY_BYTES = 16 * 1024 * 1024
TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A name as HTTP has it (RFC 9110, 5.6.2)."""

OURS = ("connection", "content-length", "transfer-encoding", "expect", "upgrade", "x-wsgiviz-request")
WEIGHTED = re.compile(r"(?:(\d{1,4}):)?(/.*)", re.DOTALL)
IN_PATHS = "/?#[]@!$&'()*+,;=:%~"
"""What a path and its query may hold as it is; all else is percent-encoded for the person."""


def parse_method(text: str) -> str:
    if not TOKEN.fullmatch(text) or len(text) > 20 or text.upper() == "CONNECT":
        raise ValueError("an HTTP method, such as POST")
    return text.upper()


def parse_headers(text: str) -> str:
    """One "Name: value" a line."""
    return "\n".join(_header(line) for line in text.split("\n") if line)


def _header(line: str) -> str:
    name, colon, value = line.partition(":")
    value = value.strip()
    if not colon or not TOKEN.fullmatch(name.strip()):
        raise ValueError('a header, "Name: value"')
    if not value.isprintable() or not value.isascii():
        raise ValueError("a header whose value is printable ASCII")
    if name.strip().lower() in OURS:
        raise ValueError(f"a header that wsgiviz leaves to you: it sets {name.strip()} itself")
    return f"{name.strip()}: {value}"


def header_pairs(headers: str) -> list[tuple[str, str]]:
    """What `parse_headers` gave, as names and values."""
    return [(name, value.strip()) for name, _, value in (line.partition(":") for line in headers.split("\n") if line)]


def hidden_headers(headers: str) -> str:
    """The same headers without their values."""
    return "\n".join(f"{name}: {HIDDEN}" for name, _ in header_pairs(headers))


def parse_body(text: str) -> str:
    """A text, or @FILE."""
    if text == "@" or (text.startswith("@") and not text.isprintable()):
        raise ValueError("a text, or @FILE")
    return text


def hidden_body(body: str) -> str:
    """A file's name is shown; a text is not."""
    return body if not body or body.startswith("@") else HIDDEN


def read_body(body: str) -> bytes:
    """The bytes to send. Raises UsageError when @FILE can't be read, or is too large."""
    if not body.startswith("@"):
        return body.encode()
    path = Path(body[1:])
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BODY_BYTES + 1)
    except OSError as error:
        raise UsageError(f"--body {body}: {error.strerror or error}", "@FILE sends what is in a file") from error
    if len(content) > MOST_BODY_BYTES:
        raise UsageError(f"--body {body}: larger than {MOST_BODY_BYTES >> 20} MB", "choose a smaller file")
    return content


def parse_paths(text: str) -> str:
    """Paths, each with its weight before it where that is not 1: "9:/quick /slow"."""
    found = [_path(item) for item in text.split()]
    if not 1 <= len(found) <= MOST_PATHS:
        raise ValueError(f"a path that starts with /, or up to {MOST_PATHS} of them")
    paths = [path for _, path in found]
    if len(set(paths)) < len(paths):
        raise ValueError("a path that is given once; WEIGHT:/PATH asks for it more often")
    return " ".join(path if weight == 1 else f"{weight}:{path}" for weight, path in found)


def _path(text: str) -> tuple[int, str]:
    found = WEIGHTED.fullmatch(text)
    if found is None or not text.isprintable():
        raise ValueError("a path that starts with /, or WEIGHT:/PATH")
    weight = int(found[1] or 1)
    if not 1 <= weight <= MOST_WEIGHT:
        raise ValueError(f"a path with a weight from 1 to {MOST_WEIGHT}")
    return weight, quote(found[2].partition("#")[0], safe=IN_PATHS)


def weighted(paths: str) -> tuple[tuple[int, str], ...]:
    """What `parse_paths` gave, as weights and paths."""
    return tuple(_path(item) for item in paths.split())


def schedule(weights: tuple[int, ...]) -> tuple[int, ...]:
    """Which of the paths each request of a round is for, by index: as evenly mixed as their weights allow.

    (Smooth weighted round robin: each gains its weight at every turn, the richest is chosen and pays the sum.)
    """
    whole = sum(weights)
    credit, chosen = [0] * len(weights), []
    for _ in range(whole):
        credit = [have + weight for have, weight in zip(credit, weights, strict=True)]
        richest = max(range(len(weights)), key=credit.__getitem__)
        credit[richest] -= whole
        chosen.append(richest)
    return tuple(chosen)
