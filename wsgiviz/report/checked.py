"""What was seen of a lesson's claims. Pure: results of runs in, judgements out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wsgiviz.errors import WsgivizError
from wsgiviz.lessons.assertion import Assertion, Formula, Judgement
from wsgiviz.lessons.evidence import Evidence, Fact, NotKnown
from wsgiviz.lessons.lesson_error import LessonError
from wsgiviz.lessons.model import Lesson, LessonStep, Question


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reveal would show of a question: the values of its formulas, None without one, and where a formula has
    none: then ``unknown`` says why."""

    question: Question
    theory: Fact | None
    measured: Fact | None
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class CheckedRun:
    """A step's run. ``skipped``: why it was not run, "" where it was. ``failure``: why it could not be carried out,
    where that was not expected."""

    step: LessonStep
    seconds: float = 0.0
    skipped: str = ""
    failure: WsgivizError | None = None
    judged: tuple[tuple[Assertion, Judgement], ...] = ()
    answers: tuple[Answer, ...] = ()

    @property
    def holds(self) -> bool:
        """All that the step claims was seen."""
        if self.failure is not None or any(answer.unknown for answer in self.answers):
            return False
        return all(judgement.holds for _, judgement in self.judged)


@dataclass(frozen=True, slots=True)
class CheckedLesson:
    """A lesson and its runs; or a file that could not be read, and why."""

    lesson: Lesson | None
    runs: tuple[CheckedRun, ...] = ()
    seconds: float = 0.0
    broken: LessonError | None = None

    @property
    def holds(self) -> bool:
        return self.broken is None and all(run.holds for run in self.runs)


def judged(assertions: Sequence[Assertion], evidence: Evidence) -> tuple[tuple[Assertion, Judgement], ...]:
    """Each assertion with what is to be said of it."""
    return tuple((assertion, assertion.judge(evidence)) for assertion in assertions)


def answer(question: Question, evidence: Evidence) -> Answer:
    """What the question's reveal shows after that run."""
    unknown = []
    values: list[Fact | None] = []
    for formula in (question.theory, question.measured):
        try:
            values.append(_value(formula, evidence))
        except NotKnown as error:
            values.append(None)
            unknown.append(str(error))
    return Answer(question, values[0], values[1], "; ".join(unknown))


def _value(formula: Formula | None, evidence: Evidence) -> Fact | None:
    return formula.value(evidence) if formula is not None else None


def questions_of(lesson: Lesson, step: LessonStep) -> tuple[Question, ...]:
    """The questions that the run of this step answers: those since the run before."""
    found: list[Question] = []
    for other in lesson.steps:
        if other.question is not None:
            found.append(other.question)
        if other is step:
            break
        if other.run is not None:
            found.clear()
    return tuple(found)
