"""The terminal program: one frame clock, one feed, screens that show its frames and say what a person asks for."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import events, on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from wsgiviz import scenarios
from wsgiviz.errors import WsgivizError
from wsgiviz.lessons.model import Lesson
from wsgiviz.printable import printable
from wsgiviz.settings import Settings, make
from wsgiviz.state import Failure, Phase
from wsgiviz.tui import intents
from wsgiviz.tui.expectation import Expectations, reloaded, worker_ended, workers_changed
from wsgiviz.tui.feed import Feed, Frame, Pace, Playback, Saving, TakesFrames
from wsgiviz.tui.frame_clock import FrameClock
from wsgiviz.tui.intents import Controls
from wsgiviz.tui.leaving import leaving
from wsgiviz.tui.palette_commands import common_commands, open_palette
from wsgiviz.tui.past import Past
from wsgiviz.tui.readable_theme import readable
from wsgiviz.tui.refusal import refusal
from wsgiviz.tui.render.glyphs import ASCII, UNICODE
from wsgiviz.tui.screens.live import LiveScreen
from wsgiviz.tui.screens.opening import first_screen
from wsgiviz.tui.themes import STAGE, WSGIVIZ
from wsgiviz.tui.widgets.caption import CaptionLine

CALM_SHOWN_S = 1.0
"""While nothing moves, this often is enough to show that: only what is long past can change."""

MUCH = 32
"""With more events in a frame, the next one is soon enough: there will be something new in each."""


class WsgivizApp(App[int]):
    """Owns the feed and the clock. Attributes go down to the screens, intents come up from them.

    ``controls`` carries out what is asked of the servers, ``playback`` what is asked of a recording.
    """

    TITLE = "wsgiviz"
    QUITS = "Stop everything, and quit"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "quit", "quit", show=False, priority=True, system=True),
    ]

    def __init__(
        self, feed: Feed, controls: Controls | None = None, playback: Playback | None = None, ascii: bool = False
    ) -> None:
        super().__init__()
        self.glyphs = ASCII if ascii else UNICODE
        self.register_theme(WSGIVIZ)
        self.register_theme(STAGE)
        self.theme = WSGIVIZ.name
        self.clock = FrameClock(self, self._frame)
        self._feed = feed
        self._controls = controls
        self._playback = playback
        self._past: Past | None = None
        self._now_ns = self._shown_ns = feed.state.t_ns
        self.live = first_screen(self._made(), self.glyphs, playback)
        self._calm_pace = Pace(CALM_SHOWN_S)
        self._drawn = feed.state
        self._much = False
        self._expected = Expectations()
        self._saving: tuple[Saving, str] | None = None
        self._failed: Failure | None = None
        self._problem = ""

    @property
    def ascii_only(self) -> bool:
        return self.glyphs is ASCII

    def get_css_variables(self) -> dict[str, str]:
        return readable(super().get_css_variables())

    def get_default_screen(self) -> Screen[Any]:
        return self.live

    def on_mount(self) -> None:
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """After the first frame: children have to be started from the main thread, and here we are on it."""
        if self._controls is not None:
            self._controls.start()
            self._controls.fire()
        self.clock.start()

    # --- frames -----------------------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """Whatever a person does is shown at once."""
        if isinstance(event, events.InputEvent | events.Resize):
            self.clock.wake()
        await super().on_event(event)

    @property
    def _shown(self) -> Feed:
        """What the screens show: the feed, or its past."""
        return self._past.feed if self._past is not None else self._feed

    @property
    def _played(self) -> Playback | None:
        return self._past.feed if self._past is not None else self._playback

    def _made(self, shown_s: float = 0.0) -> Frame:
        playhead = self._played.playhead if self._played is not None else None
        return Frame.of(self._shown, self._shown_ns, shown_s, self.clock.fps, playhead)

    def _frame(self) -> None:
        """One frame: take in what happened, and show it. Between two frames, only if a request has moved."""
        if not self.is_running:  # the screens are being taken down
            return
        early = self.clock.early
        if early and self._much:
            return
        self._now_ns = self._shown_ns = self._shown.advance()
        if self._past is not None:
            self._now_ns = self._past.feed.live_ns
            if self._past.feed.caught_up:
                self._past.leave(self.screen)
        if early and not self._moved():
            return
        shown_s = self.clock.tick()
        calm = self._shown.calm and not self._expected and self._saving is None
        if calm and self.clock.slow and not self._calm_pace.due(shown_s):
            return
        frame = self._made(shown_s)
        self._settle(frame if self._past is None else Frame.of(self._feed, self._now_ns, shown_s))
        for screen in self._seen():
            if isinstance(screen, TakesFrames):
                screen.show(frame)
        self.clock.calm(calm)
        events = frame.state.events
        self._much, self._drawn = events - self._drawn.events > MUCH, frame.state

    def _seen(self) -> list[Screen[Any]]:
        """The screens that frames are for."""
        return self.screen_stack if self._past is None else self._past.shown_in(self.screen_stack)

    def _moved(self) -> bool:
        """Something has become of a request since the last frame."""
        sides, before = self._shown.state.sides, self._drawn.sides
        return any(name not in before or side.ledger is not before[name].ledger for name, side in sides.items())

    def _settle(self, frame: Frame) -> None:
        """Say what has come of what was asked for, and what went wrong."""
        for words, happened in self._expected.settle(frame.state, frame.now_ns):
            self._say(words, warn=not happened, timeout=4 if happened else 5)
        if self._saving is not None and (self._saving[0].finished or self._saving[0].failure):
            self._say_saved(*self._saving)
            self._saving = None
        if frame.problem and not self._problem:  # it may get longer: it is said once
            self._say(frame.problem, warn=True, timeout=10)
        self._problem = frame.problem
        self._show_failure(frame.state.failure)

    def _show_failure(self, failure: Failure | None) -> None:
        before, self._failed = self._failed, failure
        if failure is not None and failure != before:
            if self._past is not None:
                self._past.leave(self.screen)
            from wsgiviz.tui.screens.failure import FailureScreen

            self.push_screen(FailureScreen(failure, self.ascii_only, self._feed.recorded), self._after_failure)

    async def _after_failure(self, action: str | None) -> None:
        if action is not None:
            await self.live.run_action(action)

    @property
    def _commanded(self) -> LiveScreen:
        """The screen that the palette's actions are for."""
        return self.live

    def _say(self, words: str, warn: bool = False, timeout: float = 3) -> None:
        """In place of the sentence where it fits there, else over the screen; ``words`` may hold anything."""
        self.clear_notifications()  # one at a time, so that it stays below the figures
        text = printable(words[:1].upper() + words[1:], self.ascii_only)
        if any(caption.notice(text, warn, timeout) for caption in self.screen.query(CaptionLine)):
            return
        self.notify(text, severity="warning" if warn else "information", timeout=timeout, markup=False)

    # --- what is asked of the servers -------------------------------------------------------------------------------

    def _servers(self) -> Controls | None:
        """Who carries it out; None in a recording, where a message says so."""
        if self._controls is None:
            self._say(refusal(self._feed))
        return self._controls

    @on(intents.AskServers)
    def _asked(self) -> None:
        self._say(refusal(self._feed, self._past is not None))

    @on(intents.Fire)
    def _fire(self) -> None:
        if servers := self._servers():
            if self._feed.state.phase is Phase.FAILED:
                self._change(self._feed.state.settings)
            else:
                servers.fire()

    @on(intents.FireOne)
    def _fire_one(self) -> None:
        if servers := self._servers():
            servers.fire_one()

    @on(intents.Cancel)
    def _cancel(self) -> None:
        if servers := self._servers():
            servers.cancel()

    def _servers_up(self) -> bool:
        """Whether signals can be sent to masters; says so when not."""
        phase = self._feed.state.phase
        if phase in (Phase.NEW, Phase.STARTING, Phase.MEASURING):
            self._say("The servers are not ready yet.", warn=True)
            return False
        return phase not in (Phase.FAILED, Phase.CLOSED)

    @on(intents.Reload)
    def _reload(self) -> None:
        servers = self._servers()
        if servers and self._servers_up():
            before = self._feed.state
            servers.reload()
            self._expected.add(reloaded(before), "HUP was sent, and old workers are still there.", self._now_ns)

    @on(intents.ScaleWorkers)
    def _scale(self, message: intents.ScaleWorkers) -> None:
        servers, before, by = self._servers(), self._feed.state, message.by
        side = servers.scaled if servers is not None else None
        if servers is None or side is None or side not in before.sides or not self._servers_up():
            return
        wanted = before.sides[side].server.wanted or before.settings.processes(side)
        if by < 0 and wanted <= 1:
            self._say("One worker is the least that gunicorn keeps.")
            return
        (servers.add_worker if by > 0 else servers.remove_worker)()
        sent = "TTIN" if by > 0 else "TTOU"
        otherwise = f"{sent} was sent, and nothing has changed."
        self._expected.add(workers_changed(before, side, wanted + by), otherwise, self._now_ns)

    @on(intents.EndWorker)
    def _end_worker(self, message: intents.EndWorker) -> None:
        side, pid, number = message.side, message.pid, message.number
        if servers := self._servers():
            if servers.end_worker(side, pid, number):
                otherwise = f"{number.name} was sent; pid {pid} goes on."
                self._expected.add(worker_ended(side, pid), otherwise, self._now_ns)
            else:
                self._say(f"There is no worker with pid {pid} any more.", warn=True)

    @on(intents.ChangeSettings)
    def _change_settings(self, message: intents.ChangeSettings) -> None:
        self._change(message.settings)

    def _change(self, settings: Settings) -> None:
        """Take new settings; servers are restarted where that is needed, and a run is fired."""
        if servers := self._servers():
            self._expected.clear()
            servers.change(settings)
            self.live.begin_anew()

    # --- recordings -------------------------------------------------------------------------------------------------

    @on(intents.SaveRun)
    def _save(self, message: intents.SaveRun) -> None:
        if self._saving is not None:
            self._say("A recording is being saved already.", warn=True)
            return
        try:
            self._saving = self._feed.save(message.path)
        except WsgivizError as error:
            self._say(f"{error.message} ({error.hint})" if error.hint else error.message, warn=True, timeout=8)

    def _say_saved(self, saving: Saving, what: str) -> None:
        from wsgiviz.tui.screens.save import size_words

        if saving.failure:
            self._say(f"Not saved: {saving.failure}", warn=True, timeout=8)
        else:
            self._say(f"Saved to {saving.path}: {what}, {size_words(saving.path)}.", timeout=8)

    # --- playback ---------------------------------------------------------------------------------------------------

    @on(intents.AskPlayback)
    def _ask_playback(self, message: intents.AskPlayback) -> None:
        problem = message.ask(self._played) if self._played is not None else None
        if problem:
            self._say(problem, warn=True)

    @on(intents.EnterPlayback)
    def _enter_playback(self, message: intents.EnterPlayback) -> None:
        """In a screen over the one that asks; the servers go on."""
        asking = self.screen
        if self._past is None and isinstance(asking, LiveScreen):
            self._past = Past.of(self._feed, asking, message.by, message.slow)
            if self._past is not None:
                self.push_screen(self._past.screen, self._left_playback)
            else:
                self._say("There is nothing to play back yet.")

    def _left_playback(self, _: object) -> None:
        self._past = None

    # --- palette and end --------------------------------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield from common_commands(self, self.QUITS)
        commanded = self._past.screen if self._past is not None else self._commanded
        for title, action, help in commanded.commands():
            yield SystemCommand(title, help, partial(commanded.run_action, action))
        if self._controls is not None and self._past is None:
            for scenario in scenarios.catalogue():
                title = f"Scenario {scenario.name}"
                yield SystemCommand(title, scenario.question, partial(self._choose, scenario.name))

    def action_command_palette(self) -> None:
        open_palette(self, self.ascii_only)

    def _choose(self, name: str) -> None:
        no_app = dict.fromkeys(("wsgi", "asgi", "path", "dsn", "only"))
        self._change(self._feed.state.settings.changed(scenario=name, **no_app))

    async def action_quit(self) -> None:
        self.exit(0)


