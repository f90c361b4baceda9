"""Which pictures there are, and of what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from screenshots.picture import svg_of
from screenshots.standing import Ready, Standing, StandingApp, StandingLesson, drawn, shown
from tests.recordings import path_of
from wsgiviz.lessons import library
from wsgiviz.settings import make
from wsgiviz.tui.lesson.app import Opening
from wsgiviz.tui.lesson.position import Publisher
from wsgiviz.tui.lesson.progress import ProgressFile


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: of which recording, how many seconds into its run (None: just over), after which keys."""

    name: str
    recording: str = "sleep"
    at_s: float | None = None
    size: tuple[int, int] = (120, 36)
    keys: tuple[str, ...] = ()
    theme: str = ""
    ascii: bool = False


SHOTS = (
    Shot("sleep-running", at_s=2.4),
    Shot("sleep-done"),
    Shot("cpu-done", "cpu"),
    Shot("file-running", "file", 1.2),
    Shot("fast-done", "fast"),
    Shot("gthread-running", "gthread-gevent", 2.2),
    Shot("blocking-in-async", "blocking-in-async", 1.7),
    Shot("ledger", keys=("tab",)),
    Shot("small-80x24", at_s=2.4, size=(80, 24)),
    Shot("large-200x50", "forty", 2.4, (200, 50)),
    Shot("picker", keys=("s",)),
    Shot("settings", keys=("o",)),
    Shot("help", keys=("question_mark",)),
    Shot("light", at_s=2.4, theme="textual-light"),
    Shot("stage", at_s=2.4, keys=("b",)),
    Shot("ascii", at_s=2.4, size=(80, 24), ascii=True),
)

LESSON = "blocked"
LESSON_SHOTS = ("lesson-question", "lesson-reveal", "lesson-investigate")


async def take(shot: Shot) -> str:
    """The picture as SVG."""
    feed = Standing(path_of(shot.recording))
    if shot.at_s is not None:
        feed.to(shot.at_s)
    app = StandingApp(feed, shot.ascii)
    try:
        async with shown(app, shot.size, shot.theme) as pilot:
            await drawn(app, pilot, *shot.keys)
            return svg_of(app, f"wsgiviz: {shot.name}")
    finally:
        feed.close()


async def take_lesson() -> AsyncIterator[tuple[str, str]]:
    """The first steps of a lesson: its question, what came out, and where it is to be seen."""
    host = Standing(path_of("sleep")).state.host
    feed, lesson = Ready(make(), dict(host)), library.find(LESSON, library.course())
    with TemporaryDirectory() as folder:
        app = StandingLesson(
            feed,
            feed,
            opening=Opening(lesson),
            progress=ProgressFile(Path(folder) / "progress.json"),
            publisher=Publisher(Path(folder) / "position"),
        )
        app.use_steps()
        async with shown(app, (120, 36)) as pilot:
            await drawn(app, pilot, "space")
            yield LESSON_SHOTS[0], svg_of(app, "wsgiviz: lesson-question")
            await drawn(app, pilot, "4", "enter", "f9")
            app.recording_to_end()
            await drawn(app, pilot)
            for name in LESSON_SHOTS[1:]:
                await drawn(app, pilot, "space")
                yield name, svg_of(app, f"wsgiviz: {name}")
