"""The lesson screen: a step's text beside the live panes, with what it says to look at marked in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import ClassVar

from msgspec.structs import replace as with_fields
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.widgets import Static

from wsgiviz.analysis.captions import Caption
from wsgiviz.events import RUN_STRIDE
from wsgiviz.tui.feed import Frame
from wsgiviz.tui.lesson import intents
from wsgiviz.tui.lesson.view import RECORDED, LessonView
from wsgiviz.tui.live_view import LiveView
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.screens.live import LiveScreen
from wsgiviz.tui.screens.live_sizes import CODE, NARROW, SHORT
from wsgiviz.tui.widgets.caption import Said
from wsgiviz.tui.widgets.code import CodePane
from wsgiviz.tui.widgets.header import HeaderView
from wsgiviz.tui.widgets.keeps_lines import Beside
from wsgiviz.tui.widgets.keys import Hint, Keys
from wsgiviz.tui.widgets.step_text import StepText

BESIDE = 120
"""From this width on the text is beside the panes, below it above them."""

TALL = 50
"""From this height on there is room for the code, beside the text."""

LEAST_PANE = 8
"""Lines that the text leaves to the panes."""

FRAME, CAPTION, LOW_CODE = 2, 2, 5
"""Lines of header and keys, of the caption, and of the code in a low window."""

SHORTEST_TEXT = 4

OF_RUNS: list[Hint] = [("r", "run")]
OF_RECORDINGS: list[Hint] = [("F9", "recording")]
OF_QUESTIONS: list[Hint] = [("a", "answer")]
ALWAYS: list[Hint] = [("escape", "free play"), ("?", "help"), ("q", "quit")]
MORE: list[Hint] = [("n", "skip"), ("p", "playback"), ("t", "timer"), ("s", "lessons"), ("b", "big"), ("c", "code")]


class LessonScreen(LiveScreen, inherit_bindings=False):
    """The live screen's panes with a lesson's step. It is handed `LessonView`s by its attribute ``lesson``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,pagedown,enter", "forward", "next", tooltip="Answer, run, or go to the next step"),
        Binding("n,right", "skip", "skip", tooltip="Go to the next step at once"),
        Binding("pageup,left,backspace", "back", "back", tooltip="Go to the step before"),
        Binding("r", "run_step", "run", tooltip="Run this step, again"),
        Binding("f9", "recorded", "recording", tooltip="Go on from this run's recording"),
        Binding("a", "answer", "answer", tooltip="Answer this step's question, again"),
        Binding("t", "timer", "timer", tooltip="Pause the timer, or let it go on"),
        Binding("escape,g", "free_play", "free play", tooltip="All live keys; g comes back to the lesson"),
        Binding("s", "list", "lessons", tooltip="Choose another lesson"),
        Binding("p", "enter_playback", "playback", tooltip="Play back what has been seen; the servers go on"),
        Binding("x", "cancel", "cancel", tooltip="Cancel the current run"),
        Binding("tab", "ledger", "ledger", tooltip="All requests in a table; one in detail (or click it)"),
        Binding("down", "text(1)", "down", tooltip="The text further down, or lanes"),
        Binding("up", "text(-1)", "up", tooltip="The text further up, or lanes"),
        Binding("less_than_sign", "zoom(-1)", "zoom out", tooltip="Show more time"),
        Binding("greater_than_sign", "zoom(1)", "zoom in", tooltip="Show less time, in more detail"),
        Binding("v", "lanes_of", "lanes", tooltip="Lanes by request, or by worker"),
        Binding("c", "code", "code", tooltip="Show or hide the code of both apps"),
        Binding("b", "stage", "big", tooltip="Text, panes and caption only, in high contrast: for a stage"),
        Binding("l", "logs", "logs", tooltip="The logs of both servers"),
        Binding("question_mark,f1", "help", "help", tooltip="Explain keys and signs"),
        Binding("q", "app.quit", "quit", tooltip="Stop everything, and quit"),
    ]
    HINTS: ClassVar[Sequence[Hint]] = [*ALWAYS, *MORE]
    FORETELLS: ClassVar[bool] = False  # that is the learner's part

    def __init__(self, frame: Frame, glyphs: Glyphs, lesson: LessonView, big: bool = False) -> None:
        super().__init__(frame, glyphs)
        self.lesson = lesson
        self._big = big
        self._code_pointed = False

    def compose(self) -> ComposeResult:
        yield self._header_line
        with Container(id="lesson"):
            yield StepText(self._ascii)
            with Vertical(id="lesson-panes"):
                with Beside(id="panes"):
                    yield from self._panes
                yield self._contract
                yield self._caption
                yield CodePane(self.glyphs, self._source_at)
        yield Keys(list(self.HINTS))
        yield Static("", id="too-small", markup=False)

    def on_mount(self) -> None:
        """`LiveScreen.on_mount` comes after this: Textual calls both."""
        if self._big:
            self.action_stage()

    # --- arranging --------------------------------------------------------------------------------------------------

    def action_code(self) -> None:
        super().action_code()
        self._arrange(*self.size)

    def _arrange(self, width: int, height: int) -> None:
        super()._arrange(width, height)
        beside = width >= BESIDE
        self.set_class(beside, "beside")
        narrow = width < NARROW
        stacked = narrow and height < TALL
        self.set_class(stacked, "stacked")
        text = self.query_one(StepText)
        text.styles.width = self._text_width(width) if beside else "1fr"
        text.styles.height = "1fr" if beside else "auto"
        below = LOW_CODE if self.has_class("low-code") else 0 if stacked else CAPTION
        least = LEAST_PANE * (2 if narrow else 1)
        text.styles.max_height = None if beside else max(SHORTEST_TEXT, height - FRAME - below - least)

    @staticmethod
    def _text_width(width: int) -> int:
        return min(72, max(42, width // 3))

    def _arrange_code(self, height: int) -> None:
        """Only where there is much room, or somebody wants it. In a low window it takes the caption's place."""
        wanted = self._code_pointed or (self._code_wanted if self._code_wanted is not None else height >= TALL)
        self.set_class(not wanted, "short")
        self.set_class(wanted and height < SHORT, "low-code")
        self.query_one(CodePane).fit(1 if self.stage else LOW_CODE if height < SHORT else CODE)

    @property
    def _without_code(self) -> int:
        """Lines of a pane: whether requests have a lane each is decided by what the text leaves."""
        return self._panes[0].size.height

    # --- drawing ----------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        self._point()
        super()._draw()
        if not self.has_class("too-small"):
            self.query_one(StepText).show(self.lesson)
            self.query_one(Keys).show(self._hints())

    def _hints(self) -> list[Hint]:
        """What space does, or what one waits for; then the keys that do something in this step."""
        lesson = self.lesson
        back: list[Hint] = [("pgup", "back")] if lesson.number > 1 else []
        own = OF_QUESTIONS * lesson.has_question + OF_RUNS * lesson.has_run + OF_RECORDINGS * lesson.has_recording
        first = ("space", lesson.space) if lesson.space else ("", lesson.waiting)
        return [first, *back, *ALWAYS, *own, *MORE]

    def _show_keys(self) -> None:
        """They are the step's, on stage too."""

    def _point(self) -> None:
        """Mark what the step says to look at, with a sign in the rows and a border round the code."""
        pointers, state = self.lesson.pointers, self.frame.state
        for pane, side in zip_longest(self._panes, state.settings.sides[:2]):
            parts = [pointer for pointer in pointers if pointer.side == side and pointer.part != "code"]
            names = [
                f"request {state.fired * RUN_STRIDE + one.request}" if one.request else one.part for one in parts
            ]
            pane.point(tuple(names))
        self.followed = next((state.fired * RUN_STRIDE + one.request for one in pointers if one.request), 0)
        code = {pointer.side for pointer in pointers if pointer.part == "code"}
        self.query_one(CodePane).point([side in code for side in state.settings.sides])
        if bool(code) != self._code_pointed:
            self._code_pointed = bool(code)
            self._arrange(*self.size)

    def _captions(self, view: LiveView) -> list[Said]:
        """What to press next is the lesson's to say."""
        return [(name, protocol, _keyless(caption)) for name, protocol, caption in view.captions()]

    def _header(self, view: LiveView) -> HeaderView:
        lesson = self.lesson
        minutes, seconds = divmod(lesson.timer_s, 60)
        timer = f"timer {minutes}:{seconds:02d}{'' if lesson.timing else ' paused'}"
        shown = super()._header(view)
        words = [timer, RECORDED if lesson.recorded else shown.state]
        late = shown.driver_late_ms if self.size.width >= BESIDE else 0
        quiet = replace(shown, wsgi_call="", asgi_call="", load="", driver_late_ms=late)
        return replace(quiet, name=lesson.lesson, state="  ".join(words))

    # --- what is asked for ------------------------------------------------------------------------------------------

    def action_forward(self) -> None:
        self.post_message(intents.ForwardInLesson())

    def action_skip(self) -> None:
        self.post_message(intents.ForwardInLesson(skip=True))

    def action_back(self) -> None:
        self.post_message(intents.BackInLesson())

    def action_run_step(self) -> None:
        self.post_message(intents.RunLessonStep())

    def action_recorded(self) -> None:
        self.post_message(intents.RunLessonStep(recorded=True))

    def action_answer(self) -> None:
        self.post_message(intents.AnswerLessonQuestion())

    def action_timer(self) -> None:
        self.post_message(intents.ToggleLessonTimer())

    def action_free_play(self) -> None:
        self.post_message(intents.PlayFreely())

    def action_list(self) -> None:
        self.post_message(intents.ListLessons())

    def action_text(self, by: int) -> None:
        """Scroll the text where there is more of it, else the lanes."""
        text = self.query_one(StepText)
        if text.max_scroll_y:
            text.scroll_relative(y=by, animate=False)
        else:
            self.action_lanes(by)


def _keyless(caption: Caption) -> Caption:
    """Without the keys that a person could press on the live screen: some mean something else here."""
    found = caption.verdict
    return with_fields(caption, keys="", verdict=with_fields(found, next=()) if found is not None else None)
