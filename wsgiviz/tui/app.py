"""The terminal program: one frame clock, one session, screens that read its picture."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterable
from types import FrameType
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from wsgiviz import scenarios
from wsgiviz.errors import WsgivizError
from wsgiviz.session import Phase, Session
from wsgiviz.settings import Settings
from wsgiviz.tui.render.glyphs import ASCII, UNICODE
from wsgiviz.tui.screens.live import LiveScreen
from wsgiviz.tui.themes import STAGE, WSGIVIZ

FPS = 30
CALM_EVERY = 8
"""While nothing moves, only every eighth frame is looked at: about four times a second."""

CALM_AFTER_FRAMES = 30

EXIT_WITHIN_S = 4.0
"""An exit in order that was asked for by SIGTERM gets this long; then it is done without order."""


class WsgivizApp(App[int]):
    """Owns the session and the clock. Every action of the live screen ends in a plain call of the session."""

    TITLE = "wsgiviz"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "quit", "quit", show=False, priority=True, system=True),
    ]

    def __init__(self, session: Session, ascii: bool = False) -> None:
        super().__init__()
        self.session = session
        self.glyphs = ASCII if ascii else UNICODE
        self.register_theme(WSGIVIZ)
        self.register_theme(STAGE)
        self.theme = WSGIVIZ.name
        self.live = LiveScreen(session, self.glyphs)
        self._still = 0
        self._seen = 0
        self._frame = 0
        self._failed: WsgivizError | None = None

    @property
    def ascii_only(self) -> bool:
        return self.glyphs is ASCII

    def get_default_screen(self) -> Screen[object]:
        return self.live

    def on_mount(self) -> None:
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """After the first frame: children have to be started from the main thread, and here we are on it."""
        try:
            self.session.start()
        except WsgivizError as error:
            self.session.failure, self.session.phase = error, Phase.FAILED
        self.session.fire()
        self.set_interval(1 / FPS, self._tick)

    def _tick(self) -> None:
        """One frame: take in what happened, and show it."""
        if not self.is_running:  # the screens are being taken down
            return
        self._frame += 1
        if self._still > CALM_AFTER_FRAMES and self._frame % CALM_EVERY:
            return
        picture = self.session.pump()
        events = sum(side.events for side in picture.sides.values())
        calm = events == self._seen and self.session.phase in (Phase.READY, Phase.FINISHED, Phase.FAILED)
        self._still = self._still + 1 if calm else 0
        self._seen = events
        self.live.draw()
        self._show_failure()

    def wake(self) -> None:
        """Something was asked for: look at every frame again."""
        self._still = 0

    def _show_failure(self) -> None:
        failure = self.session.failure
        if failure is not None and failure is not self._failed:
            from wsgiviz.tui.screens.failure import FailureScreen

            self._failed = failure
            self.push_screen(FailureScreen(failure, self.ascii_only))
        elif failure is None:
            self._failed = None

    def change(self, settings: Settings) -> None:
        """Take new settings; servers are restarted where that is needed, and a run is fired."""
        self.wake()
        self.session.change(settings)
        self.live.settings_changed()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield from super().get_system_commands(screen)
        for title, action, help in self.live.commands():
            yield SystemCommand(title, help, lambda action=action: self._run_on_live(action))
        for scenario in scenarios.catalogue():
            yield SystemCommand(
                f"Scenario {scenario.name}", scenario.question, lambda name=scenario.name: self._choose(name)
            )

    async def _run_on_live(self, action: str) -> None:
        await self.live.run_action(action)

    def _choose(self, name: str) -> None:
        no_app = dict.fromkeys(("wsgi", "asgi", "path", "dsn", "only"))
        self.change(self.session.settings.changed(scenario=name, **no_app))

    async def action_quit(self) -> None:
        self.exit(0)


def _collect_seldom() -> None:
    """What is loaded by now stays: a full collection of it takes 50 ms, which a person sees as a frame too late."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)


def run(settings: Settings, ascii: bool = False) -> int:
    """Show ``settings`` until the person quits. Gives the exit status; leaves neither process nor file."""
    session = Session(settings)
    app = WsgivizApp(session, ascii)
    ended_by = 0

    def leave(number: int) -> None:
        """Without another word to the terminal, which may be gone or stuck."""
        session.close()
        os._exit(128 + number)

    def hang_up(number: int, frame: FrameType | None) -> None:
        # The terminal is gone. Textual's writer thread has died of it, and the main thread may already wait for
        # that thread for ever: an exit in order can't be relied on.
        leave(number)

    def terminate(number: int, frame: FrameType | None) -> None:
        nonlocal ended_by
        ended_by = number
        patience = threading.Timer(EXIT_WITHIN_S, leave, [number])
        patience.daemon = True
        patience.start()
        app.call_later(app.exit, 0)

    before = {
        signal.SIGHUP: signal.signal(signal.SIGHUP, hang_up),
        signal.SIGTERM: signal.signal(signal.SIGTERM, terminate),
    }
    _collect_seldom()
    try:
        app.run()
    finally:
        try:
            session.close()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    if ended_by:
        print(f"wsgiviz: ended by {signal.Signals(ended_by).name}", file=sys.stderr)
        return 128 + ended_by
    return app.return_code or 0
