"""What the app shows of a recording: a playhead that moves over it."""

from __future__ import annotations

import time
from pathlib import Path

from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.errors import WsgivizError
from wsgiviz.events import PhaseChanged
from wsgiviz.log import Player, Recording, open_recording
from wsgiviz.settings import Settings
from wsgiviz.state import Phase, State
from wsgiviz.tui.feed import Saving


class ReplayFeed:
    """A feed and its playback. Raises WsgivizError when nothing of the recording can be read."""

    recorded = True
    recording = False

    def __init__(self, path: str) -> None:
        self._recording = open_recording(path)
        self._player = Player(self._recording)
        self._end = _end(self._recording)

    @property
    def state(self) -> State:
        return self._player.state

    @property
    def settings(self) -> Settings:
        """What was run, in the end."""
        return self._recording.at(self._end).state.settings

    @property
    def occurrences(self) -> Occurrences:
        return self._player.occurrences

    @property
    def playing(self) -> bool:
        return self._player.playing

    @property
    def speed(self) -> float:
        return self._player.speed

    @property
    def problem(self) -> str:
        damage = self._recording.damage
        return f"This recording is incomplete: {damage}." if damage else ""

    @property
    def calm(self) -> bool:
        return not self._player.playing

    def advance(self) -> int:
        self._player.advance(time.monotonic_ns())
        self._stay()
        return self._player.now_ns

    def _stay(self) -> None:
        """Not beyond the end."""
        if self._player.position > self._end:
            self._player.step(self._end - self._player.position)

    def save(self, path: Path) -> tuple[Saving, str]:
        raise WsgivizError("this is a recording already", f"it is in {self._recording.path}")

    def close(self) -> None:
        self._recording.close()

    # --- playback ---------------------------------------------------------------------------------------------------

    def toggle(self) -> None:
        if self._player.position >= self._end:
            self.restart()
        else:
            self._player.playing = not self._player.playing

    def step(self, by: int) -> None:
        self._player.step(by)
        self._stay()

    def restart(self) -> None:
        self._player.seek(self._recording.start_ns)
        self._player.playing = True

    def to_end(self) -> None:
        self._player.seek(self._recording.end_ns)
        self._player.playing = False
        self._stay()


def _end(recording: Recording) -> int:
    """The position to stop at. At the very end a program was closed: there was nothing to see any more."""
    last = recording.batch(recording.end - 1)
    closed = any(isinstance(event, PhaseChanged) and event.phase == Phase.CLOSED for event in last)
    return recording.end - 1 if closed else recording.end
