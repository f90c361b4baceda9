"""The stretch of time that both panes show: from the run's start, growing in calm steps, then moving along."""

from __future__ import annotations

from dataclasses import dataclass

NICE = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
LONGEST_NS = 60 * 10**9
"""A longer run is followed: the window shows its last minute."""

SHORTEST_NS = 20_000_000
ROOM = 1.08
"""So much more than is predicted is shown, so that the end is seen."""
FULL = 0.95
"""From this share of it on a window grows, or moves along: a run is seen from its beginning up to `LONGEST_NS`."""


@dataclass(frozen=True, slots=True)
class Window:
    """``start_ns`` to ``end_ns`` on the screen; ``zero_ns`` is what the axis calls 0 s."""

    start_ns: int
    end_ns: int
    zero_ns: int


@dataclass(frozen=True, slots=True)
class Viewport:
    """How a person has zoomed and panned: ``zoom`` times closer, ``pan`` in eighths of the window, 0 follows now."""

    zoom: float = 1.0
    pan: int = 0


def window(zero_ns: int, now_ns: int, expected_ns: int, viewport: Viewport = Viewport()) -> Window:
    """The window at ``now_ns`` for a run that began at ``zero_ns`` and should take ``expected_ns`` (0: unknown)."""
    elapsed = max(0, now_ns - zero_ns)
    span = nice(max(SHORTEST_NS, expected_ns * ROOM))
    if elapsed > span * FULL:
        span = nice(elapsed * ROOM)
    span = min(span, LONGEST_NS)
    start = zero_ns
    if elapsed > span * FULL:
        step = span // 8
        start = zero_ns + -(-(elapsed - span * 7 // 8) // step) * step
    return _seen_through(Window(start, start + span, zero_ns), now_ns, viewport)


def following(zero_ns: int, now_ns: int, span_ns: int, viewport: Viewport = Viewport()) -> Window:
    """The last ``span_ns`` or so until ``now_ns``, of what has no beginning; it moves along in steps."""
    step = span_ns // 8
    start = zero_ns + -(-(now_ns - zero_ns - span_ns * 7 // 8) // step) * step
    return _seen_through(Window(start, start + span_ns, zero_ns), now_ns, viewport)


def nice(span_ns: float) -> int:
    """The next rounder span: a few steps a decade, so that the state does not move all the time."""
    power = 10 ** (len(str(int(span_ns))) - 1)
    return int(next(step for step in NICE if step * power >= span_ns) * power)


def _seen_through(whole: Window, now_ns: int, viewport: Viewport) -> Window:
    if viewport.zoom == 1.0 and not viewport.pan:
        return whole
    span = int((whole.end_ns - whole.start_ns) / viewport.zoom)
    start = whole.start_ns
    if viewport.zoom > 1.0 and now_ns > start + span:
        start = min(now_ns, whole.end_ns) - span * 7 // 8
    start += viewport.pan * span // 8
    return Window(start, start + span, whole.zero_ns)
