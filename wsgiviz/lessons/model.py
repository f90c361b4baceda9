"""What a lesson is, once it is read: a claim, and steps in which a person predicts, runs and sees it confirmed.

A clinic case is a lesson whose steps are a symptom, its cause, what to look at, and the fix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from wsgiviz.lessons.assertion import Assertion, Formula
from wsgiviz.settings import Settings


class StepKind(Enum):
    """What a learner does in a step (PRIMM: predict, run, investigate, modify, make)."""

    NARRATION = "narration"
    QUESTION = "question"
    RUN = "run"
    REVEAL = "reveal"
    INVESTIGATE = "investigate"
    MODIFY = "modify"
    MAKE = "make"


@dataclass(frozen=True, slots=True)
class Question:
    """Asked before the run that answers it. With ``choices`` one of them is picked, otherwise a number is given.

    ``measured`` and ``theory`` are formulas over the result of the next run; ``right`` is the number of the right
    choice, from 0. ``because`` explains the difference, in a sentence. ``line`` is where it stands in the file.
    """

    ask: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    right: int | None = None
    measured: Formula | None = None
    theory: Formula | None = None
    because: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Experiment:
    """Settings of a run, over the lesson's own; and what must hold of its result.

    ``settings`` are those that it gives itself, ``whole`` are all: the lesson's with these. ``name``: how assertions
    of later steps refer to it. ``fails``: the servers are expected not to start. ``example``: of an exercise,
    the file with a solution, which stands beside the lesson. ``line`` is where it stands in the file.
    """

    settings: Mapping[str, Any]
    whole: Settings
    name: str = ""
    assertions: tuple[Assertion, ...] = ()
    fails: bool = False
    example: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Pointer:
    """What to look at: a side ("wsgi", "asgi", "wsgi2"), and in it the "queue", the "lanes", the "loop", the "pools",
    the "totals" or the "code"; with ``request`` that request, and the part is "request"."""

    side: str
    part: str
    request: int = 0


@dataclass(frozen=True, slots=True)
class LessonStep:
    """One page of a lesson. ``text`` is Markdown, ``notes`` are the speaker's; ``line`` is where it begins.

    A QUESTION has a question, a RUN a run, a MODIFY both or a run alone, an INVESTIGATE pointers; a REVEAL shows the
    questions since the last one; a MAKE has a run of the learner's own file, with assertions.
    """

    kind: StepKind
    title: str
    text: str
    line: int
    notes: str = ""
    question: Question | None = None
    run: Experiment | None = None
    pointers: tuple[Pointer, ...] = ()


@dataclass(frozen=True, slots=True)
class Lesson:
    """A whole file. ``name`` is what the command line calls it; ``settings`` hold for each of its runs, and ``base``
    are these with every default. ``minutes`` is how long a teacher takes for it, None where that is not said. Of a
    clinic case ``symptom`` is what people say of it."""

    name: str
    title: str
    claim: str
    steps: tuple[LessonStep, ...]
    file: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    base: Settings = field(default_factory=Settings)
    minutes: int | None = None
    symptom: str = ""

    @property
    def runs(self) -> tuple[LessonStep, ...]:
        """The steps that run something."""
        return tuple(step for step in self.steps if step.run is not None)

    def asked_before(self, at: int) -> tuple[Question, ...]:
        """The questions that a REVEAL which is step number ``at``, from 0, shows: those since the last one."""
        reveals = [i for i, step in enumerate(self.steps[:at]) if step.kind is StepKind.REVEAL]
        since = self.steps[reveals[-1] + 1 if reveals else 0 : at]
        return tuple(step.question for step in since if step.question is not None)
