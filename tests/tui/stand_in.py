"""The app on a feed made by hand: State and time stand until a test sets them on, and every intent is noted."""

from __future__ import annotations

import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widgets import Input, Static

from tests.tui.paced import DEADLINE_S, AskedClock, draw, run_quickly, shown
from tests.unit.states import T0, S, awaiting_tasks, sleeping_workers
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.errors import WsgivizError
from wsgiviz.log import Mark
from wsgiviz.settings import Settings, make
from wsgiviz.state import Failure, Phase, Side, State
from wsgiviz.tui.app import WsgivizApp
from wsgiviz.tui.feed import Frame, Playhead, Saving
from wsgiviz.tui.widgets.pane import Pane

NOW_S = 2.4

AT_ONCE = 4
"""So many times what was asked for is looked for without a rest between."""


def sleeping(now_s: float = NOW_S, workers: int = 4, requests: int = 20) -> State:
    """A burst of one-second sleeps at both servers, ``now_s`` into the run."""
    sides = {
        "wsgi": sleeping_workers(now_s, workers, requests),
        "asgi": awaiting_tasks(min(now_s, 0.9), requests),
    }
    t_ns = T0 + int(now_s * S)
    return State(t_ns, host=FOUR_CORES, settings=make(), phase=Phase.RUNNING, run=1, fired=1, sides=sides)


FOUR_CORES = {"usable_cores": 4}


class StandIn:
    """A feed without servers. What it shows changes only by `feed`, and by ``now_s``: so far the run has lasted."""

    def __init__(self, settings: Settings | None = None, state: State | None = None) -> None:
        self.recorded = False
        self.playing = True
        self.speed = 1.0
        self.recording = False
        self.problem = ""
        self.calm = False
        self.now_s = NOW_S
        self.advanced = 0
        self.closed = False
        self.saved: list[Path] = []
        self.save_fails: WsgivizError | None = None
        self.saving = StandInSaving(Path())
        self.state = State()
        self.occurrences = Occurrences()
        self.show(replace(state or sleeping(), settings=settings or make(scenario="sleep")))
        self.controls = StandInControls(self)

    @property
    def now_ns(self) -> int:
        return T0 + int(self.now_s * S)

    @property
    def frame(self) -> Frame:
        """What a screen is handed now."""
        return Frame(self.state, self.now_ns, self.occurrences)

    def show(self, state: State) -> None:
        """This State, as it is."""
        self.state, self.occurrences = state, Occurrences().after(state)

    def feed(self, state: State, phase: Phase) -> None:
        """Something happened at the servers: the sides are as in ``state``."""
        self.show(replace(state, settings=self.state.settings, phase=phase, fired=state.run))

    def fail(self, failure: Failure) -> None:
        """The servers end."""
        self.show(replace(self.state, failure=failure, phase=Phase.FAILED))

    def advance(self) -> int:
        self.advanced += 1
        return self.now_ns

    def save(self, path: Path) -> tuple[Saving, str]:
        self.saved.append(path)
        if self.save_fails:
            raise self.save_fails
        self.saving.path = path
        return self.saving, "1,234 events"

    def close(self) -> None:
        self.closed = True


