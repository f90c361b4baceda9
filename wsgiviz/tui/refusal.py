"""Why nothing can be asked of the servers that are shown."""

from __future__ import annotations

from wsgiviz.tui.feed import Feed

RECORDED = "This is a recording: its servers are not running."
ATTACHED = "These servers are somebody's own: they are watched, and not asked for anything."
PAST = "The servers go on: escape leads back to them."


def refusal(feed: Feed, past: bool = False) -> str:
    """In words. ``past``: what is shown is not ``feed`` but its past."""
    if past:
        return PAST
    return ATTACHED if feed.state.attached and not feed.recorded else RECORDED
