"""A recording that stands in for a run: shown in place of the servers' own feed, which goes on unseen."""

from __future__ import annotations

from pathlib import Path

from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.errors import WsgivizError
from wsgiviz.log import Player
from wsgiviz.settings import Settings
from wsgiviz.state import State
from wsgiviz.tui.feed import Feed, Saving
from wsgiviz.tui.replay_feed import ReplayFeed


class StandInFeed:
    """The recording in ``path``, of a run with ``settings``; ``live`` is the feed that it takes the place of.

    Raises WsgivizError when there is none, or when it was made with other settings.
    """

    recorded = True
    recording = False

    def __init__(self, path: Path, settings: Settings, live: Feed) -> None:
        self.live = live
        if not path.is_file():
            raise WsgivizError("there is no recording of this run", "space runs it on servers")
        self._replay = ReplayFeed(str(path))
        if self._replay.settings.given() != settings.given():
            self._replay.close()
            raise WsgivizError("the recording of this run was made with other settings", "space runs it on servers")

    @property
    def player(self) -> Player:
        return self._replay.player

    @property
    def state(self) -> State:
        return self._replay.state

    @property
    def occurrences(self) -> Occurrences:
        return self._replay.occurrences

    @property
    def playing(self) -> bool:
        return self._replay.playing

    @property
    def speed(self) -> float:
        return self._replay.speed

    @property
    def problem(self) -> str:
        return self._replay.problem

    @property
    def calm(self) -> bool:
        return self._replay.calm and self.live.calm

    def advance(self) -> int:
        self.live.advance()
        return self._replay.advance()

    def save(self, path: Path) -> tuple[Saving, str]:
        return self._replay.save(path)

    def close(self) -> None:
        """Of the recording only."""
        self._replay.close()