def run(settings: Settings, ascii: bool = False, record: str | None = None) -> int:
    """Show ``settings`` until the person quits. Gives the exit status; leaves neither process nor file.

    ``record``: a file to which everything is written meanwhile. Raises WsgivizError when that can't be.
    """
    from wsgiviz.tui.lesson.app import LessonApp
    from wsgiviz.tui.live_feed import LiveFeed

    feed = LiveFeed(settings, record)
    status = show(LessonApp(feed, feed.controller, ascii=ascii), feed)
    if record is not None:
        print(f"wsgiviz: {printable(feed.problem or f'recorded to {record}')}", file=sys.stderr)
    return status


def run_lesson(lesson: Lesson | None, ascii: bool = False, clinic: bool = False) -> int:
    """Lead through a lesson, on servers; with None the list of lessons comes first. ``clinic``: its cases instead.

    Gives the exit status; leaves neither process nor file, but for the progress.
    """
    from wsgiviz.tui.lesson.app import LessonApp, Opening
    from wsgiviz.tui.live_feed import LiveFeed

    feed = LiveFeed(make())
    app = LessonApp(feed, feed.controller, ascii=ascii, opening=Opening(lesson, clinic))
    return show(app, feed)


def run_replay(
    path: str, ascii: bool = False, loop: bool = False, beside: str | None = None, side: str | None = None
) -> int:
    """Show a recording until the person quits, again and again with ``loop``. Gives the exit status.

    ``beside``: another recording; of both, ``side`` is shown. Raises WsgivizError when nothing of one can be read;
    what is damaged is shown as far as it goes.
    """
    from wsgiviz.tui.pair_feed import PairFeed
    from wsgiviz.tui.replay_feed import ReplayFeed

    feed = ReplayFeed(path, loop) if beside is None else PairFeed(path, beside, side, loop)
    return show(WsgivizApp(feed, playback=feed, ascii=ascii), feed)


def show(app: WsgivizApp, feed: Feed) -> int:
    """Run ``app`` until the person quits, and close ``feed``. Gives the exit status."""
    _collect_seldom()
    with leaving(app, feed.close) as how:
        app.run()
    return how.status(app.return_code or 0)


def _collect_seldom() -> None:
    """What is loaded by now stays: a full collection of it takes 50 ms, which a person sees as a frame too late."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)
