"""Leads through one lesson: what runs, what comes of it. Knows no screen and no controller."""

from __future__ import annotations

from dataclasses import dataclass

from wsgiviz.lessons.model import Lesson, StepKind
from wsgiviz.report.result import result
from wsgiviz.settings import Settings
from wsgiviz.state import Failure, Phase, State
from wsgiviz.tui.feed import Frame
from wsgiviz.tui.lesson.position import Position
from wsgiviz.tui.lesson.progress import LessonProgress
from wsgiviz.tui.lesson.session import Guess, LessonSession, RunOutcome
from wsgiviz.tui.lesson.timer import SessionTimer


@dataclass(frozen=True, slots=True)
class AwaitedRun:
    """A run that was asked for: of which step, and the number of the newest one before it (-1: any is it)."""

    index: int
    settings: Settings
    before: int
    recorded: bool = False


def _taken_up(lesson: Lesson, index: int) -> int:
    """The step to go on with when ``index`` was shown last: a run, rather than what came of it, which is not known
    any more. A lesson that was done begins anew."""
    if not 0 < index < len(lesson.steps) - 1:
        return 0
    while index > 0 and lesson.steps[index].kind in (StepKind.REVEAL, StepKind.INVESTIGATE):
        index -= 1
    return index


class LessonGuide:
    """``session`` is where the person is; ``awaited`` the run that is on. ``problem``: why something could not be
    done, in words."""

    def __init__(
        self,
        lesson: Lesson,
        clinic: bool = False,
        progress: LessonProgress | None = None,
        timer: SessionTimer | None = None,
    ) -> None:
        known = progress or LessonProgress()
        self.session = LessonSession(lesson, _taken_up(lesson, known.step), furthest=known.furthest)
        self.key = f"clinic/{lesson.name}" if clinic else lesson.name
        self.awaited: AwaitedRun | None = None
        self.problem = ""
        self.timer = timer or SessionTimer()

    @property
    def lesson(self) -> Lesson:
        return self.session.lesson

    # --- moving -----------------------------------------------------------------------------------------------------

    def move(self, by: int) -> bool:
        """Some steps on or back; False when there are none."""
        self.problem = ""
        return self.session.move(by)

    def answer(self, guess: Guess) -> None:
        self.session.answer(guess)

    @property
    def runs_next(self) -> bool:
        """This step has a run, and nothing has come of it yet."""
        session = self.session
        return session.step.run is not None and session.outcome is None

    @property
    def failed(self) -> bool:
        """The servers of this step's run did not start, and were expected to."""
        step, outcome = self.session.step, self.session.outcome
        return step.run is not None and not step.run.fails and outcome is not None and outcome.failure is not None

    @property
    def busy(self) -> bool:
        """This step's run is on."""
        return self.awaited is not None and self.awaited.index == self.session.index

    # --- runs -------------------------------------------------------------------------------------------------------

    @property
    def first_settings(self) -> Settings:
        """Of the run that comes next: what the servers can be started with meanwhile."""
        ahead = [step.run for step in self.lesson.steps[self.session.index :] if step.run is not None]
        return ahead[0].whole if ahead else self.lesson.base

    @property
    def settings(self) -> Settings:
        """Of this step's run."""
        run = self.session.step.run
        return run.whole if run is not None else self.lesson.base

    def await_run(self, settings: Settings, state: State, recorded: bool = False) -> None:
        """The run of this step was asked for; ``state`` is what was known before."""
        self.problem = ""
        self.session.outcomes.pop(self.session.index, None)
        self.awaited = AwaitedRun(self.session.index, settings, -1 if recorded else state.fired, recorded)

    def forget_run(self) -> None:
        """What runs now is none of the lesson's."""
        self.awaited = None

    def watch(self, frame: Frame) -> RunOutcome | None:
        """What has come of the awaited run, once: None while it is on."""
        awaited, state = self.awaited, frame.state
        if awaited is None:
            return None
        if state.phase is Phase.FAILED and state.failure is not None:
            return self._came(RunOutcome(awaited.settings, failure=state.failure, recorded=awaited.recorded))
        if state.phase is Phase.FINISHED and state.fired > awaited.before:
            found = result(state, frame.occurrences)
            return self._came(RunOutcome(awaited.settings, result=found, recorded=awaited.recorded))
        return None

    def fail(self, failure: Failure, settings: Settings) -> RunOutcome:
        """It could not even be asked for."""
        self.awaited = AwaitedRun(self.session.index, settings, -1)
        return self._came(RunOutcome(settings, failure=failure))

    def _came(self, outcome: RunOutcome) -> RunOutcome:
        assert self.awaited is not None
        self.session.outcomes[self.awaited.index] = outcome
        self.awaited = None
        return outcome

    @property
    def recordable(self) -> bool:
        """A recording can stand in for this step's run: it is neither the learner's own app nor meant to fail."""
        step = self.session.step
        return step.run is not None and step.kind is not StepKind.MAKE and not step.run.fails

    # --- what others get to know ------------------------------------------------------------------------------------

    @property
    def progress(self) -> LessonProgress:
        session = self.session
        return LessonProgress(session.index, session.furthest, len(self.lesson.steps))

    @property
    def position(self) -> Position:
        session, step, upcoming = self.session, self.session.step, self.session.upcoming
        return Position(
            lesson=self.lesson.title,
            file=self.lesson.file,
            step=session.index + 1,
            steps=len(self.lesson.steps),
            title=step.title,
            notes=step.notes,
            upcoming=upcoming.title if upcoming is not None else "",
            elapsed_s=self.timer.elapsed_s,
            at_s=self.timer.clock(),
            running=self.timer.running,
        )
