"""The list of lessons, the progress that is kept, and the ways to both."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from tests.tui.lesson_seat import Pupil, done, guessed, lesson, teach
from tests.tui.stand_in import StandIn
from wsgiviz.lessons.lesson_error import LessonError
from wsgiviz.tui.lesson.progress import LessonProgress, ProgressFile


def kept(home: Path) -> dict[str, LessonProgress]:
    return msgspec.json.decode((home / "lessons.json").read_bytes(), type=dict[str, LessonProgress])


def test_the_list_comes_first_and_begins_a_lesson() -> None:
    async def check(pupil: Pupil) -> None:
        assert pupil.begun == ()  # no server before it is known for what
        await pupil.screen_is("LessonListScreen")
        await pupil.reads("A blocked worker")
        await pupil.reads("While time.sleep() runs, its worker can do nothing else.   (5 minutes)")
        await pupil.press("enter")
        await pupil.at(1)
        assert pupil.calls == ["prepare"]

    teach(check)


def test_leaving_the_list_leaves_the_program() -> None:
    async def check(pupil: Pupil) -> None:
        await pupil.screen_is("LessonListScreen")
        await pupil.press("escape")
        await pupil.until(lambda: not pupil.app.is_running or pupil.app.return_code == 0, "the end")

    teach(check)


def test_a_broken_lesson_is_named_and_the_others_run() -> None:
    wrong = LessonError("/somewhere/03-broken.md", 7, "there is no scenario 'sleeep'", "did you mean sleep?")

    async def check(pupil: Pupil) -> None:
        await pupil.reads("03-broken.md:7: there is no scenario 'sleeep'")
        await pupil.press("enter")
        await pupil.at(1)

    teach(check, broken=(wrong,))


def test_progress_is_kept_and_taken_up_again(tmp_path: Path) -> None:
    async def first(pupil: Pupil) -> None:
        await guessed(pupil)
        await pupil.press("pageup")
        await pupil.at(3)

    async def second(pupil: Pupil) -> None:
        await pupil.screen_is("LessonListScreen")
        await pupil.reads("A blocked worker  3/9")
        await pupil.press("enter")
        await pupil.at(3, "QuestionScreen")

    teach(first, lesson(), home=tmp_path)
    assert kept(tmp_path) == {"blocked": LessonProgress(step=2, furthest=3, steps=9)}
    teach(second, home=tmp_path)


def test_what_came_of_a_run_is_taken_up_with_the_run(tmp_path: Path) -> None:
    ProgressFile(tmp_path / "lessons.json").note("blocked", LessonProgress(step=5, furthest=5, steps=9))

    async def check(pupil: Pupil) -> None:
        await pupil.at(4)
        await pupil.reads("space run it")

    teach(check, lesson(), home=tmp_path)


def test_a_lesson_that_was_done_is_marked_and_begins_anew(tmp_path: Path) -> None:
    ProgressFile(tmp_path / "lessons.json").note("blocked", LessonProgress(8, 8, 9))

    async def check(pupil: Pupil) -> None:
        await pupil.reads("✓ A blocked worker")
        await pupil.press("enter")
        await pupil.at(1)

    teach(check, home=tmp_path)
    assert kept(tmp_path)["blocked"].done


@pytest.mark.parametrize("data", [b"{", b"[1]", b'{"blocked": {"step": "x"}}', b"\xff\xfe", b"[" * 100_000])
def test_a_broken_file_begins_anew_with_a_word(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "lessons.json").write_bytes(data)

    async def check(pupil: Pupil) -> None:
        await pupil.until(lambda: "begins anew" in " ".join(pupil.text.replace("│", "").split()), "a word")
        await pupil.press("enter")
        await pupil.at(1)

    teach(check, home=tmp_path)
    assert "blocked" in kept(tmp_path)


def test_steps_that_a_file_does_not_have_are_not_gone_to(tmp_path: Path) -> None:
    ProgressFile(tmp_path / "lessons.json").note("blocked", LessonProgress(step=400, furthest=400, steps=9))
    ProgressFile(tmp_path / "lessons.json").note("other", LessonProgress(step=-7, furthest=-7, steps=-9))

    async def check(pupil: Pupil) -> None:
        await pupil.at(1)

    teach(check, lesson(), home=tmp_path)


def test_progress_that_can_not_be_written_costs_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("no folder")

    def check() -> ProgressFile:
        progress = ProgressFile(place / "lessons.json")
        progress.note("blocked", LessonProgress(1, 1, 9))
        return progress

    assert "can't be kept" in check().problem
    assert check().of("blocked") == LessonProgress(1, 1, 9)


def test_a_reader_never_finds_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress = ProgressFile(tmp_path / "lessons.json")
    progress.note("blocked", LessonProgress(1, 1, 9))
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    progress.note("blocked", LessonProgress(2, 2, 9))
    assert "No space left" in progress.problem
    assert kept(tmp_path) == {"blocked": LessonProgress(1, 1, 9)}
    assert [path.name for path in tmp_path.iterdir()] == ["lessons.json"]


@pytest.mark.parametrize("keys", [("s", "g"), ("g",)])
def test_lessons_are_reached_from_the_live_screen(keys: tuple[str, ...]) -> None:
    async def check(pupil: Pupil) -> None:
        assert pupil.begun == ("start", "fire")
        await pupil.press(*keys)
        await pupil.screen_is("LessonListScreen")
        await pupil.press("escape")
        await pupil.screen_is("LiveScreen")
        await pupil.press(*keys)
        await pupil.screen_is("LessonListScreen")
        await pupil.press("enter")
        await pupil.at(1)
        assert pupil.calls == ["prepare"]

    teach(check, opening=False, feed=StandIn())


def test_the_clinic_is_reached_from_the_picker() -> None:
    async def check(pupil: Pupil) -> None:
        await pupil.press("s", "c")
        await pupil.screen_is("LessonListScreen")
        await pupil.reads("The clinic")
        await pupil.reads("There are none yet.")

    teach(check, opening=False, feed=StandIn())


def test_both_are_in_the_palette_and_lessons_by_name() -> None:
    async def check(pupil: Pupil) -> None:
        commands = {command.title: command for command in pupil.app.get_system_commands(pupil.app.screen)}
        assert {"Lessons", "The clinic: what people run into", "Scenario sleep"} <= set(commands)
        commands["Lesson: A blocked worker"].callback()
        await pupil.at(1)

    teach(check, opening=False, feed=StandIn())


def test_after_the_last_step_comes_the_list() -> None:
    async def check(pupil: Pupil) -> None:
        for _ in range(12):
            await pupil.press("n" if type(pupil.app.screen).__name__ == "LessonScreen" else "escape")
            await pupil.frames()
            if pupil.step == 9:
                break
        await pupil.press("n")
        await pupil.screen_is("LessonListScreen")
        await pupil.reads("✓ A blocked worker")

    teach(check, lesson())


def test_another_lesson_does_not_show_the_run_of_the_one_before() -> None:
    async def check(pupil: Pupil) -> None:
        await guessed(pupil)
        await pupil.press("space")
        await pupil.finish(done())
        await pupil.reads("20 of 20")
        await pupil.press("s")
        await pupil.screen_is("LessonListScreen")
        await pupil.press("enter")
        await pupil.screen_is("LessonScreen")
        await pupil.until(lambda: "20 of 20" not in pupil.text, "panes without a run")
        assert pupil.calls == ["change", "prepare"]

    teach(check, lesson())
