"""The live screen: both servers side by side on one time axis, and a sentence about them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Static

from wsgiviz.model.state import Picture, Slot
from wsgiviz.model.whereabouts import whereabouts
from wsgiviz.session import Phase, Session
from wsgiviz.settings import SMALLEST_TERMINAL, Settings
from wsgiviz.tui.expectation import PATIENCE_S, Expectation, told_reload, told_workers
from wsgiviz.tui.moment import Moment
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.window import Look
from wsgiviz.tui.widgets.caption import CaptionLine
from wsgiviz.tui.widgets.code import CodePane
from wsgiviz.tui.widgets.header import Header
from wsgiviz.tui.widgets.keys import Hint, Keys
from wsgiviz.tui.widgets.pane import Pane

if TYPE_CHECKING:
    from wsgiviz.tui.app import WsgivizApp
    from wsgiviz.tui.screens.workers import Ending

NARROW = 80
ONE_LINE = 110
"""A caption is at most 200 characters or so: below this width it takes two lines."""

SHORT = 34
"""Below this height the code is hidden, for the panes' sake."""

ZOOMS = (1.0, 2.0, 4.0, 8.0, 16.0)

CLOCK_S = 0.1
"""The header's clock shows tenths of a second, and a sentence need not change more often than that either."""


class LiveScreen(Screen[object]):
    """Draws the session's picture at each frame of the app's clock."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "fire", "fire", tooltip="Fire the requests again, at both servers"),
        Binding("f", "fire_one", "one more", tooltip="Fire one request more, at both servers"),
        Binding("plus,equals_sign", "workers(1)", "worker more", tooltip="One WSGI worker more: TTIN"),
        Binding("minus", "workers(-1)", "worker less", tooltip="One WSGI worker less: TTOU"),
        Binding("right_square_bracket", "requests(1)", "more requests", tooltip="More requests, and fire"),
        Binding("left_square_bracket", "requests(-1)", "fewer requests", tooltip="Fewer requests, and fire"),
        Binding("s", "pick", "scenario", tooltip="Choose another scenario"),
        Binding("o", "form", "options", tooltip="All settings, in a form"),
        Binding("p", "pause", "pause", tooltip="Pause the view; the servers go on"),
        Binding("x", "cancel", "cancel", tooltip="Give up the run that is on"),
        Binding("k", "end_worker", "kill", tooltip="End a worker: TERM or KILL (or click its lane)"),
        Binding("r", "reload", "reload", tooltip="Load the apps anew: HUP"),
        Binding("tab,enter", "ledger", "ledger", tooltip="Every request in a table; one in detail (or click it)"),
        Binding("escape", "unfollow", "unfollow", tooltip="Follow no request any more"),
        Binding("less_than_sign", "zoom(-1)", "zoom out", tooltip="Show more time"),
        Binding("greater_than_sign", "zoom(1)", "zoom in", tooltip="Show less time, larger"),
        Binding("left", "pan(-1)", "earlier", tooltip="Look at earlier times"),
        Binding("right", "pan(1)", "later", tooltip="Look at later times"),
        Binding("0", "follow", "follow now", tooltip="Undo zooming and panning"),
        Binding("down", "lanes(1)", "lanes down", tooltip="Show lanes further down"),
        Binding("up", "lanes(-1)", "lanes up", tooltip="Show lanes further up"),
        Binding("c", "code", "code", tooltip="Show or hide the code of both apps"),
        Binding("b", "stage", "big", tooltip="Only panes and caption, strong contrast: for a stage"),
        Binding("l", "logs", "logs", tooltip="What both servers wrote"),
        Binding("question_mark,f1", "help", "help", tooltip="Explain keys and signs"),
        Binding("q", "app.quit", "quit", tooltip="End everything"),
    ]

    def __init__(self, session: Session, glyphs: Glyphs) -> None:
        super().__init__()
        self.session = session
        self.glyphs = glyphs
        self.paused = False
        self.look = Look()
        self._ascii = glyphs.name == "ascii"
        self._frozen: tuple[Picture, int] | None = None
        self._frames: deque[float] = deque(maxlen=30)
        self._theme_before = ""
        self._code_wanted: bool | None = None
        self._header_at = 0.0
        self._followed = 0
        self._expected: list[Expectation] = []

    def compose(self) -> ComposeResult:
        yield Header()
        with Horizontal(id="panes"):
            yield Pane(id="pane-left")
            yield Pane(id="pane-right")
        yield CaptionLine(self._ascii)
        yield CodePane(self.glyphs)
        yield Keys(self._hints())
        yield Static("", id="too-small", markup=False)

    def on_mount(self) -> None:
        self.set_class(self._ascii, "ascii")
        self.settings_changed()
        self.draw()

    def on_resize(self, event: events.Resize) -> None:
        width, height = event.size
        too_small = width < SMALLEST_TERMINAL[0] or height < SMALLEST_TERMINAL[1]
        self.set_class(too_small, "too-small")
        self.set_class(width < NARROW, "narrow")
        self.set_class(width < ONE_LINE, "tight")
        self._arrange_code(height)
        if too_small:
            least = "{} x {}".format(*SMALLEST_TERMINAL)
            text = f"too small: {width} x {height}\nplease make it {least} or more"
            self.query_one("#too-small", Static).update(text)

    def _arrange_code(self, height: int) -> None:
        wanted = self._code_wanted if self._code_wanted is not None else height >= SHORT
        self.set_class(not wanted, "short")

    @property
    def _app(self) -> WsgivizApp:
        return cast("WsgivizApp", self.app)

    # --- drawing --------------------------------------------------------------------------------------------------

    def settings_changed(self) -> None:
        """Another scenario or app: other panes, other code."""
        settings = self.session.settings
        self._pause(False)
        self.look, self._followed = Look(), 0
        self._expected.clear()
        for pane, side in zip_longest(self.query(Pane), settings.sides):
            pane.display = side is not None
        self.query_one(CodePane).show({side: settings.target(side) for side in settings.sides})

    def draw(self) -> None:
        """One frame."""
        if not self.is_mounted or self.has_class("too-small"):
            return
        self._check_expected()
        moment = self._moment()
        for pane, view in zip(self.query(Pane), moment.panes(), strict=False):
            pane.show(view)
        if not self.has_class("short"):
            self.query_one(CodePane).mark([whereabouts(side) for side in moment.sides])
        now = time.monotonic()
        self._frames.append(now)
        if now - self._header_at >= CLOCK_S:
            self._header_at = now
            self.query_one(CaptionLine).show(moment.caption())
            self.query_one(Header).show(moment.header(self._fps(), self.paused))

    def _moment(self) -> Moment:
        if not self.paused or self._frozen is None:
            self._frozen = self.session.picture, time.monotonic_ns()
        return Moment(self.session, self.glyphs, *self._frozen, self.look, self._followed)

    def _fps(self) -> int:
        frames = self._frames
        if len(frames) < 2 or frames[-1] == frames[0]:
            return 0
        return round((len(frames) - 1) / (frames[-1] - frames[0]))

    # --- what a person asks for -----------------------------------------------------------------------------------

    def action_fire(self) -> None:
        self._app.wake()
        self._pause(False)
        self.look = Look()
        if self.session.phase is Phase.FAILED:
            self._app.change(self.session.settings)
        else:
            self.session.fire()

    def action_fire_one(self) -> None:
        self._app.wake()
        self._pause(False)
        self.session.fire_one()

    def action_workers(self, by: int) -> None:
        side = self.session.scaled
        if side is None:
            return
        self._app.wake()
        wanted = self.session.picture.sides[side].wanted or self.session.settings.processes(side)
        if by < 0 and wanted <= 1:
            self.notify("One worker is the least that gunicorn keeps.", timeout=3)
            return
        before = self.session.picture
        (self.session.add_worker if by > 0 else self.session.remove_worker)()
        what = "TTIN" if by > 0 else "TTOU"
        self._expect(told_workers(before, side, wanted + by), f"{what} was sent, and nothing has changed.")

    def action_requests(self, by: int) -> None:
        settings = self.session.settings
        requests = settings.requests
        step = 10 ** max(0, len(str(requests - (by < 0))) - 2) * (5 if requests >= 10 else 1)
        self._app.change(replace(settings, requests=min(100_000, max(1, requests + by * step))))

    def action_cancel(self) -> None:
        self._app.wake()
        self.session.cancel()

    def action_end_worker(self) -> None:
        self._end_worker()

    def _end_worker(self, chosen: Slot | None = None) -> None:
        from wsgiviz.tui.screens.workers import WorkersScreen

        self.app.push_screen(WorkersScreen(self.session, self.glyphs, chosen), self._send_ending)

    def _send_ending(self, ending: Ending | None) -> None:
        from wsgiviz.tui.screens.workers import told_end

        if ending is None:
            return
        side, pid, number = ending
        if self.session.end_worker(side, pid, number):
            self._expect(lambda picture: told_end(picture, side, pid), f"{number.name} was sent; pid {pid} goes on.")
        else:
            self.notify(f"There is no worker with pid {pid} any more.", severity="warning")

    def action_reload(self) -> None:
        self.session.reload()
        self._expect(told_reload(self.session.picture), "HUP was sent, and old workers are still there.")

    def _expect(self, told: Callable[[Picture], str | None], otherwise: str) -> None:
        """Say it once the servers have done what was asked for, or that they have not."""
        self._app.wake()
        self._expected.append(Expectation(told, otherwise, time.monotonic() + PATIENCE_S))

    def _check_expected(self) -> None:
        now, picture = time.monotonic(), self.session.picture
        for expected in list(self._expected):
            words = expected.told(picture)
            if words is not None:
                self.notify(words, timeout=4, markup=False)
            elif now > expected.until_s:
                self.notify(expected.otherwise, severity="warning", markup=False)
            else:
                continue
            self._expected.remove(expected)

    def on_pane_worker_chosen(self, message: Pane.WorkerChosen) -> None:
        self._end_worker(message.key)

    def on_pane_request_chosen(self, message: Pane.RequestChosen) -> None:
        from wsgiviz.tui.screens.inspector import InspectorScreen

        self.app.push_screen(InspectorScreen(self.session, message.side, message.req, self.glyphs))

    def action_ledger(self) -> None:
        from wsgiviz.tui.screens.ledger import LedgerScreen

        self.app.push_screen(LedgerScreen(self.session, self.glyphs))

    def follow_request(self, req: int) -> None:
        """Let the marks of a request stand out in every pane: both sides number the same requests alike."""
        self._app.wake()
        self._followed = req

    def action_unfollow(self) -> None:
        self.follow_request(0)

    def action_pause(self) -> None:
        self._app.wake()
        self._pause(not self.paused)

    def _pause(self, paused: bool) -> None:
        self.paused = paused
        self.set_class(paused, "paused")

    def action_zoom(self, by: int) -> None:
        at = ZOOMS.index(self.look.zoom) + by
        if 0 <= at < len(ZOOMS):
            self._app.wake()
            self.look = Look(ZOOMS[at], self.look.pan)

    def action_pan(self, by: int) -> None:
        self._app.wake()
        self.look = Look(self.look.zoom, self.look.pan + by)

    def action_follow(self) -> None:
        self._app.wake()
        self.look = Look()

    def action_lanes(self, by: int) -> None:
        for pane in self.query(Pane):
            pane.scroll_lanes(by)

    def action_code(self) -> None:
        self._code_wanted = self.has_class("short")
        self._arrange_code(self.size.height)

    def action_stage(self) -> None:
        on = self.toggle_class("stage").has_class("stage")
        if on:
            self._theme_before, self.app.theme = self.app.theme, "wsgiviz-stage"
        else:
            self.app.theme = self._theme_before

    def action_pick(self) -> None:
        from wsgiviz.tui.screens.picker import PickerScreen

        self.app.push_screen(PickerScreen(self.session.settings), self._take)

    def action_form(self) -> None:
        from wsgiviz.tui.screens.form import FormScreen

        self.app.push_screen(FormScreen(self.session.settings), self._take)

    def _take(self, settings: Settings | None) -> None:
        if settings is not None:
            self._app.change(settings)

    def action_logs(self) -> None:
        from wsgiviz.tui.screens.logs import LogsScreen

        paths = {side: self.session.log_path(side) for side in self.session.settings.sides}
        self.app.push_screen(LogsScreen(paths, self._ascii))

    def action_help(self) -> None:
        from wsgiviz.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self.bindings_shown(), self.glyphs))

    def bindings_shown(self) -> list[tuple[str, str]]:
        """Every key of this screen and what it does, for the help."""
        found = []
        for binding in self.BINDINGS:
            assert isinstance(binding, Binding)
            found.append((key_name(binding.key), binding.tooltip))
        return found

    def commands(self) -> list[tuple[str, str, str]]:
        """Title, action and help of everything that can be asked for, for the palette."""
        return [
            (binding.description.capitalize(), binding.action, binding.tooltip)
            for binding in self.BINDINGS
            if isinstance(binding, Binding) and not binding.action.startswith("app.")
        ]

    def _hints(self) -> list[Hint]:
        return [
            ("space", "fire"), ("+ -", "workers"), ("[ ]", "requests"), ("s", "scenario"), ("o", "options"),
            ("p", "pause"), ("k", "kill"), ("tab", "ledger"), ("?", "help"), ("q", "quit"), ("f", "one more"),
            ("x", "cancel"), ("r", "reload"), ("l", "logs"), ("b", "big"), ("< >", "zoom"), ("c", "code"),
            ("^p", "palette"),
        ]  # fmt: skip


KEY_NAMES = {
    "plus": "+", "minus": "-", "left_square_bracket": "[", "right_square_bracket": "]", "question_mark": "?",
    "less_than_sign": "<", "greater_than_sign": ">",
}  # fmt: skip


def key_name(key: str) -> str:
    first = key.partition(",")[0]
    return KEY_NAMES.get(first, first)