class StandInSaving:
    """A recording that is as far as a test says."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failure = ""
        self.finished = False


class StandInControls:
    """Notes what is asked of the servers: in ``calls`` by name, and new settings in ``changes``."""

    scaled: str | None = "wsgi"

    def __init__(self, feed: StandIn) -> None:
        self._feed = feed
        self.calls: list[str] = []
        self.changes: list[Settings] = []
        self.ended: list[tuple[str, int, signal.Signals]] = []
        self.there_is_such_a_worker = True

    def start(self) -> None:
        self.calls.append("start")

    def fire_one(self) -> None:
        self.calls.append("fire_one")

    def fire(self) -> None:
        self.calls.append("fire")

    def cancel(self) -> None:
        self.calls.append("cancel")

    def add_worker(self) -> None:
        self.calls.append("add_worker")

    def remove_worker(self) -> None:
        self.calls.append("remove_worker")

    def end_worker(self, side: str, pid: int, number: signal.Signals, /) -> bool:
        self.calls.append("end_worker")
        self.ended.append((side, pid, number))
        return self.there_is_such_a_worker

    def reload(self) -> None:
        self.calls.append("reload")

    def prepare(self, settings: Settings) -> None:
        self.calls.append("prepare")
        self.changes.append(settings)
        sides = {name: Side(name, kind) for name, kind in settings.kinds.items()}
        self._feed.show(State(settings=settings, host=FOUR_CORES, phase=Phase.READY, sides=sides))

    def change(self, settings: Settings) -> None:
        self.calls.append("change")
        self.changes.append(settings)
        self._feed.show(replace(self._feed.state, settings=settings, failure=None, phase=Phase.RUNNING))


class StandInPlayback:
    """Notes what is asked of a recording."""

    def __init__(self, feed: StandIn) -> None:
        self._feed = feed
        self.calls: list[str] = []

    def toggle(self) -> None:
        self.calls.append("toggle")
        self._feed.playing = not self._feed.playing

    def step(self, by: int) -> None:
        self.calls.append(f"step {by}")

    def restart(self) -> None:
        self.calls.append("restart")

    def to_end(self) -> None:
        self.calls.append("to_end")

    @property
    def playhead(self) -> Playhead:
        return Playhead(T0, T0 + 10 * S, T0, 3, 12)

    def faster(self, by: int) -> None:
        self.calls.append(f"faster {by}")

    def slow_motion(self) -> None:
        self.calls.append("slow_motion")

    def toggle_loop(self) -> None:
        self.calls.append("toggle_loop")

    def seek(self, t_ns: int) -> None:
        self.calls.append(f"seek {(t_ns - T0) / S:g}")

    def go_to(self, mark: Mark) -> None:
        self.calls.append(f"go_to {mark.type}")

    def find(self, number: int) -> int:
        self.calls.append(f"find {number}")
        return 0


class Seat:
    """Somebody in front of the running app: presses keys, and reads the screen.

    ``begun`` is what the servers were asked for before the first key.
    """

    def __init__(self, app: WsgivizApp, feed: StandIn, pilot: Pilot[int]) -> None:
        self.app = app
        self.feed = feed
        self.pilot = pilot
        self.begun: tuple[str, ...] = ()

    @property
    def calls(self) -> list[str]:
        """What the servers were asked for since."""
        return self.feed.controls.calls

    @property
    def changes(self) -> list[Settings]:
        return self.feed.controls.changes

    async def press(self, *keys: str) -> None:
        draw(self.app)
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, condition: Callable[[], bool], what: str = "") -> None:
        """Make frames until it is so; fails with the screen as it is then. Only what does not come at once (a timer
        of Textual's, another thread) is waited for."""
        draw(self.app)
        deadline, tries = time.monotonic() + DEADLINE_S, 0
        while not condition():
            assert time.monotonic() < deadline, f"never came: {what or condition}\n{self.text}"
            self._make_frame()
            await self.pilot.pause(None if tries < AT_ONCE else 0.01)
            tries += 1

    async def reads(self, words: str) -> None:
        """Wait for ``words`` to stand on the screen."""
        await self.until(lambda: words in self.text, repr(words))

    async def frames(self, more: int = 2) -> None:
        """Make ``more`` frames, and wait for what they changed."""
        goal = self.feed.advanced + more
        await self.until(lambda: self.feed.advanced >= goal, "another frame")
        await self.pilot.pause()
        await self.pilot.pause()  # a widget that was resized draws itself in a message of its own

    def _make_frame(self) -> None:
        """Where the app's own clock makes them, they are waited for."""
        if isinstance(self.app.clock, AskedClock):
            self.app.clock.frame()

    async def scrolled(self) -> None:
        """Wait until what was asked to scroll has come to rest."""
        await self.pilot.wait_for_scheduled_animations()
        await self.frames()

    async def screen_is(self, name: str) -> None:
        await self.until(lambda: type(self.app.screen).__name__ == name, name)
        await self.pilot.pause()

    async def fill(self, name: str, *keys: str) -> Input:
        """Open the form and type into a field."""
        await self.open_form(name)
        field = self.app.screen.query_one(f"#{name}", Input)
        await self.press(*keys)
        return field

    async def choose(self, name: str, word: str) -> None:
        """Open the form, and choose a word of a list by typing it."""
        await self.open_form(name)
        await self.press("enter", *word, "enter")

    async def open_form(self, name: str) -> None:
        """Open the form, at a field."""
        await self.press("o")
        await self.screen_is("FormScreen")
        field = self.app.screen.query_one(f"#{name}")
        field.focus()
        await self.until(lambda: self.app.focused is field)

    async def fail(self, message: str, hint: str = "", detail: str = "") -> None:
        """The servers end, for that reason."""
        self.feed.fail(Failure(message, hint, detail))
        await self.screen_is("FailureScreen")

    async def resize(self, width: int, height: int) -> None:
        draw(self.app)
        await self.pilot.resize_terminal(width, height)
        await self.until(lambda: self.app.screen.size == (width, height), f"{width} x {height}")
        await self.frames()

    @property
    def lines(self) -> list[str]:
        """The terminal's lines as they are now, dialogs included."""
        return [strip.text for strip in self.strips]

    @property
    def strips(self) -> list[Strip]:
        """The same with their styles; a dialog's are laid over those of the screens below it."""
        return shown(self.app)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def panes(self) -> list[Pane]:
        """Those that are shown, left to right."""
        return [pane for pane in self.app.live.query(Pane) if pane.display]

    def pane(self, side: str) -> str:
        """What the pane on the "left" or "right" shows."""
        pane = self.panes[("left", "right").index(side)]
        return "\n".join(pane.render_line(y).text for y in range(pane.size.height))

    def words(self, selector: str) -> str:
        """What a label says; of the live screen, or of the dialog over it."""
        return str(self.app.screen.query_one(selector, Static).render())


Check = Callable[[Seat], Awaitable[None]]
AnySeat = TypeVar("AnySeat", bound=Seat)


def watch(
    check: Check,
    feed: StandIn | None = None,
    size: tuple[int, int] = (120, 36),
    ascii: bool = False,
    theme: str = "",
    own_clock: bool = False,
) -> StandIn:
    """Run the app on a stand-in, make its first frames, and let ``check`` look at it and use it."""
    feed = feed or StandIn()
    run_app(check, WsgivizApp(feed, feed.controls, ascii=ascii), feed, size, Seat, theme, own_clock)
    return feed


def watch_replay(
    check: Check, feed: StandIn | None = None, size: tuple[int, int] = (120, 36), ascii: bool = False
) -> StandInPlayback:
    """The same with a feed that is a recording's. Gives what was asked of it."""
    feed = feed or StandIn()
    feed.recorded = True
    playback = StandInPlayback(feed)
    run_app(check, WsgivizApp(feed, playback=playback, ascii=ascii), feed, size, Seat)
    return playback


def run_app(
    check: Callable[[AnySeat], Awaitable[None]],
    app: WsgivizApp,
    feed: StandIn,
    size: tuple[int, int],
    seat: type[AnySeat],
    theme: str = "",
    own_clock: bool = False,
) -> None:
    if not own_clock:
        app.clock = AskedClock(app, app._frame)
        app.animation_level = "none"  # what scrolls is there at once

    async def run() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            if theme:
                app.theme = theme
            taken = seat(app, feed, pilot)
            await taken.frames()
            draw(app)
            taken.begun = tuple(feed.controls.calls)
            feed.controls.calls.clear()
            await check(taken)
            draw(app)

    run_quickly(run)
