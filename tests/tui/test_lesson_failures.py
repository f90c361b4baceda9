"""What goes wrong in a lesson: answers that are none, servers that do not start, words that would do something."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Input, Static

from tests.tui.hostile import HOSTILE, harmless
from tests.tui.lesson_seat import TEXT, Pupil, done, guessed, lesson, not_installed, teach
from wsgiviz.state import Failure


def test_what_is_no_number_is_not_taken() -> None:
    async def check(pupil: Pupil) -> None:
        await pupil.press("space")
        await pupil.at(2, "QuestionScreen")
        for given in ("four", "1/2", "inf", "nan", "1e300", "\u0664"):
            pupil.app.screen.query_one("#guess", Input).value = given
            pupil.app.screen.query_one("#problem", Static).update("")
            await pupil.until(lambda: "give a number" not in pupil.text, "no problem")
            await pupil.press("enter")
            await pupil.reads("give a number, in s")
            assert pupil.step == 2

    teach(check, lesson())


def test_words_of_strangers_do_nothing() -> None:
    hostile = HOSTILE.encode("utf-8", "ignore").decode()
    assert "\x1b" in hostile
    known = lesson()
    first = known.steps[0]
    steps = tuple(
        replace(step, title=hostile, text=f"# {hostile}\n\n[x](javascript:y) {hostile}") for step in known.steps
    )
    steps = tuple(
        replace(step, question=replace(step.question, ask=hostile, unit=hostile, because=hostile))
        if step.question
        else step
        for step in steps
    )
    taught = replace(known, title=hostile, claim=hostile, steps=steps)
    assert first.title != hostile

    async def check(pupil: Pupil) -> None:
        await pupil.at(1)
        await pupil.reads("[bold]not bold[/]")
        assert harmless(pupil)
        await pupil.press("space")
        await pupil.at(2, "QuestionScreen")
        await pupil.reads("a number, in [bold]")
        assert harmless(pupil)
        pupil.feed.fail(Failure(hostile, hostile, hostile))
        await pupil.press("escape", "escape", "space")
        await pupil.frames()
        pupil.feed.fail(Failure(hostile, hostile, hostile))
        await pupil.reads("The servers did not start.")
        assert harmless(pupil)

    teach(check, taught)


def test_a_failure_is_shown_with_the_step_and_can_be_tried_again() -> None:
    async def check(pupil: Pupil) -> None:
        await guessed(pupil)
        await pupil.press("space")
        await pupil.reads("It runs.")
        pupil.feed.fail(Failure("port 80 is taken", "choose another", "Traceback\nOSError"))
        await pupil.reads("port 80 is taken")
        await pupil.reads("OSError")
        await pupil.screen_is("LessonScreen")
        await pupil.press("space")
        await pupil.reads("It runs.")
        assert pupil.calls == ["change", "change"]
        await pupil.finish(done())
        await pupil.press("space")
        await pupil.at(5)

    teach(check, lesson())


def test_a_server_that_is_not_installed_fails_the_run_only(monkeypatch: pytest.MonkeyPatch) -> None:
    not_installed(monkeypatch, "gevent is not installed")

    async def check(pupil: Pupil) -> None:
        await guessed(pupil)
        await pupil.press("space")
        await pupil.reads("gevent is not installed")
        assert pupil.calls == []
        await pupil.press("n")
        await pupil.at(5)

    teach(check, lesson())


def test_servers_that_are_to_fail_have_failed_as_expected() -> None:
    fails = TEXT.replace("name: rounds\ncheck:", 'fails: yes\ncheck:\n  - failure says "taken"').replace(
        "  - wsgi.makespan_s > 4\n  - wsgi.makespan_s < 3\n", ""
    )
    fails = fails.replace("rounds.wsgi.makespan_s", "9")

    async def check(pupil: Pupil) -> None:
        await guessed(pupil)
        await pupil.press("space")
        await pupil.reads("It runs.")
        pupil.feed.fail(Failure("port 80 is taken"))
        await pupil.reads("The servers did not start, as expected.")
        await pupil.press("space")
        await pupil.at(5)

    teach(check, lesson(fails))
