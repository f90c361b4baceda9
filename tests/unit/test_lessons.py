"""Markdown files that are lessons, and what is said of those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shelves import CLINIC, COURSE
from tests.unit.test_result import OF_A_SIDE, ran
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.errors import UsageError
from wsgiviz.lessons import library
from wsgiviz.lessons.lesson_error import LessonError
from wsgiviz.lessons.model import Lesson, Pointer, StepKind
from wsgiviz.lessons.parse import parse_lesson
from wsgiviz.lessons.scope import SIDE_KEYS
from wsgiviz.report.result import result

FOLDER = Path(__file__).parent / "lessons"
BLOCKED = (FOLDER / "01-blocked-worker.md").read_text()


@pytest.fixture
def blocked() -> Lesson:
    return library.read_file(FOLDER / "01-blocked-worker.md")


def with_change(before: str, after: str) -> str:
    """The lesson of the examples, with one thing in it changed."""
    assert before in BLOCKED
    return BLOCKED.replace(before, after, 1)


def lesson_of(steps: str, *sections: str, more: str = "") -> str:
    return f"---\ntitle: T\nclaim: C\n{more}steps: [{steps}]\n---\n\n" + "\n\n".join(sections)


RUN = "## Run\n\n```run\nset: {seconds: 0}\n```"
ASKED = "## Ask\n\n```question\nask: How long?\nmeasured: wsgi.makespan_s\nbecause: So.\n```"
CHOICE = "## Ask\n\n```question\nask: Who?\nchoices: [A, B]\nright: 1\nbecause: So.\n```"


def test_a_lesson_has_what_its_front_matter_says(blocked: Lesson) -> None:
    assert (blocked.name, blocked.title, blocked.minutes, blocked.symptom) == (
        "blocked-worker", "A blocked worker", 5, "",
    )  # fmt: skip
    assert blocked.claim == "While time.sleep() runs, its worker can do nothing else."
    assert [step.kind.value for step in blocked.steps] == [
        "narration", "question", "question", "run", "reveal", "investigate", "modify", "reveal", "make",
    ]  # fmt: skip
    assert (blocked.base.workers, blocked.base.parameters) == (2, {"seconds": 0.2})


def test_a_step_is_its_text_without_blocks_and_the_speaker_s_notes(blocked: Lesson) -> None:
    first = blocked.steps[0]
    assert (first.title, first.text) == (
        "What to watch",
        "Two workers serve four requests. Each of them sleeps.",
    )
    assert first.notes == "Ask who has ever increased --workers."
    assert first.line == 15
    assert blocked.steps[3].text == ""
    assert blocked.steps[5].pointers == (Pointer("wsgi", "lanes"), Pointer("wsgi", "request", 3))


def test_questions_are_of_numbers_or_of_choices(blocked: Lesson) -> None:
    number, choice = blocked.steps[1].question, blocked.steps[2].question
    assert number is not None
    assert choice is not None
    assert number.measured is not None
    assert (number.unit, number.measured.text, number.measured.line) == ("s", "wsgi.makespan_s", 27)
    assert choice.choices[choice.right or 0] == "Nobody until a sleep ends"
    assert blocked.asked_before(4) == (number, choice)
    assert blocked.asked_before(7) == (blocked.steps[6].question,)


def test_a_run_s_settings_go_over_the_lesson_s(blocked: Lesson) -> None:
    runs = [step.run.whole for step in blocked.runs if step.run is not None]
    assert [(whole.workers, whole.requests, whole.name) for whole in runs] == [
        (2, 4, "sleep"), (4, 4, "sleep"), (2, 4, "exercise:app"),
    ]  # fmt: skip
    assert runs[1].parameters == {"seconds": 0.2}


@pytest.mark.parametrize(
    ("own", "parameters"),
    [
        ("scenario: sleep", {"seconds": 0.2}),
        ("scenario: http", {"seconds": 0.5}),
        ("set: {seconds: 0.1}", {"seconds": 0.1}),
    ],
)
def test_parameters_stay_while_the_scenario_does(own: str, parameters: dict[str, float]) -> None:
    lesson = parse_lesson(with_change("name: two-rounds\n", f"name: two-rounds\n{own}\n"), "x.md")
    run = lesson.runs[0].run
    assert run is not None
    assert run.whole.parameters == parameters


def test_a_case_of_the_clinic_has_a_symptom_and_a_run_that_fails() -> None:
    case = library.read_file(FOLDER / "02-does-not-start.md")
    assert case.symptom == "hangs at Booting worker"
    first = case.steps[0].run
    assert first is not None
    assert first.fails
    assert case.base.ready_timeout == 10
    assert "import nosuchmodule" in case.steps[1].text


def test_a_choice_may_be_asked_when_nothing_runs_any_more() -> None:
    lesson = parse_lesson(lesson_of("question, reveal", CHOICE, "## Why"), "x.md")
    assert [step.kind for step in lesson.steps] == [StepKind.QUESTION, StepKind.REVEAL]


def test_other_code_is_shown_and_windows_files_are_read() -> None:
    text = lesson_of("narration", "## A\n\n```python\nrun = 1\n```").replace("\n", "\r\n")
    assert parse_lesson("\ufeff" + text, "x.md").steps[0].text == "```python\nrun = 1\n```"


def test_every_figure_of_a_side_may_be_spoken_of() -> None:
    """A new key in wsgiviz/report/result.py has its name in wsgiviz/lessons/scope.py too."""
    sides = result(ran(), Occurrences())["sides"]
    found = {key for side in sides.values() for key in side} | set(OF_A_SIDE)
    assert found <= set(SIDE_KEYS)
    assert set(SIDE_KEYS) - found <= {"loop", "loops", "pools", "thread_wait_s", "accepting_threads_held"}


# --- files ----------------------------------------------------------------------------------------------------------


def test_a_broken_file_does_not_hinder_the_others(tmp_path: Path) -> None:
    (tmp_path / "01-good.md").write_text(lesson_of("narration", "## A"))
    (tmp_path / "02-bad.md").write_text("no front matter")
    (tmp_path / "03-latin.md").write_bytes(b"---\ntitle: caf\xe9\n---\n")
    shelf = library.read_folder(tmp_path)
    assert [lesson.name for lesson in shelf.lessons] == ["good"]
    assert [(Path(error.file).name, error.line) for error in shelf.broken] == [("02-bad.md", 1), ("03-latin.md", 2)]
    assert library.find("good", shelf).title == "T"
    with pytest.raises(LessonError, match="there is no front matter"):
        library.find("bad", shelf)
    with pytest.raises(UsageError, match="there is no lesson 'goood'") as unknown:
        library.find("goood", shelf)
    assert unknown.value.hint == "did you mean good? lessons are good, bad, latin"


def test_a_case_without_a_symptom_is_no_case(tmp_path: Path) -> None:
    (tmp_path / "01-a.md").write_text(lesson_of("narration", "## A"))
    [error] = library.read_folder(tmp_path, symptoms=True).broken
    assert "no symptom" in error.what


def test_a_file_of_one_s_own_goes_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.md"
    path.write_text(lesson_of("narration", "## A"))
    assert library.find(str(path), library.Shelf()).name == "mine"
    with pytest.raises(LessonError, match="can't be read: No such file"):
        library.find(str(tmp_path / "none.md"), library.Shelf())
    with pytest.raises(LessonError, match="can't be read: Is a directory"):
        library.find(f"{tmp_path}/", library.Shelf())


def test_an_example_has_to_be_there(tmp_path: Path) -> None:
    path = tmp_path / "01-a.md"
    path.write_text(BLOCKED)
    with pytest.raises(LessonError, match="no file solution.py beside the lesson"):
        library.read_file(path)
    (tmp_path / "solution.py").write_text("")
    assert library.read_file(path).runs[2].run is not None


@pytest.mark.parametrize("shelf", [COURSE, CLINIC], ids=["course", "clinic"])
def test_what_is_shipped_can_be_read(shelf: library.Shelf) -> None:
    assert [error.message for error in shelf.broken] == []
    assert len(set(shelf.names)) == len(shelf.names)
