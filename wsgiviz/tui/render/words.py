"""Numbers and times as words of a fixed width, so that nothing moves while they change."""

from __future__ import annotations

from wsgiviz.events import request_number
from wsgiviz.state import Location


def measured(seconds: float) -> str:
    """A duration that is over, in six cells: "0.4 ms", "1.02 s", "12.3 s", " 123 s"."""
    if seconds < 0.0995:
        return f"{seconds * 1000:3.1f} ms"[:7] if seconds < 0.00995 else f"{seconds * 1000:3.0f} ms"
    if seconds < 9.995:
        return f"{seconds:4.2f} s"
    return f"{seconds:4.1f} s" if seconds < 99.95 else f"{seconds:4.0f} s"


def running(seconds: float) -> str:
    """A duration that still grows, in tenths: what changes more often can't be read."""
    return f"{max(0.0, seconds):.1f} s"


def place(where: Location, room: int) -> str:
    """Where in the code something is, in ``room`` cells: with the call, the call alone, the line alone; else ""."""
    line = f"{where.file.rpartition('/')[2]}:{where.line}"
    return next((words for words in (where.words, where.call, line) if words and len(words) <= room), "")


def name_of(req: int) -> str:
    """A request as people call it: "#17"; "an external request" when it is not one of our driver's."""
    return f"#{request_number(req)}" if req > 0 else "an external request"


def rate(per_second: float) -> str:
    """Requests a second, in seven cells."""
    if per_second < 99.95:
        return f"{per_second:5.1f}/s"
    return f"{per_second:5.0f}/s"


def counted(number: int, singular: str, plural: str = "") -> str:
    return f"{number} {singular if number == 1 else plural or singular + 's'}"
