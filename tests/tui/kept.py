"""The kept recordings at three times of their runs, on the live screen, as if their servers were there."""

from __future__ import annotations

from functools import lru_cache

from tests.recordings import path_of
from tests.tui.stand_in import StandIn
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.log.recording import Recording, open_recording
from wsgiviz.state import Phase, State

TIMES = ("early", "middle", "done")


class Kept(StandIn):
    """A feed that stands at one time of a recording."""

    def __init__(self, name: str, time: str) -> None:
        known = state_at(name, time)
        self._now_ns = known[2]
        super().__init__(known[0].settings, known[0])
        self.state, self.occurrences = known[0], known[1]

    @property
    def now_ns(self) -> int:
        return self._now_ns

    def advance(self) -> int:
        self.advanced += 1
        return self._now_ns


@lru_cache(maxsize=32)
def state_at(name: str, time: str) -> tuple[State, Occurrences, int]:
    """The State, what the lints found until then, and the time: early, in the middle, or just done."""
    recording = open_recording(str(path_of(name)))
    try:
        position, now_ns = _position(recording, time)
        snapshot = recording.at(position)
        return snapshot.state, snapshot.occurrences, now_ns
    finally:
        recording.close()


def _position(recording: Recording, time: str) -> tuple[int, int]:
    runs = [side.run for side in recording.at(recording.end).state.sides.values()]
    start_ns, end_ns = min(run.started_ns for run in runs), max(run.ended_ns for run in runs)
    if time != "done":
        now_ns = start_ns + (end_ns - start_ns) * (15 if time == "early" else 50) // 100
        return recording.position_at(now_ns), now_ns
    position = recording.position_at(end_ns)
    while recording.at(position).state.phase is not Phase.FINISHED:
        position += 1
    return position, recording.t_ns(position)
