"""The text of screens in files, as it is without colour and in plain ASCII: a change of it is seen in a review.

``WSGIVIZ_SNAPSHOTS=write pytest tests/tui/test_snapshots.py`` writes them anew.
"""

from __future__ import annotations

import os
import re
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.recordings import path_of
from tests.tui import every_screen
from tests.tui.every_screen import Open
from tests.tui.kept import Kept
from tests.tui.stand_in import FOUR_CORES, Check, Seat, StandIn, run_app, watch
from tests.tui.test_playback import CountedReplay
from wsgiviz.settings import make
from wsgiviz.state import Phase, State
from wsgiviz.tui.app import WsgivizApp
from wsgiviz.tui.lesson.app import LessonApp, Opening
from wsgiviz.tui.lesson.position import Publisher
from wsgiviz.tui.lesson.progress import ProgressFile

FOLDER = Path(__file__).parent / "snapshots"

FPS = re.compile(r" *\d+ fps|timer \d:\d\d *")
"""The figures that are the viewer's own."""

SCREENS: dict[str, tuple[str, str, tuple[int, int], tuple[str, ...]]] = {
    "sleep-middle": ("sleep", "middle", (120, 36), ()),
    "sleep-done": ("sleep", "done", (120, 36), ()),
    "sleep-done-small": ("sleep", "done", (80, 24), ()),
    "sleep-middle-stage": ("sleep", "middle", (80, 24), ("b",)),
    "blocking-in-async-middle": ("blocking-in-async", "middle", (100, 30), ()),
    "cpu-done-stage": ("cpu", "done", (120, 36), ("b",)),
}


def _playback(check: Check, size: tuple[int, int], ascii: bool) -> None:
    """A recording, paused in the middle of its run, with all its marks."""
    feed: Any = CountedReplay(str(path_of("sleep")))
    feed.controls = StandIn().controls
    feed.player.pause()
    feed.seek(feed.player.timeline.fired_ns + 2_400_000_000)

    async def found(seat: Seat) -> None:
        await seat.until(lambda: feed.playhead.searched == 1, "all marks")
        await check(seat)

    try:
        run_app(found, WsgivizApp(feed, playback=feed, ascii=ascii), feed, size, Seat)
    finally:
        feed.close()


def _clinic(check: Check, size: tuple[int, int], ascii: bool) -> None:
    """The list of symptoms, as it is shipped."""
    feed = StandIn(state=State(settings=make(), host=FOUR_CORES, phase=Phase.NEW))
    with tempfile.TemporaryDirectory() as place:
        known = ProgressFile(Path(place) / "lessons.json"), Publisher(Path(place))
        app = LessonApp(feed, feed.controls, None, ascii, Opening(None, clinic=True), *known)
        run_app(check, app, feed, size, Seat)


OPENED: dict[str, tuple[Open, tuple[int, int]]] = {
    "ledger": (every_screen.SCREENS["ledger"], (120, 36)),
    "inspector": (every_screen.SCREENS["inspector"], (120, 36)),
    "form": (every_screen.SCREENS["form"], (80, 24)),
    "help": (every_screen.SCREENS["help"], (80, 24)),
    "lesson": (every_screen.SCREENS["lesson"], (120, 36)),
    "question": (every_screen.SCREENS["question"], (80, 24)),
    "playback": (_playback, (120, 36)),
    "clinic": (_clinic, (80, 24)),
}
"""Screens that keys lead to, and programs of another kind."""


@pytest.fixture(params=["no-color", "ascii"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "no-color":
        monkeypatch.setenv("NO_COLOR", "1")
    return str(request.param)


@pytest.mark.parametrize("name", SCREENS)
def test_the_screen_is_as_in_its_file(name: str, way: str) -> None:
    scenario, time, size, keys = SCREENS[name]

    async def check(seat: Seat) -> None:
        await seat.press(*keys)
        await as_in_its_file(seat, name, way)

    watch(check, Kept(scenario, time), size, ascii=way == "ascii")


@pytest.mark.parametrize("name", OPENED)
def test_what_keys_lead_to_is_as_in_its_file(name: str, way: str) -> None:
    opened, size = OPENED[name]
    opened(partial(as_in_its_file, name=name, way=way), size, way == "ascii")


async def as_in_its_file(seat: Seat, name: str, way: str) -> None:
    file = FOLDER / f"{name}.{way}.txt"
    await seat.frames(4)
    text = FPS.sub("", "\n".join(line.rstrip() for line in seat.lines)) + "\n"
    if os.environ.get("WSGIVIZ_SNAPSHOTS") == "write":
        file.write_text(text)
    assert text == file.read_text()
    assert way != "ascii" or text.isascii()
