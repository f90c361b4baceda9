"""What a lesson is, once it is read: a claim, and steps in which a person predicts, runs and sees it confirmed.

A clinic case is a lesson whose steps are a symptom, its cause, what to look at, and the fix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from wsgiviz.lessons.assertion import Assertion, Formula


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
    choice, from 0. ``because`` explains the difference, in a sentence.
    """

    ask: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    right: int | None = None
    measured: Formula | None = None
    theory: Formula | None = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class Experiment:
    """Settings of a run, over the lesson's own; and what must hold of its result.

    ``name``: how assertions of later steps refer to it. ``fails``: the servers are expected not to start.
    """

    settings: Mapping[str, Any]
    name: str = ""
    assertions: tuple[Assertion, ...] = ()
    fails: bool = False


@dataclass(frozen=True, slots=True)
class Pointer:
    """What to look at: a side ("wsgi", "asgi", "wsgi2"), and in it the "queue", the "lanes", the "loop", the "pools",
    the "totals" or the "code"; with ``request`` that request."""

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
    """A whole file. ``name`` is what the command line calls it; ``settings`` hold for each of its runs."""

    name: str
    title: str
    claim: str
    steps: tuple[LessonStep, ...]
    file: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def runs(self) -> tuple[LessonStep, ...]:
        """The steps that run something."""
        return tuple(step for step in self.steps if step.run is not None)
