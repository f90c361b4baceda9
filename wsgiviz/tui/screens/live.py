"""The live screen: both servers side by side on one time axis, and a sentence about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from wsgiviz.analysis.contract import is_followed
from wsgiviz.analysis.hot_lines import HotLine, hot_lines
from wsgiviz.options import SMALLEST_TERMINAL
from wsgiviz.settings import Settings
from wsgiviz.state import Location, Phase, Slot
from wsgiviz.tui import intents
from wsgiviz.tui.feed import Frame, Pace, Tenths
from wsgiviz.tui.lesson.intents import ListLessons, OpenLessons
from wsgiviz.tui.live_view import LiveView, at_once
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.window import Viewport
from wsgiviz.tui.screens.bindings import CONTROL, LIVE_HINTS, STAGE_HINTS, VIEW, commands, explained
from wsgiviz.tui.screens.live_sizes import (
    CLOCK_S,
    CODE,
    COUNT_S,
    FRAME,
    NARROW,
    ONE_LINE,
    PANES_BESIDE_CODE,
    SHORT,
    TALL,
    ZOOMS,
    beside_steps,
    code_is_shown,
    fits,
    least_code,
    request_lanes,
)  # fmt: skip
from wsgiviz.tui.source import Source, called, find_source, source_at
from wsgiviz.tui.widgets.caption import CaptionLine, Said
from wsgiviz.tui.widgets.code import LINES_COME, CodePane
from wsgiviz.tui.widgets.contract import ContractPane
from wsgiviz.tui.widgets.header import Header, HeaderView
from wsgiviz.tui.widgets.keeps_lines import Beside, KeepsLines
from wsgiviz.tui.widgets.keys import Hint, Keys
from wsgiviz.tui.widgets.pane import Pane


class LiveScreen(Screen[None], KeepsLines):
    """Draws the frame that it was handed last. What a person asks of the servers goes up as an intent."""

    BINDINGS: ClassVar[list[BindingType]] = [*CONTROL, *VIEW]
    HINTS: ClassVar[Sequence[Hint]] = LIVE_HINTS
    STAGE_HINTS: ClassVar[Sequence[Hint]] = STAGE_HINTS
    BARS = 0
    """Lines of the `bars`."""
    FORETELLS: ClassVar[bool] = True
    """Whether predictions are shown before a run has ended."""

    def __init__(self, frame: Frame, glyphs: Glyphs) -> None:
        super().__init__()
        self.glyphs = glyphs
        self.viewport = Viewport()
        self.followed = 0
        self.frame = frame
        self._settings: Settings | None = None
        self._shown_names: tuple[str, ...] = ()
        self._code_of: Settings | None = None
        self._texts: Mapping[str, str] | None = None
        self._panes = (Pane(id="pane-left"), Pane(id="pane-right"))
        self._pace = Tenths(CLOCK_S)
        self._count_pace = Pace(COUNT_S)
        self._marked: list[list[Location]] = []
        self._ascii = glyphs.name == "ascii"
        self._header_line, self._contract, self._caption = Header(), ContractPane(), CaptionLine(self._ascii)
        self._theme_before = ""
        self._code_wanted: bool | None = None
        self._foretells = self.FORETELLS
        self._by_request: bool | None = None  # as a person has chosen; None: what suits the scenario

    def compose(self) -> ComposeResult:
        yield self._header_line
        with Beside(id="panes"):
            yield from self._panes
        yield self._contract
        yield self._caption
        yield from self.bars()
        yield CodePane(self.glyphs, self._source_at)
        yield Keys(list(self.HINTS))
        yield Static("", id="too-small", markup=False)

    def bars(self) -> Iterator[Widget]:
        """What another kind of this screen has below the sentence."""
        yield from ()

    def on_mount(self) -> None:
        self.set_class(self._ascii, "ascii")
        self._show_keys()
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        self._arrange(*event.size)

    def _arrange(self, width: int, height: int) -> None:
        self.set_class(too_small := width < SMALLEST_TERMINAL[0] or height < SMALLEST_TERMINAL[1], "too-small")
        self.set_class(width < NARROW, "narrow")
        self.set_class(width < ONE_LINE, "tight")
        self.set_class(height >= TALL, "tall")
        self._arrange_code(height)
        if too_small:
            text = "too small: {} x {}\nplease make it {} x {} or more".format(width, height, *SMALLEST_TERMINAL)
            self.query_one("#too-small", Static).update(text)

    @property
    def stage(self) -> bool:
        """For a room: large, in high contrast, and without statistics."""
        return self.has_class("stage")

    def _arrange_code(self, height: int) -> None:
        wanted, whole = self._code_wanted, height - FRAME - self.BARS
        lanes = at_once(self.frame.state.settings) if self.by_request else 0
        if wanted is None and not self.frame.state.attached:
            wanted = height >= SHORT and whole >= CODE and code_is_shown(lanes, whole - CODE, whole)
        self.set_class(not wanted, "short")
        code, followed = self.query_one(CodePane), self.has_class("contract")
        beside = followed and beside_steps(self.size, self.BARS, code.wanted if wanted else 0, self.stage)
        self.query_one("#panes").styles.height = beside[0] if beside else None
        requests = request_lanes(self.frame.state.settings, lanes)
        most = 1 if self.stage else beside[1] if beside else self._code_lines(height, requests)
        code.fit(most, 1 if self.stage or beside else least_code(requests, whole, most))

    def _code_lines(self, height: int, lanes: int) -> int:
        """At most so many for the code: its function whole, if that leaves the panes what they need."""
        code, least = self.query_one(CodePane).wanted, PANES_BESIDE_CODE
        while code > CODE and not (height - FRAME - code >= least and fits(lanes, height - FRAME - code)):
            code -= 1
        return code

    @property
    def _without_code(self) -> int:
        """Lines of a pane where no code is shown."""
        return self.size.height - FRAME - self.BARS

    # --- drawing --------------------------------------------------------------------------------------------------

    def show(self, frame: Frame) -> None:
        """One frame."""
        self.frame = frame
        if self.is_mounted:
            self._draw()

    def _draw(self) -> None:
        newest = self.frame
        settings = newest.state.settings
        names = newest.state.side_names if newest.state.attached else settings.sides
        if (settings is not self._settings and settings != self._settings) or names != self._shown_names:
            self._shown_names = names
            self._take_settings(settings)
        self._show_code()
        if self.has_class("too-small"):
            return
        view = self._view()
        shown = list(view.panes())
        due = self._pace.due_at(shown[0].tenth if shown else 0, newest.shown_s) or not newest.playing
        for pane, pane_view in zip(self._panes, shown, strict=False):
            pane.show(pane_view, exactly=due and (newest.speed < 1 or not newest.playing))
        self._contract.show(list(view.contract()))
        if due:
            if self.stage or not self.has_class("short"):
                self._mark([hot_lines(one.side, one.in_flight, one.now_ns, one.computing) for one in shown])
            self._caption.show(*self._captions(view))
            self._header_line.show(self._header(view))

    def _view(self) -> LiveView:
        return LiveView(
            self.frame, self.glyphs, self.viewport, self.followed, self.by_request, self.stage, self._foretells
        )

    def _captions(self, view: LiveView) -> list[Said]:
        return view.captions()

    def _header(self, view: LiveView) -> HeaderView:
        return view.header(self.frame.fps)

    @property
    def by_request(self) -> bool:
        """Lanes are requests on both sides: as a person has chosen, or else where that compares two models and
        there is a row for each."""
        if self._by_request is not None:
            return self._by_request
        settings = self.frame.state.settings
        scenario = settings.scenario_used
        if self.frame.state.attached:
            return False
        if scenario is not None and scenario.lanes:
            return scenario.lanes == "requests"
        models = {side in ("wsgi", "wsgi2") for side in settings.sides}
        return len(models) > 1 and fits(at_once(settings), self._without_code)

    def action_lanes_of(self) -> None:
        self._by_request = not self.by_request
        self._arrange_code(self.size.height)

    def _mark(self, lines: list[tuple[HotLine, ...]]) -> None:
        """In the code: another line at once, how many are there a few times a second."""
        places = [[line.place for line in of_side] for of_side in lines]
        if self._count_pace.due(self.frame.shown_s) or places != self._marked or not self.frame.playing:
            self._marked = places
            self.query_one(CodePane).mark(lines, over=self.frame.state.phase is Phase.FINISHED)

    def _take_settings(self, settings: Settings) -> None:
        """Another scenario or app: other panes."""
        if self._settings is not None:
            if settings.name != self._settings.name:
                self._by_request = None
            self.begin_anew()
        self._settings = settings
        self.set_class(is_followed(settings), "contract")
        self._arrange_code(self.size.height)
        for pane, side in zip_longest(self._panes, self._shown_names[: len(self._panes)]):
            pane.display = side is not None

    def _show_code(self) -> None:
        """The apps of the settings, as their text is known by now."""
        settings, texts = self.frame.state.settings, self.frame.state.sources
        if texts is self._texts and settings is self._code_of:
            return
        self._texts, self._code_of = texts, settings
        if self.frame.state.attached:
            self.query_one(CodePane).show([Source(name, 1, (), LINES_COME) for name in self._shown_names])
            return
        targets = [settings.target(side) for side in settings.sides]
        files = not self.frame.recorded
        calls = [called(settings, side) for side in settings.sides]
        self.query_one(CodePane).show([find_source(target, texts, files) for target in targets], calls)
        self._arrange_code(self.size.height)

    def _source_at(self, file: str, line: int, beside: str) -> Source | None:
        """The function round that line. Of a recording only what is in it: files here may be others."""
        return source_at(file, line, beside, self.frame.state.sources, files=not self.frame.recorded)

    def begin_anew(self) -> None:
        """Show what comes as it comes, all of it."""
        self.viewport, self.followed = Viewport(), 0

    # --- what is asked of the servers -------------------------------------------------------------------------------

    def action_fire(self) -> None:
        self.viewport = Viewport()
        self.post_message(intents.Fire())

    def action_fire_one(self) -> None:
        self.post_message(intents.FireOne())

    def action_workers(self, by: int) -> None:
        self.post_message(intents.ScaleWorkers(by))

    def action_requests(self, by: int) -> None:
        settings = self.frame.state.settings
        requests = settings.requests
        step = 10 ** max(0, len(str(requests - (by < 0))) - 2) * (5 if requests >= 10 else 1)
        self._take(replace(settings, requests=min(100_000, max(1, requests + by * step))))

    def action_cancel(self) -> None:
        self.post_message(intents.Cancel())

    def action_reload(self) -> None:
        self.post_message(intents.Reload())

    def action_end_worker(self) -> None:
        self._choose_worker()

    def _choose_worker(self, chosen: Slot | None = None) -> None:
        from wsgiviz.tui.screens.workers import Ending, WorkersScreen

        def end(ending: Ending | None) -> None:
            if ending is not None:
                self.post_message(intents.EndWorker(*ending))

        self.app.push_screen(WorkersScreen(self.frame, self.glyphs, chosen), end)

    def action_pick(self) -> None:
        from wsgiviz.tui.screens.picker import PickerScreen

        self.app.push_screen(PickerScreen(self.frame.state.settings), self._picked)

    def _picked(self, picked: Settings | str | None) -> None:
        if isinstance(picked, str):
            self.post_message(ListLessons(clinic=picked == "clinic"))
        else:
            self._take(picked)

    def action_lessons(self) -> None:
        self.post_message(OpenLessons())

    def action_form(self) -> None:
        from wsgiviz.tui.screens.form import FormScreen

        self.app.push_screen(FormScreen(self.frame.state.settings), self._take)

    def _take(self, settings: Settings | None) -> None:
        if settings is not None:
            self.begin_anew()
            self.post_message(intents.ChangeSettings(settings))

    def action_save(self) -> None:
        from wsgiviz.tui.screens.save import SaveScreen

        def save(path: Path | None) -> None:
            if path is not None:
                self.post_message(intents.SaveRun(path))

        self.app.push_screen(SaveScreen(self.frame.state, self._ascii), save)

    # --- what is asked of the view ----------------------------------------------------------------------------------

    def on_pane_worker_chosen(self, message: Pane.WorkerChosen) -> None:
        self._choose_worker(message.key)

    def on_pane_request_chosen(self, message: Pane.RequestChosen) -> None:
        from wsgiviz.tui.screens.inspector import InspectorScreen

        self.app.push_screen(InspectorScreen(self.frame, message.side, message.req, self.glyphs), self._follow)

    def action_ledger(self) -> None:
        from wsgiviz.tui.screens.ledger import LedgerScreen

        self.app.push_screen(LedgerScreen(self.frame, self.glyphs), self._follow)

    def _follow(self, req: int | None) -> None:
        self.followed = self.followed if req is None else req

    def action_runs(self) -> None:
        from wsgiviz.tui.screens.runs import RunsScreen

        self.app.push_screen(RunsScreen(self.frame, self.glyphs))

    def action_unfollow(self) -> None:
        self.followed = 0

    def action_enter_playback(self, by: int = 0) -> None:
        self.post_message(intents.EnterPlayback(by))

    def action_slow_motion(self) -> None:
        self.post_message(intents.EnterPlayback(slow=True))

    def action_zoom(self, by: int) -> None:
        at = ZOOMS.index(self.viewport.zoom) + by
        if 0 <= at < len(ZOOMS):
            self.viewport = Viewport(ZOOMS[at], self.viewport.pan)

    def action_pan(self, by: int) -> None:
        self.viewport = Viewport(self.viewport.zoom, self.viewport.pan + by)

    def action_follow(self) -> None:
        self.viewport = Viewport()

    def action_lanes(self, by: int) -> None:
        for pane in self.query(Pane):
            pane.scroll_lanes(by)

    def action_code(self) -> None:
        self._code_wanted = self.has_class("short")
        self._arrange_code(self.size.height)

    def action_stage(self) -> None:
        on = self.toggle_class("stage").has_class("stage")
        self._pace.reset()  # header and sentence at once, too
        self._show_keys()
        self._arrange_code(self.size.height)
        self.query_one(CodePane).stand(above=on)
        theme = "wsgiviz-stage" if on else self._theme_before
        self._theme_before, self.app.theme = self.app.theme, theme

    def _show_keys(self) -> None:
        self.query_one(Keys).show(self.STAGE_HINTS if self.stage else self.HINTS)

    def action_logs(self) -> None:
        from wsgiviz.tui.screens.logs import LogsScreen

        self.app.push_screen(LogsScreen(self.frame, self._ascii))

    def action_help(self) -> None:
        from wsgiviz.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(explained(self.BINDINGS), self.glyphs))

    def commands(self) -> list[tuple[str, str, str]]:
        """Title, action and help of everything that can be asked for, for the palette."""
        return commands(self.BINDINGS)
