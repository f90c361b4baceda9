"""Recordings of lessons' runs: made on real servers, and shown in their place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.tui.lesson_seat import Pupil, not_installed, teach
from wsgiviz.lessons.library import read_file
from wsgiviz.lessons.model import Lesson
from wsgiviz.lessons.recordings import PACKAGE, recording_of
from wsgiviz.lessons.tour import tour
from wsgiviz.log import open_recording
from wsgiviz.report import record_lessons
from wsgiviz.state import Failure, Phase

pytestmark = pytest.mark.xdist_group("lessons")  # its checks hold on a machine of which one core is busy

TEXT = """\
---
title: Two rounds
claim: Two workers serve two requests at a time.
settings: {scenario: sleep, set: {seconds: 0.2}, workers: 2, requests: 4}
steps: [question, run, reveal, run, make]
---

## How long?

```question
ask: When has the last of them its answer?
unit: s
measured: wsgi.makespan_s
theory: ceil(requests / workers) * seconds
because: Two rounds.
```

## See it

```run
name: rounds
check:
  - wsgi.makespan_s > 0.35
```

## Why

## What does not start

```run
fails: yes
```

## Your turn

```run
wsgi: exercise:app
check:
  - wsgi.completed = requests
```
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Lesson:
    """The lesson, with the recording of its first run beside it."""
    file = tmp_path_factory.mktemp("lessons") / "01-rounds.md"
    file.write_text(TEXT)
    assert record_lessons.main([str(file)]) == 0
    return read_file(file)


def test_each_run_that_can_be_stood_in_for_has_a_recording(recorded: Lesson) -> None:
    folder = recording_of(recorded, 0).parent
    assert [path.name for path in folder.iterdir()] == ["02.wviz"]
    with open_recording(str(folder / "02.wviz")) as recording:
        state = recording.at(recording.end).state
        events = [event for position in range(recording.end) for event in recording.batch(position)]
    assert (state.phase, state.settings) == (Phase.FINISHED, recorded.steps[1].run.whole)  # type: ignore[union-attr]
    assert state.sides["wsgi"].run.completed == 4
    assert not [event for event in events if any(f"{folder}/" in str(event) for folder in record_lessons.FOLDERS)]


async def to_the_run(pupil: Pupil) -> None:
    await pupil.at(1, "QuestionScreen")
    await pupil.press("escape")
    await pupil.at(2)


async def seen_from_the_recording(pupil: Pupil) -> None:
    """It is marked in the header and in the text, it is played, and the reveal uses it."""
    await pupil.reads("This run is from a recording: made earlier, with the same settings.")
    await pupil.reads("4 of 4 answered")
    assert "from a recording" in pupil.lines[0]
    await pupil.press("space")
    await pupil.at(3)
    await pupil.reads("you no guess, theory 0.4 s, measured 0.4")
    await pupil.reads("(from a recording)")


def test_f9_goes_on_from_the_recording(recorded: Lesson) -> None:
    async def check(pupil: Pupil) -> None:
        await to_the_run(pupil)
        await pupil.reads("F9 recording")
        await pupil.press("f9")
        await seen_from_the_recording(pupil)
        assert pupil.calls == []  # the servers were not asked for anything
        await pupil.press("pageup")
        await pupil.at(2)
        await pupil.press("r")  # and they still can be
        await pupil.until(lambda: pupil.calls == ["change"], "a run on servers")
        await pupil.until(lambda: "from a recording" not in pupil.lines[0], "the servers' own run")

    teach(check, recorded, size=(160, 40))


def test_servers_that_do_not_start_are_stood_in_for(recorded: Lesson) -> None:
    async def check(pupil: Pupil) -> None:
        await to_the_run(pupil)
        await pupil.press("space")
        await pupil.until(lambda: pupil.calls == ["change"], "a run on servers")
        pupil.feed.fail(Failure("port 80 is taken"))
        await pupil.reads("The servers did not start: port 80 is taken.")
        await seen_from_the_recording(pupil)

    teach(check, recorded, size=(160, 40))


