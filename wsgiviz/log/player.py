"""Replay: a playhead that moves over a recording as time passes."""

from __future__ import annotations

from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.log.recording import Recording
from wsgiviz.log.snapshot import Snapshot
from wsgiviz.state import State

LEAD_NS = 300_000_000
"""Replay begins so long before the first run that a person asked for."""

LONGEST_FRAME_NS = 1_000_000_000
"""Of the time since the frame before no more counts: a viewer that was stopped goes on where it was."""


class Player:
    """Holds what is known at the playhead. It reads no clock: `advance` gets the time.

    ``now_ns`` is the playhead, in the time of the events; ``position`` the batches that have been applied.
    ``playing`` and ``speed`` may be set.
    """

    now_ns: int
    position: int
    _snapshot: Snapshot

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.playing = True
        self.speed = 1.0
        self._wall_ns: int | None = None
        fired_ns = recording.fired_ns
        self.seek(recording.start_ns if fired_ns is None else fired_ns - LEAD_NS)

    @property
    def state(self) -> State:
        return self._snapshot.state

    @property
    def occurrences(self) -> Occurrences:
        return self._snapshot.occurrences

    @property
    def ended(self) -> bool:
        """The playhead is at the last event."""
        return self.position == self.recording.end

    def advance(self, wall_ns: int) -> int:
        """Move the playhead by the time since the last call, as given by any steady clock; gives ``now_ns``."""
        passed_ns = 0 if self._wall_ns is None else wall_ns - self._wall_ns
        self._wall_ns = wall_ns
        if self.playing and passed_ns > 0:
            self._play(round(min(passed_ns, LONGEST_FRAME_NS) * self.speed))
        return self.now_ns

    def _play(self, by_ns: int) -> None:
        self.now_ns = min(self.now_ns + by_ns, self.recording.end_ns)
        self._forward(self.recording.position_at(self.now_ns))
        self.playing = not self.ended

    def _forward(self, position: int) -> None:
        if position > self.position:
            self._snapshot = self.recording.forward(self.position, self._snapshot, position)
            self.position = position

    def seek(self, t_ns: int) -> None:
        """Move the playhead to a time; the nearest that was recorded."""
        self.now_ns = max(self.recording.start_ns, min(t_ns, self.recording.end_ns))
        self.position = self.recording.position_at(self.now_ns)
        self._snapshot = self.recording.at(self.position)

    def step(self, batches: int = 1) -> None:
        """Pause, and move the playhead by so many batches, back when that is negative."""
        self.playing = False
        position = max(0, min(self.position + batches, self.recording.end))
        if position >= self.position:
            self._forward(position)
        else:
            self._snapshot = self.recording.at(position)
            self.position = position
        self.now_ns = self.recording.t_ns(position) if position else self.recording.start_ns
