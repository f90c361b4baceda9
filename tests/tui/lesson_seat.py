"""A lesson led through on a feed made by hand: what it runs ends when a test says so, and as the test says."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.tui.stand_in import FOUR_CORES, Seat, StandIn, run_app
from tests.unit.states import T0, S, awaiting_tasks, sleeping_workers
from wsgiviz.errors import WsgivizError
from wsgiviz.lessons.lesson_error import LessonError
from wsgiviz.lessons.library import Shelf
from wsgiviz.lessons.model import Lesson
from wsgiviz.lessons.parse import parse_lesson
from wsgiviz.settings import make
from wsgiviz.state import Phase, State
from wsgiviz.tui.lesson.app import LessonApp, Opening
from wsgiviz.tui.lesson.position import Publisher
from wsgiviz.tui.lesson.progress import ProgressFile
from wsgiviz.tui.screens.lesson import LessonScreen
from wsgiviz.tui.widgets.pane import Pane
from wsgiviz.tui.widgets.step_text import StepText

TEXT = """\
---
title: A blocked worker
claim: While time.sleep() runs, its worker can do nothing else.
minutes: 5
settings: {scenario: sleep, workers: 4, requests: 20}
steps: [narration, question, question, run, reveal, investigate, modify, reveal, make]
---

## What to watch

Four workers serve **twenty** requests.

<!-- speaker: Ask who has raised --workers. -->

## How long?

The figure is the slowest client's.

```question
ask: When has the last of them its answer?
unit: s
measured: wsgi.makespan_s
theory: ceil(requests / workers) * seconds
because: Four workers serve four at a time.
```

## Who is free?

```question
ask: Who is free to take request 5?
choices: [The first worker that is idle, Nobody until a sleep ends, The kernel]
right: 2
because: A sync worker has its request until the end.
```

## See it

```run
name: rounds
check:
  - wsgi.makespan_s > 4
  - wsgi.makespan_s < 3
```

## Why

The answer is in the lanes.

## Where to look

```look
- wsgi lanes
- asgi loop
- wsgi code
```

## More workers

```question
ask: And with ten workers?
unit: s
measured: wsgi.makespan_s
theory: ceil(requests / workers) * seconds
because: Two rounds.
```

```run
workers: 10
check:
  - wsgi.makespan_s < rounds.wsgi.makespan_s
```

## As predicted

Two rounds.

## Your turn

Write an app that does not wait.

```run
wsgi: exercise:app
only: wsgi
check:
  - wsgi.completed = requests
  - wsgi.makespan_s < 0.5
```
"""


def lesson(text: str = TEXT, file: str = "lessons/02-blocked.md") -> Lesson:
    return parse_lesson(text, file)


def done(workers: int = 4, run: int = 1) -> State:
    """Twenty requests of a second each, all answered: the WSGI side's by so many workers."""
    ended_s = 20 / workers + 0.3
    sides = {"wsgi": sleeping_workers(ended_s, workers), "asgi": awaiting_tasks(ended_s)}
    sides = {name: replace(side, run=replace(side.run, number=run)) for name, side in sides.items()}
    t_ns = T0 + int(ended_s * S)
    return State(t_ns, host=FOUR_CORES, settings=make(), phase=Phase.FINISHED, run=run, fired=run, sides=sides)


class Pupil(Seat):
    """Somebody in a lesson."""

    app: LessonApp

    @property
    def step(self) -> int:
        """The number of the step that is shown, from 1; 0 when no lesson is."""
        screens = [screen for screen in self.app.screen_stack if isinstance(screen, LessonScreen)]
        return screens[-1].lesson.number if screens else 0

    async def at(self, step: int, screen: str = "LessonScreen") -> None:
        await self.until(
            lambda: self.step == step and type(self.app.screen).__name__ == screen, f"step {step}, {screen}"
        )
        await self.frames()

    @property
    def said(self) -> str:
        """The words of the step, however they are wrapped."""
        words = [" ".join(str(text._words.content).split()) for text in self.app.screen.query(StepText)]
        return "\n".join(words)

    async def reads(self, words: str) -> None:
        await self.until(lambda: words in self.text or words in self.said, repr(words))

    async def finish(self, state: State) -> None:
        """The run that is on ends like this."""
        self.feed.feed(state, Phase.FINISHED)
        self.feed.now_s = (state.t_ns - T0) / S
        await self.frames()

    def marked(self, side: str) -> list[str]:
        """The rows of a pane on the "left" or "right" that are pointed to."""
        return [line for line in self.pane(side).split("\n") if line.startswith("▶")]

    @property
    def panes(self) -> list[Pane]:
        return [pane for pane in self.app._commanded.query(Pane) if pane.display]


async def guessed(pupil: Pupil, number: str = "4", choice: str = "2") -> None:
    """To the run, with an answer to both questions before it."""
    await pupil.press("space")
    await pupil.at(2, "QuestionScreen")
    await pupil.press(*number, "enter")
    await pupil.at(3, "QuestionScreen")
    await pupil.press(choice)
    await pupil.at(4)


def teach(
    check: Callable[[Pupil], Awaitable[None]],
    taught: Lesson | None = None,
    feed: StandIn | None = None,
    size: tuple[int, int] = (120, 36),
    ascii: bool = False,
    home: Path | None = None,
    opening: bool = True,
    clinic: bool = False,
    broken: tuple[LessonError, ...] = (),
) -> StandIn:
    """Begin ``taught``, or the list of lessons when that is None, and let ``check`` use it. Progress and position
    are kept in ``home``. Without ``opening`` it begins on the live screen."""
    feed = feed or StandIn(state=State(settings=make(), host=FOUR_CORES, phase=Phase.NEW))
    with tempfile.TemporaryDirectory() as elsewhere:
        place = home or Path(elsewhere)
        app = LessonApp(
            feed,
            feed.controls,
            ascii=ascii,
            opening=Opening(taught, clinic) if opening else None,
            progress=ProgressFile(place / "lessons.json"),
            publisher=Publisher(place),
            shelf=lambda clinic: Shelf(() if clinic else (lesson(),), broken),
        )
        run_app(check, app, feed, size, Pupil)
    return feed


def not_installed(patch: pytest.MonkeyPatch, message: str) -> None:
    """Servers of no kind can be started."""

    def refuse(settings: object) -> None:
        raise WsgivizError(message, "install it")

    patch.setattr("wsgiviz.tui.lesson.app.check_installed", refuse)
