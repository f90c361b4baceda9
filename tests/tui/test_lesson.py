"""A lesson: predict, run, reveal, investigate, modify, make; back, free play and back; at every size."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from textual.widgets import Input

from tests.tui.lesson_seat import TEXT, Pupil, done, guessed, lesson, teach
from tests.tui.test_playback import BATCHES, LoggedStandIn
from wsgiviz.lessons.tour import tour
from wsgiviz.state import Phase
from wsgiviz.tui.screens.lesson import LessonScreen
from wsgiviz.tui.widgets.code import Listing
from wsgiviz.tui.widgets.step_text import StepText


def test_a_whole_lesson() -> None:
    async def check(pupil: Pupil) -> None:
        assert pupil.begun == ("prepare",)  # the servers come up, and serve nobody yet
        await pupil.at(1)
        await pupil.reads("Four workers serve twenty requests.")
        assert "predicted" not in pupil.text, "that is the learner's part"
        assert "Ask who has raised" not in pupil.text

        await pupil.press("space")
        await pupil.at(2, "QuestionScreen")
        await pupil.reads("The figure is the slowest client's.")
        await pupil.press("4", "space", "s", "enter")
        await pupil.at(3, "QuestionScreen")
        await pupil.reads("3  The kernel")
        await pupil.press("2")
        await pupil.at(4)
        assert pupil.calls == []

        await pupil.press("space")
        await pupil.reads("It runs. Watch the panes.")
        assert (pupil.calls, pupil.changes[-1].workers) == (["change"], 4)
        await pupil.press("space")  # nothing to be done by it while the run is on
        await pupil.frames()
        assert (pupil.step, pupil.calls) == (4, ["change"])
        await pupil.finish(done())
        await pupil.reads("5.00 s")  # what theory said, now that it is over
        await pupil.reads("wsgi.makespan_s < 3: wsgi.makespan_s = 5")  # what does not hold is said
        assert "wsgi.makespan_s > 4" not in pupil.text

        await pupil.press("space")
        await pupil.at(5)
        await pupil.reads("you 4 s, theory 5 s, measured 5")
        await pupil.reads("Four workers serve four at a time.")
        await pupil.reads("you: Nobody until a sleep ends")
        await pupil.reads("right: Nobody until a sleep ends")

        await pupil.press("space")
        await pupil.at(6)
        await pupil.until(lambda: bool(pupil.marked("left")) and bool(pupil.marked("right")), "marks in both panes")
        assert all(" 1 ·" in row or row[1:].strip() for row in pupil.marked("left"))
        assert "loop" in pupil.marked("right")[0]

        await pupil.press("space")
        await pupil.at(7, "QuestionScreen")
        await pupil.press("space", "space", "4", "space")  # as one goes on everywhere else
        assert pupil.app.screen.query_one("#guess", Input).value == "4 "
        await pupil.press("escape")
        await pupil.at(7)
        await pupil.reads("Changed: workers 4 to 10.")
        await pupil.press("space")
        await pupil.until(lambda: bool(pupil.changes) and pupil.changes[-1].workers == 10, "the changed settings")
        await pupil.finish(done(workers=10, run=2))
        await pupil.press("space")
        await pupil.at(8)
        await pupil.reads("you no guess, theory 2 s, measured 2")
        assert "And with ten workers?" in pupil.text
        assert "Who is free" not in pupil.text  # those of the first reveal are through

        await pupil.press("space")
        await pupil.at(9)
        await pupil.reads("Write exercise.py (its app is run) in the")
        await pupil.press("space")
        await pupil.until(lambda: pupil.changes[-1].own_app, "the learner's own app")
        await pupil.finish(replace(done(run=3), sides={"wsgi": done(run=3).sides["wsgi"]}))
        await pupil.reads("✓ wsgi.completed = requests")
        await pupil.reads("✕ wsgi.makespan_s < 0.5")

    teach(check, lesson())


def test_back_and_on_again_keeps_guesses_and_results() -> None:
    async def check(pupil: Pupil) -> None:
        await guessed(pupil)
        await pupil.press("space")
        await pupil.finish(done())
        await pupil.press("pagedown")
        await pupil.at(5)
        for key, step in (("pageup", 4), ("left", 3), ("backspace", 2)):
            await pupil.press(key)
            await pupil.at(step)  # coming back to a question does not ask it again
        await pupil.reads("You: 4 s")
        await pupil.press("a")
        await pupil.at(2, "QuestionScreen")
        await pupil.press("7", "enter")
        await pupil.at(3)
        for key, step in (("space", 4), ("enter", 5)):
            await pupil.press(key)
            await pupil.at(step)
        await pupil.reads("you 7 s, theory 5 s, measured 5")
        assert pupil.calls == ["change"]

    teach(check, lesson())


def test_page_up_in_a_question_goes_back() -> None:
    async def check(pupil: Pupil) -> None:
        await pupil.press("space")
        await pupil.at(2, "QuestionScreen")
        await pupil.press("pageup")
        await pupil.at(1)

    teach(check, lesson())


def test_a_remote_that_knows_page_keys_only_gets_through() -> None:
    async def check(pupil: Pupil) -> None:
        for step, screen in ((2, "QuestionScreen"), (3, "QuestionScreen"), (4, "LessonScreen")):
            await pupil.press("pagedown")
            await pupil.at(step, screen)
        await pupil.press("pagedown")
        await pupil.reads("It runs.")
        await pupil.finish(done())
        await pupil.press("pagedown")
        await pupil.at(5)
        await pupil.reads("you no guess, theory 5 s")

    teach(check, lesson())


def test_a_step_can_be_skipped_and_its_reveal_says_so() -> None:
    async def check(pupil: Pupil) -> None:
        await guessed(pupil)
        await pupil.press("n")
        await pupil.at(5)
        await pupil.reads("theory not run yet")
        assert "Four workers serve four at a time." not in pupil.text  # that would give the answer away
        assert pupil.calls == []

    teach(check, lesson())


def test_a_run_that_ends_after_one_has_gone_on_is_still_revealed() -> None:
    async def check(pupil: Pupil) -> None:
        await guessed(pupil)
        await pupil.press("space")
        await pupil.reads("It runs.")
        await pupil.press("n")
        await pupil.at(5)
        await pupil.reads("measured not run yet")
        await pupil.finish(done())
        await pupil.reads("measured 5")

    teach(check, lesson())


def test_servers_that_restart_are_waited_for() -> None:
    async def check(pupil: Pupil) -> None:
        await guessed(pupil)
        await pupil.press("space")
        await pupil.reads("It runs.")
        pupil.feed.show(replace(pupil.feed.state, phase=Phase.STARTING))
        await pupil.reads("The servers are starting ...")

    teach(check, lesson())


def test_free_play_and_back() -> None:
    async def check(pupil: Pupil) -> None:
        await guessed(pupil)
        await pupil.press("escape")
        await pupil.screen_is("LiveScreen")
        await pupil.press("f", "x")  # all live keys
        assert pupil.calls == ["fire_one", "cancel"]
        await pupil.press("g")
        await pupil.at(4)
        await pupil.press("pageup")
        await pupil.at(3)
        await pupil.reads("You: Nobody until a sleep ends")

    teach(check, lesson())


def test_its_run_is_played_back_while_it_is_on_and_ends_behind_that() -> None:
    feed = LoggedStandIn(BATCHES[:-5])

    async def check(pupil: Pupil) -> None:
        await guessed(pupil)
        await pupil.press("space")
        await pupil.reads("It runs.")
        await pupil.press("p", "comma")
        await pupil.screen_is("PastScreen")
        await pupil.reads("replay 1×, paused")
        await pupil.finish(done(run=2))
        await pupil.press("space", "escape")
        await pupil.at(4)
        await pupil.press("space")
        await pupil.at(5)
        await pupil.reads("you 4 s, theory 5 s, measured 5")
        await pupil.press("p")  # and after it
        await pupil.screen_is("PastScreen")
        await pupil.press("escape")
        await pupil.at(5)

    teach(check, lesson(), feed)


def test_a_run_of_free_play_is_none_of_the_lesson() -> None:
    async def check(pupil: Pupil) -> None:
        await guessed(pupil)
        await pupil.press("space")
        await pupil.reads("It runs.")
        await pupil.press("g")
        await pupil.screen_is("LiveScreen")
        await pupil.finish(done())
        await pupil.press("g")
        await pupil.at(4)
        await pupil.reads("space run it")

    teach(check, lesson())


def test_the_code_that_is_pointed_to_is_shown_with_a_border() -> None:
    async def check(pupil: Pupil) -> None:
        for step in range(2, 7):
            await pupil.press("n" if step not in (3, 4) else "escape")
            await pupil.at(step, "QuestionScreen" if step in (2, 3) else "LessonScreen")
        await pupil.until(lambda: pupil.app.screen.query_one("#code-left", Listing).has_class("pointed"))
        await pupil.reads("9  def wsgi_app(environ")
        assert not pupil.app.screen.query_one("#code-right", Listing).has_class("pointed")
        await pupil.press("pageup")
        await pupil.at(5)
        await pupil.until(lambda: "def wsgi_app" not in pupil.text, "no code")

    teach(check, lesson())


@pytest.mark.parametrize(
    ("size", "ascii"),
    [((80, 24), False), ((60, 20), True), ((119, 30), False), ((120, 36), True), ((200, 50), False)],
)
def test_text_and_panes_share_every_terminal(size: tuple[int, int], ascii: bool) -> None:
    async def check(pupil: Pupil) -> None:
        for step in range(1, 10):
            await pupil.until(lambda step=step: pupil.step == step, f"step {step}")  # type: ignore[misc]
            if type(pupil.app.screen).__name__ == "QuestionScreen":
                await pupil.reads("?")
                assert "escape no guess" in pupil.text
                await pupil.press("escape")
            await pupil.frames()
            if pupil.step == step:
                title = lesson().steps[step - 1].title
                await pupil.reads(f"{step}/9  {title}")
                assert all(pane.size.height >= 6 for pane in pupil.panes), [pane.size for pane in pupil.panes]
                assert "free play" in pupil.lines[-1]
                assert len(pupil.lines) == size[1]
                await pupil.press("n")
        assert not ascii or all(line.isascii() for line in pupil.lines)

    teach(check, lesson(), size=size, ascii=ascii)


def test_a_text_that_is_too_long_is_scrolled() -> None:
    long = TEXT.replace(
        "Four workers serve **twenty** requests.", "\n\n".join(f"Line {n} of many." for n in range(30))
    )

    async def check(pupil: Pupil) -> None:
        await pupil.reads("Line 0 of many.")
        for _ in range(100):
            if "Line 29 of many." in pupil.text:
                break
            await pupil.press("down")
        await pupil.reads("Line 29 of many.")
        assert pupil.panes[0].size.height >= 6
        await pupil.press("n", "escape", "pageup", "pageup")
        await pupil.at(1)
        await pupil.reads("Line 0 of many.")  # another step is shown from its beginning

    teach(check, lesson(long), size=(80, 24))


def test_the_timer_is_paused_and_goes_on() -> None:
    async def check(pupil: Pupil) -> None:
        await pupil.reads("timer 0:0")
        await pupil.press("t")
        await pupil.reads("paused")
        await pupil.press("t")
        await pupil.until(lambda: "paused" not in pupil.lines[0], "a timer that runs")

    teach(check, lesson())


def test_keys_of_the_lesson_are_in_its_help() -> None:
    async def check(pupil: Pupil) -> None:
        await pupil.press("question_mark")
        await pupil.screen_is("HelpScreen")
        await pupil.reads("Go on from this run's recording")
        assert "All live keys; g comes back to the lesson" in pupil.text

    teach(check, lesson(), size=(120, 60))


def test_the_tour_goes_through_the_scenarios() -> None:
    steps = tour().steps

    async def check(pupil: Pupil) -> None:
        await pupil.at(1)
        await pupil.reads("What does a worker do while its request waits?")
        await pupil.press("space")
        await pupil.reads("It runs.")
        assert pupil.changes[-1].scenario == steps[0].title
        await pupil.finish(done())
        await pupil.press("space")
        await pupil.at(2)
        await pupil.press("space")
        await pupil.until(lambda: pupil.changes[-1].scenario == steps[1].title, "the second scenario")

    teach(check, tour())


def test_only_what_is_seen_is_drawn() -> None:
    async def check(pupil: Pupil) -> None:
        await pupil.at(1)
        assert isinstance(pupil.app.screen, LessonScreen)
        before = pupil.app.live.frame
        await pupil.frames(3)
        assert pupil.app.live.frame is before
        assert pupil.app.screen.query_one(StepText).display

    teach(check, lesson())


def test_what_was_made_big_stays_big_in_free_play_and_back() -> None:
    async def check(pupil: Pupil) -> None:
        await pupil.at(1)
        before = pupil.app.theme
        await pupil.press("b")
        await pupil.until(lambda: pupil.app.screen.has_class("stage"), "a big lesson")
        await pupil.press("escape")
        await pupil.screen_is("LiveScreen")
        assert pupil.app.screen.has_class("stage")
        assert pupil.app.theme == "wsgiviz-stage"
        await pupil.press("g")
        await pupil.at(1)
        assert pupil.app.screen.has_class("stage")
        await pupil.press("b")
        await pupil.until(lambda: not pupil.app.screen.has_class("stage"), "the usual size")
        assert pupil.app.theme == before

    teach(check, lesson())


def test_the_timer_goes_on_from_lesson_to_lesson() -> None:
    async def check(pupil: Pupil) -> None:
        await pupil.press("t")
        await pupil.reads("paused")
        await pupil.press("s")
        await pupil.screen_is("LessonListScreen")
        await pupil.press("enter")
        await pupil.at(1)
        await pupil.reads("paused")

    teach(check, lesson())


def test_the_verdict_names_no_keys_of_the_live_screen() -> None:
    async def check(pupil: Pupil) -> None:
        await guessed(pupil)
        await pupil.press("space")
        await pupil.reads("It runs.")
        await pupil.finish(done())
        await pupil.reads("WSGI took 5.0")
        assert "Press" not in pupil.text

    teach(check, lesson(), size=(160, 50))
