"""Where the app gets what it shows: from servers that run now, or from a recording.

Attributes go down: at each frame the app makes a `Frame` of its feed and hands it to every screen. What a person asks
for goes up as messages (`wsgiviz.tui.intents`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.log import EventLog, Mark, Player
from wsgiviz.state import State


@dataclass(frozen=True, slots=True)
class Playhead:
    """Where playback is, beside the State and its time: ``event`` of ``events``, between two times.

    ``zero_ns`` is the time that the axis calls 0 s. ``searched`` says how much of the log the marks are of, from 0 to
    1. ``cuts`` is another number whenever time did not simply go on. ``behind_s``: seconds that slow motion is behind
    the servers, None where it is not on. ``at_ns`` is its own time, where that is not the frame's. ``other``
    is the frame of another recording on the same axis, to be seen beside it.
    """

    start_ns: int
    end_ns: int
    zero_ns: int
    event: int
    events: int
    marks: tuple[Mark, ...] = ()
    searched: float = 1.0
    cuts: int = 0
    loop: bool = False
    behind_s: float | None = None
    at_ns: int | None = None
    other: Frame | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """All that a screen may depend on.

    ``now_ns`` is the time that is shown, CLOCK_MONOTONIC where the servers run: now, or the playhead. ``shown_s`` is
    the viewer's own clock: it says how often to do a thing, and is never shown. ``problem`` says in words what is
    wrong with the recording that is written or read, "" when nothing is.
    """

    state: State
    now_ns: int
    occurrences: Occurrences
    recorded: bool = False
    playing: bool = True
    speed: float = 1.0
    recording: bool = False
    problem: str = ""
    shown_s: float = 0.0
    fps: int = 0
    playhead: Playhead | None = None

    @classmethod
    def of(
        cls,
        feed: Feed,
        now_ns: int,
        shown_s: float = 0.0,
        fps: int = 0,
        playhead: Playhead | None = None,
    ) -> Self:
        """What ``feed`` shows at that time."""
        return cls(
            state=feed.state,
            now_ns=now_ns,
            occurrences=feed.occurrences,
            recorded=feed.recorded,
            playing=feed.playing,
            speed=feed.speed,
            recording=feed.recording,
            problem=feed.problem,
            shown_s=shown_s,
            fps=fps,
            playhead=playhead,
        )


class Feed(Protocol):
    """A source of States, read once a frame."""

    @property
    def state(self) -> State: ...

    @property
    def occurrences(self) -> Occurrences:
        """What the lints have found in the run that is shown."""

    @property
    def recorded(self) -> bool:
        """It is a replay: there are no servers to ask for anything."""

    @property
    def playing(self) -> bool:
        """Time goes on by itself."""

    @property
    def speed(self) -> float:
        """Seconds that are shown for each second that passes."""

    @property
    def recording(self) -> bool:
        """What is shown is being written to a file."""

    @property
    def problem(self) -> str:
        """What is wrong with the file that is written or read, in words; "" when nothing is."""

    @property
    def calm(self) -> bool:
        """Nothing moves: a few frames a second are enough."""

    def advance(self) -> int:
        """One frame: take in what happened, or move the playhead. Gives the time to show, in nanoseconds."""

    def save(self, path: Path) -> tuple[Saving, str]:
        """Begin to write what is known to a file; with what that is, in words. Raises WsgivizError."""

    def close(self) -> None:
        """Let go of everything."""


class Playback(Protocol):
    """What can be asked of what is played: a recording, or the log of this session."""

    @property
    def playhead(self) -> Playhead: ...

    def toggle(self) -> None:
        """Play, or pause; from the beginning of the run when it is at its end."""

    def step(self, by: int) -> None:
        """Pause, and move by one event forward (1) or back (-1)."""

    def restart(self) -> None:
        """Play from the beginning."""

    def to_end(self) -> None:
        """Go to the end."""

    def faster(self, by: int) -> None:
        """The next higher speed (1), or the next lower one (-1)."""

    def slow_motion(self) -> None:
        """At a tenth of the speed, or no longer so."""

    def toggle_loop(self) -> None:
        """Begin again at the end, or stop there."""

    def seek(self, t_ns: int) -> None:
        """Pause, and go to a time."""

    def go_to(self, mark: Mark) -> None:
        """Pause, and go to a mark."""

    def find(self, number: int) -> int:
        """Pause, and go to where a worker takes up the request of that number, in the run that is shown; gives its
        id, or 0 when there is none."""


@runtime_checkable
class KeepsLog(Protocol):
    """A feed whose log can be played back."""

    @property
    def log(self) -> EventLog: ...


@runtime_checkable
class IsPlayed(Protocol):
    """A feed that a player plays."""

    @property
    def player(self) -> Player: ...


class Saving(Protocol):
    """A recording that is being written in the background."""

    path: Path
    failure: str
    finished: bool


@runtime_checkable
class TakesFrames(Protocol):
    """A screen that shows what it is handed at each frame."""

    def show(self, frame: Frame) -> None: ...


class Pace:
    """Lets a thing be done at most every ``every_s``."""

    def __init__(self, every_s: float) -> None:
        self.every_s = every_s
        self._next_s = 0.0

    def due(self, shown_s: float, rest_s: float = 0.0) -> bool:
        """Whether it is time to; then not again before ``rest_s``, or ``every_s`` when that is longer."""
        if shown_s < self._next_s:
            return False
        self._next_s = shown_s + max(self.every_s, rest_s)
        return True

    def reset(self) -> None:
        """Let the next one through."""
        self._next_s = 0.0


class Tenths(Pace):
    """Lets a thing be done with each tenth of a second that panes show; where few come, every ``every_s``."""

    _tenth: object = None

    def due_at(self, tenth: object, shown_s: float) -> bool:
        if tenth == self._tenth:
            return self.due(shown_s)
        self._tenth, self._next_s = tenth, shown_s + self.every_s
        return True
