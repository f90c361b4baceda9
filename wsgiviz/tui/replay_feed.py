"""What the app shows of a recording: a playhead that moves over it."""

from __future__ import annotations

from pathlib import Path

from wsgiviz.errors import WsgivizError
from wsgiviz.events import PhaseChanged, ServerRetired
from wsgiviz.log import Player, Recording, open_recording
from wsgiviz.settings import Settings
from wsgiviz.state import Phase
from wsgiviz.tui.feed import Saving
from wsgiviz.tui.playback_feed import PlaybackFeed

CLOSING = 64
"""In so many batches a program is closed."""


class ReplayFeed(PlaybackFeed):
    """A feed and its playback. Raises WsgivizError when nothing of the recording can be read.

    ``loop``: it begins again at its end.
    """

    recording = False

    def __init__(self, path: str, loop: bool = False) -> None:
        self._recording = open_recording(path)
        super().__init__(Player(self._recording, until=_end(self._recording)))
        self.player.loop = loop

    @property
    def settings(self) -> Settings:
        """What was run, in the end."""
        return self._recording.at(self.player.end).state.settings

    @property
    def problem(self) -> str:
        damage = self._recording.damage
        return f"This recording is incomplete: {damage}." if damage else ""

    @property
    def calm(self) -> bool:
        return not self.player.playing

    def save(self, path: Path) -> tuple[Saving, str]:
        raise WsgivizError("this is a recording already", f"it is in {self._recording.path}")

    def close(self) -> None:
        self._recording.close()


def _end(recording: Recording) -> int:
    """The position to stop at. At the very end a program was closed: there was nothing to see any more."""
    end = recording.end
    for position in range(recording.end - 1, max(-1, recording.end - 1 - CLOSING), -1):
        batch = recording.batch(position)
        phases = [event.phase for event in batch if isinstance(event, PhaseChanged)]
        if any(phase != Phase.CLOSED for phase in phases):
            break
        if phases or any(isinstance(event, ServerRetired) for event in batch):
            end = position
    return end or recording.end
