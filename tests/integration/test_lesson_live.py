"""A lesson on real servers, from the first key to what must hold of one's own app."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from wsgiviz.lessons.parse import parse_lesson
from wsgiviz.tui.lesson.app import LessonApp, Opening
from wsgiviz.tui.lesson.position import Publisher, read_position
from wsgiviz.tui.lesson.progress import ProgressFile
from wsgiviz.tui.live_feed import LiveFeed

pytestmark = pytest.mark.xdist_group("lessons")  # its checks hold on a machine of which one core is busy

DEADLINE_S = 60.0

TEXT = """\
---
title: Two rounds
claim: Two workers serve two requests at a time.
settings: {scenario: sleep, set: {seconds: 0.2}, workers: 2, requests: 4}
steps: [question, run, reveal, modify, reveal, make]
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
  - wsgi.makespan_s >= 2 * seconds
```

## Why

## Four workers

```question
ask: And with four?
choices: [Half as long, As long]
right: 1
because: One round.
```

```run
workers: 4
check:
  - wsgi.makespan_s < rounds.wsgi.makespan_s
```

## As predicted

## Your turn

```run
wsgi: exercise:app
only: wsgi
check:
  - wsgi.completed = requests
  - wsgi.workers = 3
```
"""

APP = """\
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


def test_a_lesson_on_real_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exercise.py").write_text(APP)
    place = tmp_path / "home"
    place.mkdir(mode=0o700)
    feed = LiveFeed(parse_lesson(TEXT, "01-rounds.md").base)

    async def run() -> None:
        app = LessonApp(
            feed,
            feed.controller,
            opening=Opening(parse_lesson(TEXT, "01-rounds.md")),
            progress=ProgressFile(place / "lessons.json"),
            publisher=Publisher(place),
        )
        async with app.run_test(size=(160, 40)) as pilot:
            reads = reader(pilot)
            await reads(lambda text: "When has the last of them" in text)
            await pilot.press("0", ".", "4", "enter")
            await reads(lambda text: "space run it" in text)
            await pilot.press("space")
            await reads(lambda text: "space next" in text)
            await pilot.press("space")
            await reads(lambda text: "you 0.4 s, theory 0.4 s, measured 0." in text)
            await pilot.press("space")
            await reads(lambda text: "And with four?" in text)
            await pilot.press("1")
            await reads(lambda text: "Changed: workers 2 to 4." in text and "space run it" in text)
            await pilot.press("space")
            await reads(lambda text: "space next" in text)
            await pilot.press("space")
            await reads(lambda text: "right: Half as long" in text)
            await pilot.press("space")
            await reads(lambda text: "Write exercise.py" in text)
            await pilot.press("space")
            await reads(lambda text: "✓ wsgi.completed = requests" in text and "✕ wsgi.workers = 3" in text)
            await reads(lambda text: "space lessons" in text)
            at = read_position(place)
            assert at is not None
            assert (at.lesson, at.step) == ("Two rounds", 6)
            await pilot.press("q")

    try:
        asyncio.run(run())
    finally:
        feed.close()
    assert read_position(place) is None
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and started_by_us(pid)]


def reader(pilot: Pilot[int]) -> Callable[[Callable[[str], bool]], Awaitable[str]]:
    """A function that waits until the screen is so, and gives it."""

    async def reads(condition: Callable[[str], bool]) -> str:
        deadline = time.monotonic() + DEADLINE_S
        while True:
            text = "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())
            if condition(text):
                return text
            assert time.monotonic() < deadline, text
            await asyncio.sleep(0.02)

    return reads


def started_by_us(pid: str) -> bool:
    """A child of this process that still runs."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z" and int(fields[1]) == os.getpid()
