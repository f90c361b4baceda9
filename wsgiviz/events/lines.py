"""The line that a request is at."""

from __future__ import annotations

from wsgiviz.events.event import Event


class LineSeen(Event, frozen=True, tag=40):
    """The request is at ``line`` of the app's own code. ``where``: "file|function|call"."""

    slot: int
    req: int
    line: int
    where: str


class InnerLineSeen(Event, frozen=True, tag=41):
    """The same of the innermost Python frame, where that is another."""

    slot: int
    req: int
    line: int
    where: str


class NestedLoopSeen(Event, frozen=True, tag=42):
    """An event loop runs inside this WSGI request."""

    slot: int
    req: int
    line: int
    where: str
