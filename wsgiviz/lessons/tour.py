"""The tour: every scenario in its order, as one lesson made in code. A step says what to watch, and runs it."""

from __future__ import annotations

from wsgiviz import scenarios
from wsgiviz.lessons.model import Experiment, Lesson, LessonStep, StepKind
from wsgiviz.scenarios import Scenario
from wsgiviz.settings import make

NAME = "tour"


def tour() -> Lesson:
    """One run for each scenario of the catalogue."""
    return Lesson(
        name=NAME,
        title="A tour of the scenarios",
        claim="One load, two models: what each scenario shows.",
        steps=tuple(_step(scenario) for scenario in scenarios.catalogue()),
        file="",
    )


def _step(scenario: Scenario) -> LessonStep:
    return LessonStep(
        kind=StepKind.RUN,
        title=scenario.name,
        text="\n\n".join(filter(None, (f"**{scenario.question}**", scenario.narration))),
        line=0,
        run=Experiment({"scenario": scenario.name}, make(scenario=scenario.name)),
    )
