"""Playback over a session that goes on: its log as a feed, and the screen that shows it over another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from textual.screen import Screen

from wsgiviz.tui.feed import Feed, Frame, IsPlayed, KeepsLog
from wsgiviz.tui.past_feed import LoggedPast, PastFeed, RecordedPast
from wsgiviz.tui.screens.live import LiveScreen
from wsgiviz.tui.screens.replay import PastScreen


@dataclass(frozen=True, slots=True)
class Past:
    """While it is on, ``screen`` is shown ``feed``; the screens below it wait."""

    feed: PastFeed
    screen: PastScreen

    @classmethod
    def of(cls, live: Feed, asking: LiveScreen, by: int, slow: bool) -> Self | None:
        """Of ``live``, seen as on the screen that asks for it, after a step of ``by`` events; None where it has
        neither a log nor a recording."""
        if isinstance(live, KeepsLog) and live.log.end:
            feed: PastFeed = LoggedPast(live, slow)
        elif isinstance(live, IsPlayed):
            feed = RecordedPast(live, slow)
        else:
            return None
        if by:
            feed.step(by)
        screen = PastScreen(Frame.of(feed, feed.player.now_ns, playhead=feed.playhead), asking.glyphs)
        screen.see_as(asking)
        return cls(feed, screen)

    def shown_in(self, stack: list[Screen[Any]]) -> list[Screen[Any]]:
        """The screens of ``stack`` that show it."""
        return stack[stack.index(self.screen) :] if self.screen in stack else stack

    def leave(self, top: Screen[Any]) -> None:
        """Unless a dialog is over it."""
        if top is self.screen:
            self.screen.action_leave()
