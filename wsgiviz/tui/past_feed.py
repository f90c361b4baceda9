"""Playback of a session that goes on: its log until now; or slow motion, which runs behind the servers. Or of a
recording that stands in for servers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

from wsgiviz.log import LogTimeline, Player
from wsgiviz.log.player import SLOW
from wsgiviz.state import Phase
from wsgiviz.tui.feed import Feed, IsPlayed, KeepsLog, Playhead, Saving
from wsgiviz.tui.playback_feed import PlaybackFeed


class LoggedFeed(Feed, KeepsLog, Protocol):
    """A feed whose log can be played back."""


class PlayedFeed(Feed, IsPlayed, Protocol):
    """A feed that is a recording's."""


class PastFeed(PlaybackFeed):
    """What ``live`` has shown, played by a player of its own, paused at first. ``live`` goes on; ``live_ns`` is the
    time there."""

    def __init__(self, live: Feed, player: Player) -> None:
        super().__init__(player)
        self._live = live
        self.live_ns = player.now_ns

    @property
    def recording(self) -> bool:
        return self._live.recording

    @property
    def problem(self) -> str:
        return self._live.problem

    @property
    def calm(self) -> bool:
        return not self.player.playing and self._live.calm

    @property
    def caught_up(self) -> bool:
        """It shows all that there is, so that there is nothing to be behind any more."""
        return False

    def advance(self) -> int:
        self.live_ns = self._live.advance()
        self._take_in()
        return super().advance()

    def _take_in(self) -> None:
        """What has come since."""

    def save(self, path: Path) -> tuple[Saving, str]:
        return self._live.save(path)

    def close(self) -> None:
        """Nothing: the live feed goes on."""


class RecordedPast(PastFeed):
    """Of a recording that stands in for servers: from where it is, or with ``slow`` in slow motion."""

    def __init__(self, live: PlayedFeed, slow: bool = False) -> None:
        shown = live.player
        player = Player(shown.timeline, until=shown.end, at_end=True)
        if not shown.ended:
            player.seek(shown.now_ns)
        super().__init__(live, player)
        if slow:
            self.slow_motion()

    def slow_motion(self) -> None:
        super().slow_motion()
        if self.player.speed == SLOW:
            if self.player.ended:
                self.player.restart()
            self.player.playing = True


class LoggedPast(PastFeed):
    """Of servers' log, until now. With ``slow`` it plays at a tenth of the speed: a run that is on from now on,
    behind the servers; else the newest one again."""

    def __init__(self, live: LoggedFeed, slow: bool = False) -> None:
        self._log = LogTimeline(live.log)
        super().__init__(live, Player(self._log, at_end=True))
        self.live_ns = self._log.end_ns
        if slow:
            self.slow_motion()

    @property
    def playhead(self) -> Playhead:
        found = super().playhead
        return replace(found, behind_s=self.behind_s) if self.player.grows else found

    @property
    def behind_s(self) -> float:
        """How far what is shown is behind the servers."""
        return max(0, self.live_ns - self.player.now_ns) / 1e9

    @property
    def caught_up(self) -> bool:
        """Slow motion shows all that there is of the run, so that there is nothing to be behind any more."""
        player, shown, live = self.player, self.player.state, self._live.state
        if not (player.grows and player.playing):
            return False
        over = shown.phase is live.phase is Phase.FINISHED and shown.run == live.run
        return over or (player.ended and (player.speed >= 1 or self._live.calm))

    def _take_in(self) -> None:
        if self.player.grows:
            self._log.grow()

    def slow_motion(self) -> None:
        """The log takes in what comes for as long as it is on; else it stays as it is then."""
        player = self.player
        if player.grows or player.speed == SLOW:
            player.grows, player.speed = False, 1.0
            return
        player.grows, player.speed = self._live.state.phase is Phase.RUNNING, SLOW
        if player.ended and not player.grows:
            player.restart()
        player.playing = True
