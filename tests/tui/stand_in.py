"""The app on a session that starts nothing: pictures made by hand, a clock that stands, and every call noted."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot
from textual.strip import Strip
from textual.widgets import Input, Static

from tests.unit.pictures import T0, S, awaiting_tasks, sleeping_workers
from wsgiviz.errors import WsgivizError
from wsgiviz.model.state import Picture
from wsgiviz.scenarios import Cost
from wsgiviz.session import Phase, Session
from wsgiviz.settings import Settings, make
from wsgiviz.tui.app import WsgivizApp
from wsgiviz.tui.widgets.pane import Pane

DEADLINE_S = 20.0


class StandingClock:
    """Takes the place of the live screen's `time`: ``monotonic_ns`` stands at ``now_s`` into the run."""

    def __init__(self, now_s: float = 2.4) -> None:
        self.now_s = now_s

    def monotonic_ns(self) -> int:
        return T0 + int(self.now_s * S)

    monotonic = staticmethod(time.monotonic)


def sleeping(now_s: float = 2.4, workers: int = 4, requests: int = 20) -> Picture:
    """A burst of one-second sleeps at both servers, ``now_s`` into the run."""
    sides = {
        "wsgi": sleeping_workers(now_s, workers, requests),
        "asgi": awaiting_tasks(min(now_s, 0.9), requests),
    }
    return Picture(t_ns=T0 + int(now_s * S), run=1, sides=sides)


class StandIn(Session):
    """A session without servers. ``calls`` notes what it was asked for; the picture changes only by `feed`."""

    def __init__(self, settings: Settings | None = None, picture: Picture | None = None) -> None:
        super().__init__(settings or make(scenario="sleep"))
        self.picture = picture or sleeping()
        self._fired = self.picture.run
        self.cost = Cost(1.0, 0.0)
        self.calls: list[str] = []
        self.changes: list[Settings] = []
        self.pumped = 0
        self.start_fails: WsgivizError | None = None
        self.logs = Path(tempfile.gettempdir(), "wsgiviz-has-no-such-folder")

    @property
    def cores(self) -> int:
        return 4

    def feed(self, picture: Picture, phase: Phase) -> None:
        """Something happened at the servers."""
        self.picture, self.phase, self._fired = picture, phase, picture.run

    def start(self) -> None:
        self.calls.append("start")
        if self.start_fails:
            raise self.start_fails
        self.phase = Phase.RUNNING

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

    def reload(self) -> None:
        self.calls.append("reload")

    def change(self, settings: Settings) -> None:
        self.calls.append("change")
        self.changes.append(settings)
        self.settings, self.failure, self.phase = settings, None, Phase.RUNNING

    def pump(self) -> Picture:
        self.pumped += 1
        return self.picture

    def close(self) -> None:
        self.calls.append("close")
        self.phase = Phase.CLOSED

    def log_path(self, side: str) -> Path:
        return self.logs / f"{side}.log"


class Seat:
    """Somebody in front of the running app: presses keys, and reads the screen.

    ``begun`` is what the session was asked for before the first key.
    """

    def __init__(self, app: WsgivizApp, session: StandIn, pilot: Pilot[int]) -> None:
        self.app = app
        self.session = session
        self.pilot = pilot
        self.begun: tuple[str, ...] = ()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, condition: Callable[[], bool], what: str = "") -> None:
        """Wait for it; fails with the screen as it is then."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, f"never came: {what or condition}\n{self.text}"
            await self.pilot.pause(0.01)

    async def reads(self, words: str) -> None:
        """Wait for ``words`` to stand on the screen."""
        await self.until(lambda: words in self.text, repr(words))

    async def frames(self, more: int = 2) -> None:
        """Wait for ``more`` looks at the session, and for what they changed."""
        goal = self.session.pumped + more
        await self.until(lambda: self.session.pumped >= goal, "another frame")
        await self.pilot.pause()

    async def scrolled(self) -> None:
        """Wait until what was asked to scroll has come to rest."""
        await self.pilot.wait_for_scheduled_animations()
        await self.frames()

    async def screen_is(self, name: str) -> None:
        await self.until(lambda: type(self.app.screen).__name__ == name, name)
        await self.pilot.pause()

    async def fill(self, name: str, *keys: str) -> Input:
        """Open the form and type into a field."""
        await self.press("o")
        await self.screen_is("FormScreen")
        field = self.app.screen.query_one(f"#{name}", Input)
        field.focus()
        await self.until(lambda: self.app.focused is field)
        await self.press(*keys)
        return field

    async def fail(self, error: WsgivizError) -> None:
        """The servers end with ``error``."""
        self.session.failure, self.session.phase = error, Phase.FAILED
        await self.screen_is("FailureScreen")

    async def resize(self, width: int, height: int) -> None:
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
        return self.app.screen._compositor.render_strips()

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


def watch(
    check: Check,
    session: StandIn | None = None,
    size: tuple[int, int] = (120, 36),
    ascii: bool = False,
    theme: str = "",
) -> StandIn:
    """Run the app on a stand-in, wait for its first frames, and let ``check`` look at it and use it."""
    session = session or StandIn()

    async def run() -> None:
        app = WsgivizApp(session, ascii)
        async with app.run_test(size=size, notifications=True) as pilot:
            if theme:
                app.theme = theme
            seat = Seat(app, session, pilot)
            await seat.frames()
            seat.begun = tuple(session.calls)
            session.calls.clear()
            await check(seat)

    asyncio.run(run())
    return session
