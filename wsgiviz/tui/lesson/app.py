"""The terminal program with its lessons: leads through one on the same servers, and lets go of it for free play."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from textual import on
from textual.app import SystemCommand
from textual.screen import Screen

from wsgiviz.errors import WsgivizError
from wsgiviz.lessons import library
from wsgiviz.lessons.library import Shelf
from wsgiviz.lessons.model import Lesson
from wsgiviz.lessons.recordings import recording_of
from wsgiviz.settings import Settings, check_installed
from wsgiviz.state import Failure, Phase
from wsgiviz.tui.app import WsgivizApp
from wsgiviz.tui.feed import Feed, Frame, Playback
from wsgiviz.tui.intents import Controls
from wsgiviz.tui.lesson import intents
from wsgiviz.tui.lesson.guide import LessonGuide
from wsgiviz.tui.lesson.position import Publisher
from wsgiviz.tui.lesson.progress import ProgressFile
from wsgiviz.tui.lesson.recorded import StandInFeed
from wsgiviz.tui.lesson.session import Guess
from wsgiviz.tui.lesson.timer import SessionTimer
from wsgiviz.tui.lesson.view import LessonView, lesson_view
from wsgiviz.tui.screens.lesson import LessonScreen
from wsgiviz.tui.screens.live import LiveScreen

TITLES = {False: "Lessons", True: "The clinic: what people run into"}


@dataclass(frozen=True, slots=True)
class Opening:
    """What the program begins with: a lesson, or the list of them when that is None. ``clinic``: its cases."""

    lesson: Lesson | None = None
    clinic: bool = False


class LessonApp(WsgivizApp):
    """Without an ``opening`` it begins as ever, on the live screen."""

    def __init__(
        self,
        feed: Feed,
        controls: Controls | None = None,
        playback: Playback | None = None,
        ascii: bool = False,
        opening: Opening | None = None,
        progress: ProgressFile | None = None,
        publisher: Publisher | None = None,
        shelf: Callable[[bool], Shelf] | None = None,
    ) -> None:
        super().__init__(feed, controls, playback, ascii)
        self._opening = opening
        self._live_feed = feed
        self._guide: LessonGuide | None = None
        self._lesson_screen: LessonScreen | None = None
        self._progress = progress or ProgressFile()
        self._publisher = publisher or Publisher()
        self._shelf = shelf or (lambda clinic: library.clinic() if clinic else library.course())
        self._clinic = opening is not None and opening.clinic
        self._looked_for, self._found = ("", -1), False
        self._timer: SessionTimer | None = None

    def _begin(self) -> None:
        if self._opening is None:
            super()._begin()
            return
        self.clock.start()
        if self._opening.lesson is not None:
            self._lead_through(self._opening.lesson)
        else:
            self._show_list()

    async def action_quit(self) -> None:
        self._publisher.close()
        await super().action_quit()

    def on_unmount(self) -> None:
        self._publisher.close()
        self._leave_recording()

    # --- frames -----------------------------------------------------------------------------------------------------

    def _seen(self) -> list[Screen[Any]]:
        """What is below the lesson can't be seen."""
        stack = super()._seen()
        shown = self._lesson_screen
        return stack[stack.index(shown) :] if shown in stack else stack

    def _settle(self, frame: Frame) -> None:
        super()._settle(frame)
        guide = self._guide
        if guide is None:
            return
        awaited = guide.awaited
        outcome = guide.watch(frame)
        if outcome is not None and outcome.failure is not None and not outcome.recorded and awaited is not None:
            self._go_on_without_servers(awaited.index)
        self._publisher.publish(guide.position)
        self._show_step()

    def _show_step(self) -> None:
        if self._lesson_screen is not None:
            self._lesson_screen.lesson = self._view()

    def _view(self) -> LessonView:
        assert self._guide is not None
        guide, recorded = self._guide, self._feed is not self._live_feed
        return lesson_view(guide, self._feed.state, self.glyphs, recorded, self._has_recording(guide))

    def _has_recording(self, guide: LessonGuide) -> bool:
        """Whether there is a recording of this step's run; asked once a step."""
        if (at := (guide.key, guide.session.index)) != self._looked_for:
            path = recording_of(guide.lesson, guide.session.index)
            self._looked_for, self._found = at, guide.recordable and path.is_file()
        return self._found

    def _show_failure(self, failure: Failure | None) -> None:
        """In a lesson it is shown with the step."""
        if self._lesson_screen is None:
            super()._show_failure(failure)
        else:
            self._failed = failure

    @property
    def _commanded(self) -> LiveScreen:
        return self._lesson_screen or self.live

    # --- lists ------------------------------------------------------------------------------------------------------

    @on(intents.ListLessons)
    def _list(self, message: intents.ListLessons) -> None:
        if message.clinic is not None:
            self._clinic = message.clinic
        self._show_list()

    def _show_list(self) -> None:
        from wsgiviz.tui.screens.lesson_list import LessonListScreen

        if self._servers() is None:
            return
        shelf, prefix = self._shelf(self._clinic), "clinic/" if self._clinic else ""
        lessons = [(lesson, self._progress.of(prefix + lesson.name)) for lesson in shelf.lessons]
        problems = [f"{Path(error.file).name}:{error.line}: {error.what}" for error in shelf.broken]
        problems += [self._progress.problem] if self._progress.problem else []
        chosen = self._now_or_next([lesson.name for lesson in shelf.lessons])
        screen = LessonListScreen(TITLES[self._clinic], lessons, problems, self.glyphs, chosen)
        self.push_screen(screen, self._chosen)

    def _now_or_next(self, names: list[str]) -> str:
        """The present lesson; at its end the one after it. "" for neither."""
        session = self._guide.session if self._guide is not None else None
        if session is None or session.lesson.name not in names:
            return ""
        at = names.index(session.lesson.name) + session.at_end
        return names[min(at, len(names) - 1)]

    def _chosen(self, lesson: Lesson | None) -> None:
        if lesson is not None:
            self._lead_through(lesson)
        elif self._feed.state.phase is Phase.NEW:  # it was all that there is
            self.exit(0)

    @on(intents.OpenLessons)
    def _open(self) -> None:
        if self._guide is None or self._servers() is None:
            self._show_list()
        elif self._lesson_screen is None:
            self._show_lesson()

    @on(intents.BeginLesson)
    def _begin_lesson(self, message: intents.BeginLesson) -> None:
        self._clinic = message.clinic
        self._lead_through(message.lesson)

    # --- a lesson ---------------------------------------------------------------------------------------------------

    def _lead_through(self, lesson: Lesson) -> None:
        key = f"clinic/{lesson.name}" if self._clinic else lesson.name
        self._timer = self._timer or SessionTimer()
        guide = self._guide = LessonGuide(lesson, self._clinic, self._progress.of(key), self._timer)
        self._leave_recording()
        self._expected.clear()
        if servers := self._servers():
            servers.prepare(guide.first_settings)
        self._show_lesson()
        self._arrived(forward=True)

    def _show_lesson(self) -> None:
        if self._lesson_screen is None:
            big = self.live.has_class("stage")
            if big:
                self.live.action_stage()
            self._lesson_screen = LessonScreen(self._made(), self.glyphs, self._view(), big)
            self.push_screen(self._lesson_screen)
        else:
            self._show_step()

    def _arrived(self, forward: bool) -> None:
        """At a step; a question is asked at once, unless one has come back to it."""
        guide = self._guide
        assert guide is not None
        self._progress.note(guide.key, guide.progress)
        self._publisher.publish(guide.position)
        self._show_step()
        if forward and guide.session.unanswered is not None:
            self._ask()

    @on(intents.ForwardInLesson)
    def _forward(self, message: intents.ForwardInLesson) -> None:
        guide = self._guide
        if guide is None:
            return
        if message.skip:
            if guide.session.unanswered is not None:
                guide.answer(Guess())
            self._move(1)
        elif guide.busy:
            return
        elif guide.session.unanswered is not None:
            self._ask()
        elif guide.runs_next or guide.failed:
            self._run_step()
        else:
            self._move(1)

    @on(intents.BackInLesson)
    def _back(self) -> None:
        if self._guide is not None:
            self._move(-1)

    def _move(self, by: int) -> None:
        assert self._guide is not None
        if self._guide.move(by):
            self._arrived(forward=by > 0)
        elif by > 0:
            self._show_list()

    @on(intents.AnswerLessonQuestion)
    def _ask(self) -> None:
        from wsgiviz.tui.screens.question import QuestionScreen

        guide = self._guide
        if guide is not None and guide.session.step.question is not None:
            self.push_screen(QuestionScreen(guide.session.step, self.ascii_only), self._answered)

    def _answered(self, guess: Guess | None) -> None:
        guide = self._guide
        if guide is None:
            return
        if guess is None:
            self._move(-1)
            return
        guide.answer(guess)
        if guide.session.step.run is None:
            self._move(1)
        else:
            self._arrived(forward=False)

    @on(intents.ToggleLessonTimer)
    def _toggle_timer(self) -> None:
        if self._guide is not None:
            self._guide.timer.toggle()

    # --- runs -------------------------------------------------------------------------------------------------------

    @on(intents.RunLessonStep)
    def _run_asked(self, message: intents.RunLessonStep) -> None:
        guide = self._guide
        if guide is None or guide.session.step.run is None:
            self._say("This step has no run.")
        elif message.recorded:
            self._play_recording(guide, guide.session.index)
        else:
            self._run_step()

    def _run_step(self) -> None:
        guide, servers = self._guide, self._servers()
        if guide is None or servers is None:
            return
        settings = guide.settings
        self._leave_recording()
        try:
            check_installed(settings)
        except WsgivizError as error:
            guide.fail(Failure(error.message, error.hint, error.detail), settings)
            self._go_on_without_servers(guide.session.index)
            return
        guide.await_run(settings, self._feed.state)
        self._change(settings)
        if self._lesson_screen is not None:
            self._lesson_screen.begin_anew()

    def _go_on_without_servers(self, index: int) -> None:
        """The servers of a step's run did not start: its recording takes their place, where there is one."""
        guide = self._guide
        if guide is None or index != guide.session.index or not guide.recordable:
            return
        if recording_of(guide.lesson, index).is_file():
            failure = guide.session.outcomes[index].failure
            self._play_recording(guide, index)
            if failure is not None and not guide.problem:
                guide.problem = f"The servers did not start: {failure.message}."

    def _play_recording(self, guide: LessonGuide, index: int) -> None:
        settings: Settings = guide.settings
        try:
            feed = StandInFeed(recording_of(guide.lesson, index), settings, self._live_feed)
        except WsgivizError as error:
            guide.problem = f"{error.message[:1].upper()}{error.message[1:]}: {error.hint}."
            return
        self._leave_recording()
        self._feed = feed
        guide.await_run(settings, feed.state, recorded=True)
        if self._lesson_screen is not None:
            self._lesson_screen.begin_anew()

    def _leave_recording(self) -> None:
        """Show the servers again."""
        if self._feed is not self._live_feed:
            self._feed.close()
            self._feed = self._live_feed

    # --- free play --------------------------------------------------------------------------------------------------

    @on(intents.PlayFreely)
    def _play_freely(self) -> None:
        """To the live screen; `_open` comes back to the step that was left."""
        if self._lesson_screen is None or self._guide is None:
            return
        self._guide.forget_run()
        self._leave_recording()
        screen, self._lesson_screen = self._lesson_screen, None
        if screen.has_class("stage"):  # what was made big stays big
            screen.action_stage()
            self.live.action_stage()
        self.pop_screen()
        self._failed = None  # what keeps the servers from running is said there

    # --- palette ----------------------------------------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield from super().get_system_commands(screen)
        if self._controls is None:
            return
        for clinic, title in TITLES.items():
            begin = partial(self.post_message, intents.ListLessons(clinic))
            yield SystemCommand(title, "Choose one from the list", begin)
            for lesson in self._shelf(clinic).lessons:
                name = f"{'Clinic' if clinic else 'Lesson'}: {lesson.symptom or lesson.title}"
                begin = partial(self.post_message, intents.BeginLesson(lesson, clinic))
                yield SystemCommand(name, lesson.claim, begin)