def test_servers_that_are_not_installed_are_stood_in_for(recorded: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    not_installed(monkeypatch, "gunicorn is not installed")

    async def check(pupil: Pupil) -> None:
        await to_the_run(pupil)
        await pupil.press("space")
        await pupil.reads("The servers did not start: gunicorn is not installed.")
        await seen_from_the_recording(pupil)

    teach(check, recorded, size=(160, 40))


def test_what_stands_in_is_played_back_and_left_for_the_lesson(recorded: Lesson) -> None:
    async def check(pupil: Pupil) -> None:
        await to_the_run(pupil)
        await pupil.press("f9")
        await pupil.reads("4 of 4 answered")
        await pupil.press("p")
        await pupil.screen_is("PastScreen")
        await pupil.reads("replay 1×, paused")
        past = pupil.app._past
        assert past is not None
        last = past.feed.player.event
        await pupil.press("comma", "comma")
        await pupil.until(lambda: past.feed.player.event == last - 2, "two events back")
        await pupil.press("t")
        await pupil.reads("replay 0.1×")
        await pupil.press("escape")
        await pupil.screen_is("LessonScreen")
        await seen_from_the_recording(pupil)

    teach(check, recorded, size=(160, 40))


def test_free_play_is_on_servers_again(recorded: Lesson) -> None:
    async def check(pupil: Pupil) -> None:
        await to_the_run(pupil)
        await pupil.press("f9")
        await pupil.reads("4 of 4 answered")
        await pupil.press("escape")
        await pupil.screen_is("LiveScreen")
        await pupil.until(lambda: "recorded" not in pupil.lines[0], "the servers' own feed")
        await pupil.press("space")
        await pupil.until(lambda: pupil.calls == ["fire"], "a run on servers")

    teach(check, recorded, size=(160, 40))


def test_a_recording_of_other_settings_is_not_shown(recorded: Lesson) -> None:
    first = recorded.steps[1]
    assert first.run is not None
    changed = replace(first, run=replace(first.run, whole=replace(first.run.whole, workers=3)))
    lesson = replace(recorded, steps=(recorded.steps[0], changed, *recorded.steps[2:]))

    async def check(pupil: Pupil) -> None:
        await to_the_run(pupil)
        await pupil.press("f9")
        await pupil.reads("The recording of this run was made with other settings")
        assert "from a recording" not in pupil.lines[0]

    teach(check, lesson, size=(160, 40))


def test_where_there_is_none_it_says_so(recorded: Lesson) -> None:
    async def check(pupil: Pupil) -> None:
        await to_the_run(pupil)
        await pupil.press("n")
        await pupil.at(3)
        await pupil.press("f9")
        await pupil.reads("This step has no run.")
        await pupil.press("n")
        await pupil.at(4)
        await pupil.press("f9")
        await pupil.reads("There is no recording of this run")

    teach(check, recorded, size=(160, 40))


def test_a_damaged_recording_is_said(recorded: Lesson, tmp_path: Path) -> None:
    file = tmp_path / "01-rounds.md"
    file.write_text(TEXT)
    lesson = read_file(file)
    path = recording_of(lesson, 1)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"nothing of the kind")

    async def check(pupil: Pupil) -> None:
        await to_the_run(pupil)
        await pupil.press("f9")
        await pupil.reads("is not a wsgiviz recording")

    teach(check, lesson, size=(160, 40))


SHIPPED = sorted((PACKAGE / "recordings").rglob("*.wviz"))


def test_what_is_shipped_fits_its_lesson() -> None:
    """Whatever recordings the package has are of the lessons that it has, with the settings of their steps."""
    expected = {
        recording_of(lesson, index): settings
        for lesson in record_lessons.shipped(with_tour=True)
        for index, settings in record_lessons.recordable(lesson)
    }
    assert tour().name in {path.parent.name for path in expected}
    assert set(SHIPPED) <= set(expected)
    for path in SHIPPED:
        with open_recording(str(path)) as recording:
            state = recording.at(recording.end).state
            events = [event for position in range(recording.end) for event in recording.batch(position)]
        assert not any("/home/" in str(event) or "/site-packages/" in str(event) for event in events), path
        assert state.phase is Phase.FINISHED, path
        assert state.settings.given() == expected[path].given(), path
