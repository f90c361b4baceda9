"""The app at fixed times of a recording, as if its servers were there: no clock has a part in what it shows."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.errors import WsgivizError
from wsgiviz.log import Snapshot
from wsgiviz.log.recording import open_recording
from wsgiviz.settings import Settings
from wsgiviz.state import Phase, Side, State
from wsgiviz.tui.app import WsgivizApp
from wsgiviz.tui.feed import Saving
from wsgiviz.tui.lesson.app import LessonApp
from wsgiviz.tui.lesson.recorded import StandInFeed
from wsgiviz.tui.lesson.timer import SessionTimer

FPS = 30
"""What the header says of the viewer: it is not this machine's."""


class Standing:
    """A feed that stands at a time of a recording until it is set to another."""

    recorded = recording = calm = False
    playing, speed, problem = True, 1.0, ""

    def __init__(self, path: Path) -> None:
        self._recording = open_recording(str(path))
        self._known: dict[int, Snapshot] = {}
        last = self._recording.at(self._recording.end).state
        runs = [side.run for side in last.sides.values()]
        self.start_ns, self.end_ns = min(run.started_ns for run in runs), max(run.ended_ns for run in runs)
        self._finished = self._position_of_end()
        self.state, self.occurrences, self._now_ns = last, Occurrences(), self.end_ns
        self.to_end()

    def _position_of_end(self) -> int:
        """The first at which the run is over; what comes later is the end of the servers."""
        position = self._recording.position_at(self.end_ns)
        while self._recording.at(position).state.phase is not Phase.FINISHED:
            position += 1
        return position

    def to(self, seconds: float) -> None:
        """So far into the run."""
        now_ns = self.start_ns + int(seconds * 1e9)
        self._stand(min(self._recording.position_at(now_ns), self._finished), now_ns)

    def to_end(self) -> None:
        """When the run is just over."""
        self._stand(self._finished, self._recording.t_ns(self._finished))

    def _stand(self, position: int, now_ns: int) -> None:
        snapshot = self._known.get(position)
        if snapshot is None:
            snapshot = self._known[position] = self._recording.at(position)
        self.state, self.occurrences, self._now_ns = snapshot.state, snapshot.occurrences, now_ns

    @property
    def seconds(self) -> float:
        """How long the run takes."""
        return (self.end_ns - self.start_ns) / 1e9

    def advance(self) -> int:
        return self._now_ns

    def save(self, path: Path) -> tuple[Saving, str]:
        raise WsgivizError("this is a recording already")

    def close(self) -> None:
        self._recording.close()


class Steps:
    """In place of the app's clock: frames come when they are asked for, each a second after the one before."""

    early = slow = False
    fps = FPS

    def __init__(self) -> None:
        self._ticks = 0

    def start(self) -> None: ...

    def wake(self) -> None: ...

    def calm(self, calm: bool) -> None: ...

    def tick(self) -> float:
        self._ticks += 1
        return float(self._ticks)


class StandingApp(WsgivizApp):
    """Draws a frame when it is told to."""

    def __init__(self, feed: Standing, ascii: bool = False) -> None:
        super().__init__(feed, ascii=ascii)
        self.clock = Steps()  # type: ignore[assignment]

    def frame(self) -> None:
        self._frame()


class Ready(Standing):
    """Servers that are ready and do nothing, and their controls: what is seen of runs are a lesson's recordings."""

    scaled: str | None = None

    def __init__(self, settings: Settings, host: dict[str, object]) -> None:
        self._host, self._now_ns, self.occurrences = host, 0, Occurrences()
        self.prepare(settings)

    def prepare(self, settings: Settings) -> None:
        sides = {name: Side(name, kind) for name, kind in settings.kinds.items()}
        self.state = State(settings=settings, host=self._host, phase=Phase.READY, sides=sides)

    def change(self, settings: Settings) -> None:
        self.prepare(settings)

    def close(self) -> None: ...

    def start(self) -> None: ...

    def fire(self) -> None: ...

    def fire_one(self) -> None: ...

    def cancel(self) -> None: ...

    def add_worker(self) -> None: ...

    def remove_worker(self) -> None: ...

    def reload(self) -> None: ...

    def end_worker(self, side: str, pid: int, number: signal.Signals, /) -> bool:
        return False


class StandingLesson(LessonApp):
    """A lesson whose runs are its recordings."""

    def frame(self) -> None:
        self._frame()

    def use_steps(self) -> None:
        """No clock of this machine: neither the app's nor the lesson's timer."""
        self.clock = Steps()  # type: ignore[assignment]
        self._timer = SessionTimer(lambda: 0.0)

    def recording_to_end(self) -> None:
        """The recording that stands in for this step's run, at once at its end."""
        assert isinstance(self._feed, StandInFeed)
        self._feed._replay.to_end()


@asynccontextmanager
async def shown(
    app: StandingApp | StandingLesson, size: tuple[int, int], theme: str = ""
) -> AsyncIterator[Pilot[int]]:
    """The app on a screen of that size, in that theme, with its first frame drawn."""
    async with app.run_test(size=size) as pilot:
        app.animation_level = "none"
        app.theme = theme or app.theme
        await drawn(app, pilot)
        yield pilot


async def drawn(app: StandingApp | StandingLesson, pilot: Pilot[int], *keys: str) -> None:
    """Press keys, and draw until what they set off is on the screen."""
    for key in keys:
        await pilot.press(key)
        app.frame()
    for _ in range(2):
        await pilot.pause()
        app.frame()
    for field in app.screen.query(Input):
        field.cursor_blink = False
    await pilot.pause()
