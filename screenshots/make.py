"""``python -m screenshots.make [NAME ...]``: run the app on real servers, and photograph it as SVG and PNG."""

from __future__ import annotations

import asyncio
import html
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cairosvg

from wsgiviz.analysis import metrics
from wsgiviz.lessons import library
from wsgiviz.settings import make
from wsgiviz.state import Phase, State
from wsgiviz.tui.app import WsgivizApp
from wsgiviz.tui.lesson.app import LessonApp, Opening
from wsgiviz.tui.lesson.position import Publisher
from wsgiviz.tui.lesson.progress import ProgressFile
from wsgiviz.tui.live_feed import LiveFeed

HERE = Path(__file__).parent
DEADLINE_S = 60.0

Due = Callable[[State], bool]
"""Whether it is time for the photograph."""


def finished(state: State) -> bool:
    return state.phase is Phase.FINISHED


def running_for(seconds: float) -> Due:
    """The run has lasted ``seconds``."""

    def reached(state: State) -> bool:
        if state.phase is not Phase.RUNNING:
            return False
        now_ns = time.monotonic_ns()
        return any(metrics.elapsed_ns(side, now_ns) >= seconds * 1e9 for side in state.sides.values())

    return reached


@dataclass(frozen=True, slots=True)
class Shot:
    """One photograph: what runs, when it is taken, which keys are pressed before."""

    name: str
    due: Due = finished
    settings: dict[str, Any] = field(default_factory=dict)
    size: tuple[int, int] = (120, 36)
    keys: tuple[str, ...] = ()
    theme: str = "wsgiviz"
    ascii: bool = False


SHOTS = (
    Shot("sleep-running", running_for(2.4)),
    Shot("sleep-done"),
    Shot("cpu-done", settings={"scenario": "cpu"}),
    Shot("file-running", running_for(1.2), {"scenario": "file"}),
    Shot("fast-done", settings={"scenario": "fast"}),
    Shot("gthread-running", running_for(2.2), {"workers": 2, "threads": 4, "right": "gevent"}),
    Shot("blocking-in-async", running_for(1.7), {"scenario": "blocking-in-async"}),
    Shot("ledger", keys=("tab",)),
    Shot("small-80x24", running_for(2.4), size=(80, 24)),
    Shot("large-200x50", running_for(2.4), {"workers": 8, "requests": 40}, size=(200, 50)),
    Shot("picker", keys=("s",)),
    Shot("settings", keys=("o",)),
    Shot("help", keys=("question_mark",)),
    Shot("light", running_for(2.4), theme="textual-light"),
    Shot("stage", running_for(2.4), keys=("b",)),
    Shot("ascii", running_for(2.4), size=(80, 24), ascii=True),
)


async def take(shot: Shot) -> None:
    """Run ``shot`` and write its two files."""
    feed = LiveFeed(make(**shot.settings))
    app = WsgivizApp(feed, feed.controller, ascii=shot.ascii)
    try:
        async with app.run_test(size=shot.size) as pilot:
            app.theme = shot.theme
            await until(lambda: shot.due(feed.state), shot.name)
            await pilot.press(*shot.keys)
            await pilot.pause(0.3)
            write(shot.name, app, shot.size[0])
    finally:
        feed.close()


async def take_lesson(name: str = "blocked") -> None:
    """Go through the first steps of a lesson: its question, what came out, and where to see it."""
    feed = LiveFeed(make())
    with tempfile.TemporaryDirectory() as folder:
        own = ProgressFile(Path(folder) / "progress.json"), Publisher(Path(folder) / "position")
        lesson = library.find(name, library.course())
        app = LessonApp(feed, feed.controller, opening=Opening(lesson), progress=own[0], publisher=own[1])
        try:
            async with app.run_test(size=(120, 36)) as pilot:
                await until(lambda: feed.state.phase is Phase.READY, "servers of the lesson")
                await pilot.press("space")
                await pilot.pause(0.3)
                write("lesson-question", app, 120)
                await pilot.press("4", "enter")
                await pilot.press("space")
                await until(lambda: finished(feed.state), "the lesson's run")
                for picture in ("lesson-reveal", "lesson-investigate"):
                    await pilot.press("space")
                    await pilot.pause(0.3)
                    write(picture, app, 120)
        finally:
            feed.close()


def write(name: str, app: WsgivizApp, columns: int) -> None:
    """What is on the screen, as SVG and PNG."""
    svg = app.export_screenshot(title=f"wsgiviz: {name}", simplify=True)
    (HERE / f"{name}.svg").write_text(svg)
    cairosvg.svg2png(
        bytestring=local_fonts(svg).encode(), write_to=str(HERE / f"{name}.png"), output_width=columns * 12
    )
    print(name)


async def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        await asyncio.sleep(0.02)


def local_fonts(svg: str) -> str:
    """The picture without the web font that it names: nothing is fetched, DejaVu Sans Mono serves.

    Every character is put into its cell by itself: another font's widths would leave borders apart.
    """
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*;", "font-family: 'DejaVu Sans Mono', monospace;", svg)
    return TEXT.sub(_in_cells, svg)


TEXT = re.compile(r'(<text [^>]*?)x="([\d.]+)"([^>]*?) textLength="[\d.]+"([^>]*)>([^<]*)</text>')
CELL = 12.2


def _in_cells(found: re.Match[str]) -> str:
    start, x, middle, end, text = found.groups()
    cells = " ".join(f"{float(x) + at * CELL:.1f}" for at in range(len(html.unescape(text))))
    return f'{start}x="{cells}"{middle}{end}>{text}</text>'


def main() -> None:
    names = sys.argv[1:]
    for shot in SHOTS:
        if not names or shot.name in names:
            asyncio.run(take(shot))
    if not names or "lesson" in names:
        asyncio.run(take_lesson())


if __name__ == "__main__":
    main()
