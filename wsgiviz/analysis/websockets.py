"""WebSockets of a run: how many were refused, and why. Pure."""

from __future__ import annotations

from wsgiviz.state import Run


def refused(run: Run) -> int:
    """Handshakes that were answered with another status than 101, where the clients open WebSockets."""
    return run.completed - run.statuses.get(101, 0)
