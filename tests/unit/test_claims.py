"""The table of claims names lessons, steps and assertions that there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsgiviz.lessons.library import course
from wsgiviz.lessons.model import Lesson

TABLE = Path(__file__).parents[2] / "docs" / "claims.md"


def rows() -> list[list[str]]:
    """The cells of each row, below the head."""
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


ROWS = rows()


@pytest.fixture(scope="module", name="lessons")
def _lessons() -> dict[str, Lesson]:
    shelf = course()
    assert not shelf.broken
    return {lesson.name: lesson for lesson in shelf.lessons}


def test_there_is_a_row_for_each_claim_of_the_course(lessons: dict[str, Lesson]) -> None:
    assert len(ROWS) >= 17
    assert {row[1].strip("`") for row in ROWS} == set(lessons) - {"queue"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_the_step_asserts_it(row: list[str], lessons: dict[str, Lesson]) -> None:
    _, name, title, assertion = row
    [step] = [step for step in lessons[name.strip("`")].steps if step.title == title]
    assert step.run is not None
    assert assertion.strip("`") in [one.text for one in step.run.assertions]
