"""The way through a lesson, and what its reveals say."""

from __future__ import annotations

from pathlib import Path

from tests.tui.lesson_seat import done, lesson
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.lessons.recordings import PACKAGE, recording_of
from wsgiviz.lessons.tour import tour
from wsgiviz.report.result import result
from wsgiviz.scenarios import catalogue
from wsgiviz.settings import make
from wsgiviz.state import Failure
from wsgiviz.tui.lesson.guide import LessonGuide
from wsgiviz.tui.lesson.reveal import checks, revealed
from wsgiviz.tui.lesson.session import Guess, LessonSession, RunOutcome
from wsgiviz.tui.lesson.timer import SessionTimer

QUESTION, CHOICE, RUN, REVEAL, MODIFY, SECOND = 1, 2, 3, 4, 6, 7


def after_the_run() -> LessonSession:
    session = LessonSession(lesson(), REVEAL)
    state = done()
    session.outcomes[RUN] = RunOutcome(make(), result(state, Occurrences().after(state)))
    return session


def test_one_does_not_get_beyond_its_ends() -> None:
    session = LessonSession(lesson(), 99)
    assert (session.index, session.at_end, session.upcoming) == (8, True, None)
    assert not session.move(1)
    assert session.move(-20)
    assert (session.index, session.furthest) == (0, 8)


def test_a_question_is_answered_by_the_next_run_or_its_own() -> None:
    session = LessonSession(lesson())
    assert [session.run_of(index) for index in (0, QUESTION, CHOICE, MODIFY)] == [RUN, RUN, RUN, MODIFY]
    assert [session.run_before(index) for index in (RUN, REVEAL, MODIFY, SECOND)] == [None, RUN, RUN, MODIFY]


def test_a_reveal_has_guess_theory_and_measured_on_one_line() -> None:
    session = after_the_run()
    session.guesses[QUESTION] = Guess(number=4.5)
    session.guesses[CHOICE] = Guess(choice=2)
    number, choice = revealed(session)
    assert number.lines == ["you 4.5 s, theory 5 s, measured 5 s"]
    assert number.because == "Four workers serve four at a time."
    assert choice.lines == ["you: The kernel", "right: Nobody until a sleep ends"]


def test_what_has_not_run_is_not_given_away() -> None:
    session = LessonSession(lesson(), REVEAL)
    number, choice = revealed(session)
    assert number.lines == ["you no guess, theory not run yet, measured not run yet"]
    assert (number.because, choice.because) == ("", "")
    assert choice.lines == ["you: no guess"]


def test_what_a_run_does_not_know_is_said() -> None:
    session = LessonSession(lesson(), REVEAL)
    session.outcomes[RUN] = RunOutcome(make(), failure=Failure("port 80 is taken"))
    assert revealed(session)[0].lines[0].endswith("measured the run has no result")


def test_checks_know_earlier_runs_by_name() -> None:
    session = after_the_run()
    assert [found.holds for found in checks(session, RUN)] == [True, False]
    state = done(workers=10)
    session.outcomes[MODIFY] = RunOutcome(make(), result(state, Occurrences().after(state)))
    assert [found.holds for found in checks(session, MODIFY)] == [True]
    del session.outcomes[RUN]
    [unknown] = checks(session, MODIFY)
    assert (unknown.holds, "rounds" in unknown.words) == (False, True)


def test_the_timer_leaves_pauses_out() -> None:
    now_s = [100.0]
    timer = SessionTimer(lambda: now_s[0])
    now_s[0] = 110.0
    assert timer.elapsed_s == 10.0
    timer.toggle()
    now_s[0] = 150.0
    assert (timer.elapsed_s, timer.running) == (10.0, False)
    timer.toggle()
    now_s[0] = 151.0
    at = LessonGuide(lesson(), timer=timer).position
    assert (at.elapsed_s, at.at_s, at.running) == (11.0, 151.0, True)


def test_the_tour_has_every_scenario_in_its_order_with_a_word_on_each() -> None:
    steps = tour().steps
    assert [step.title for step in steps] == [scenario.name for scenario in catalogue()]
    for step, scenario in zip(steps, catalogue(), strict=True):
        assert scenario.question in step.text
        assert scenario.narration
        assert scenario.narration in step.text
        assert step.run is not None
        assert step.run.whole == make(scenario=scenario.name)


def test_recordings_are_found_by_lesson_and_step(tmp_path: Path) -> None:
    def of(file: str) -> Path:
        return recording_of(lesson(file=file), 3)

    assert of(str(PACKAGE / "course" / "02-blocked.md")) == PACKAGE / "recordings" / "blocked" / "04.wviz"
    assert of(str(PACKAGE / "clinic" / "02-blocked.md")) == PACKAGE / "recordings" / "clinic" / "blocked" / "04.wviz"
    assert of(str(tmp_path / "02-blocked.md")) == tmp_path / "recordings" / "blocked" / "04.wviz"
    assert recording_of(tour(), 0) == PACKAGE / "recordings" / "tour" / "01.wviz"
