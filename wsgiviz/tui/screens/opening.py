"""The screen that is there first: of servers, of a recording, or of two."""

from __future__ import annotations

from wsgiviz.tui.feed import Frame, Playback
from wsgiviz.tui.pair_feed import PairFeed
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.screens.attached import AttachedScreen
from wsgiviz.tui.screens.live import LiveScreen
from wsgiviz.tui.screens.pair import PairScreen
from wsgiviz.tui.screens.replay import ReplayScreen


def first_screen(frame: Frame, glyphs: Glyphs, playback: Playback | None) -> LiveScreen:
    """``playback`` is what recordings are asked; None where servers run."""
    if playback is None and frame.state.attached:
        return AttachedScreen(frame, glyphs)
    if playback is None:
        return LiveScreen(frame, glyphs)
    if isinstance(playback, PairFeed):
        return PairScreen(frame, glyphs, playback.names, playback.side)
    return ReplayScreen(frame, glyphs)
