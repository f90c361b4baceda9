"""docs/writing-lessons.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from wsgiviz.lessons.blocks import OF_QUESTION, PARTS
from wsgiviz.lessons.expressions import ARGUMENTS, COMPARISONS
from wsgiviz.lessons.model import StepKind
from wsgiviz.lessons.parse import KEYS, parse_lesson
from wsgiviz.lessons.run_settings import NOT_OF_LESSONS
from wsgiviz.lessons.steps import OF_RUN, OF_STEP

DOC = (Path(__file__).parents[2] / "docs" / "writing-lessons.md").read_text()


def named_in(heading: str) -> list[str]:
    """The first column of the table below that heading."""
    section = re.split(r"\n#+ ", DOC.partition(f" {heading}\n")[2])[0]
    return re.findall(r"^\| `(\w+)`", section, re.MULTILINE)


def test_the_whole_lesson_in_it_is_one_and_has_every_kind_of_step() -> None:
    [text] = re.findall(r"^````markdown\n(.*?)^````$", DOC, re.DOTALL | re.MULTILINE)
    lesson = parse_lesson(text, "docs/writing-lessons.md")
    assert {step.kind for step in lesson.steps} == set(StepKind)
    assert all(step.run.assertions for step in lesson.runs if step.run)


def test_its_tables_have_what_there_is() -> None:
    assert set(named_in("Front matter")) == set(KEYS)
    assert named_in("Steps") == [kind.value for kind in StepKind]
    assert set(named_in("question")) == set(OF_QUESTION)
    assert set(named_in("run")) == {*OF_RUN, "set"}


def test_each_kind_of_step_has_the_blocks_that_it_is_said_to_have() -> None:
    for kind, (needed, allowed) in OF_STEP.items():
        [blocks] = re.findall(rf"^\| `{kind.value}` \|.*\|(.*)\|$", DOC, re.MULTILINE)
        assert {word for word in re.findall(r"`(\w+)`", blocks) if word in ("question", "run", "look")} == {
            *needed,
            *allowed,
        }


def test_parts_functions_comparisons_and_refused_settings_are_all_named() -> None:
    for part in PARTS:
        assert f"`{part}`" in DOC
    for word in (*ARGUMENTS, *COMPARISONS):
        assert word in DOC.partition("## Formulas and assertions")[2]
    for name in NOT_OF_LESSONS:
        assert f"`{name.replace('_', '-')}`" in DOC
