"""What a reveal shows: guess, theory's and measured beside each other, and what holds of a run. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from wsgiviz.lessons.assertion import Formula, shown
from wsgiviz.lessons.evidence import Evidence, NotKnown
from wsgiviz.lessons.model import Question
from wsgiviz.tui.lesson.session import Guess, LessonSession, RunOutcome

NOT_YET = "not run yet"
NO_GUESS = "no guess"


@dataclass(frozen=True, slots=True)
class Revealed:
    """A question and its answers, each in words. ``theory`` is "" where the lesson has none; of a choice it is the
    right one, and ``measured`` is "" where nothing is measured. ``because`` is kept until it has run. ``recorded``:
    by a recording's run."""

    ask: str
    guess: str
    theory: str
    measured: str
    because: str
    choice: bool = False
    recorded: bool = False

    @property
    def lines(self) -> list[str]:
        """Numbers beside each other on one line; answers in words one below the other."""
        known = "right" if self.choice else "theory"
        parts = [("you", self.guess), (known, self.theory), ("measured", self.measured)]
        if self.choice:
            return [f"{name}: {words}" for name, words in parts if words]
        return [", ".join(f"{name} {words}" for name, words in parts if words)]


def revealed(session: LessonSession) -> list[Revealed]:
    """Of each question since the reveal before."""
    return [_revealed(session, index) for index in session.asked()]


def _revealed(session: LessonSession, index: int) -> Revealed:
    question = session.lesson.steps[index].question
    assert question is not None
    run = session.run_of(index)
    outcome = session.outcomes.get(run) if run is not None else None
    return Revealed(
        ask=question.ask,
        guess=guess_words(question, session.guesses.get(index, Guess())),
        theory=_theory(question, outcome, session),
        measured=_measured(question, outcome, session),
        because=question.because if outcome is not None else "",
        choice=bool(question.choices),
        recorded=outcome is not None and outcome.recorded,
    )


def guess_words(question: Question, guess: Guess) -> str:
    """The guess as a person gave it."""
    if guess.choice is not None and guess.choice < len(question.choices):
        return question.choices[guess.choice]
    return NO_GUESS if guess.number is None else f"{guess.number:g} {question.unit}".rstrip()


def _theory(question: Question, outcome: RunOutcome | None, session: LessonSession) -> str:
    if question.choices:
        return question.choices[question.right] if question.right is not None and outcome is not None else ""
    return _value(question.theory, question.unit, outcome, session) if question.theory else ""


def _measured(question: Question, outcome: RunOutcome | None, session: LessonSession) -> str:
    return _value(question.measured, question.unit, outcome, session) if question.measured else ""


def _value(formula: Formula, unit: str, outcome: RunOutcome | None, session: LessonSession) -> str:
    if outcome is None:
        return NOT_YET
    try:
        value = formula.value(evidence(outcome, session))
    except NotKnown as unknown:
        return str(unknown)
    return f"{shown(value)} {unit}".rstrip()


def evidence(outcome: RunOutcome, session: LessonSession) -> Evidence:
    """What assertions and formulas of that run are evaluated over: it, and the runs that have a name."""
    named = {name: found.result for name, found in session.named().items() if found.result is not None}
    failure = outcome.failure
    said = "" if failure is None else "\n".join(filter(None, (failure.message, failure.hint, failure.detail)))
    return Evidence(outcome.result, named, said)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """An assertion, whether it holds, and what was measured, in words."""

    text: str
    holds: bool
    words: str


def checks(session: LessonSession, index: int) -> list[CheckResult]:
    """What must hold of the run of step ``index``; nothing before it has run."""
    run, outcome = session.lesson.steps[index].run, session.outcomes.get(index)
    if run is None or outcome is None:
        return []
    known = evidence(outcome, session)
    judged = [(assertion.text, assertion.judge(known)) for assertion in run.assertions]
    return [CheckResult(text, found.holds, found.sentence) for text, found in judged]
