"""One person's way through a lesson: where they are, what they guessed, and what came of each run. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wsgiviz.lessons.model import Lesson, LessonStep, Question, StepKind
from wsgiviz.settings import Settings
from wsgiviz.state import Failure


@dataclass(frozen=True, slots=True)
class Guess:
    """A number, or the number of a choice, from 0. With neither, the question was skipped."""

    number: float | None = None
    choice: int | None = None

    @property
    def skipped(self) -> bool:
        return self.number is None and self.choice is None


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What came of a run: its ``result`` (`wsgiviz.report.result`), or the ``failure`` that kept it from running.

    ``recorded``: it is a recording's, made with the same settings at another time.
    """

    settings: Settings
    result: Mapping[str, Any] | None = None
    failure: Failure | None = None
    recorded: bool = False


@dataclass(slots=True)
class LessonSession:
    """``index`` is the present step's; guesses and outcomes are by the index of their step."""

    lesson: Lesson
    index: int = 0
    guesses: dict[int, Guess] = field(default_factory=dict)
    outcomes: dict[int, RunOutcome] = field(default_factory=dict)
    furthest: int = 0

    def __post_init__(self) -> None:
        self.index = max(0, min(self.index, self.last))
        self.furthest = max(self.index, self.furthest)

    @property
    def step(self) -> LessonStep:
        return self.lesson.steps[self.index]

    @property
    def last(self) -> int:
        """The index of the last step."""
        return len(self.lesson.steps) - 1

    @property
    def at_end(self) -> bool:
        return self.index == self.last

    @property
    def upcoming(self) -> LessonStep | None:
        """The step after this one; None at the end."""
        return None if self.at_end else self.lesson.steps[self.index + 1]

    @property
    def outcome(self) -> RunOutcome | None:
        """What came of this step's run, so far."""
        return self.outcomes.get(self.index)

    @property
    def unanswered(self) -> Question | None:
        """This step's question, while it has neither an answer nor been skipped."""
        return self.step.question if self.index not in self.guesses else None

    def move(self, by: int) -> bool:
        """Go that many steps on, or back. False when there are none."""
        index = max(0, min(self.index + by, self.last))
        moved, self.index = index != self.index, index
        self.furthest = max(self.furthest, index)
        return moved

    def answer(self, guess: Guess) -> None:
        """What the person expects of this step's question."""
        self.guesses[self.index] = guess

    def run_of(self, index: int) -> int | None:
        """The index of the run that answers the question of step ``index``: its own, or the next one."""
        steps = self.lesson.steps
        return next((at for at in range(index, len(steps)) if steps[at].run is not None), None)

    def run_before(self, index: int) -> int | None:
        """The index of the run that came before step ``index``."""
        return next((at for at in range(index - 1, -1, -1) if self.lesson.steps[at].run is not None), None)

    def asked(self) -> list[int]:
        """Indexes of the questions that this step reveals: those since the reveal before it."""
        steps = self.lesson.steps
        reveals = [at for at in range(self.index) if steps[at].kind is StepKind.REVEAL]
        first = reveals[-1] + 1 if reveals else 0
        return [at for at in range(first, self.index) if steps[at].question is not None]

    def named(self) -> dict[str, RunOutcome]:
        """The outcomes of the runs that have a name."""
        runs = ((self.lesson.steps[at].run, outcome) for at, outcome in self.outcomes.items())
        return {run.name: outcome for run, outcome in runs if run is not None and run.name}
