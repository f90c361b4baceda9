"""The live screen of every kept recording, at every size, in both views and on stage, early, middle and done."""

from __future__ import annotations

import os
import re
from contextlib import closing
from itertools import groupby

import pytest
from textual.pilot import Pilot
from textual.strip import Strip

from screenshots.standing import Standing, StandingApp
from tests.recordings import NAMES, path_of
from tests.recordings.__main__ import LIMIT_BYTES
from tests.tui.kept import TIMES
from tests.tui.paced import run_quickly, shown
from wsgiviz.tui.widgets.caption import CaptionLine
from wsgiviz.tui.widgets.code import Listing
from wsgiviz.tui.widgets.pane import Pane

SIZES = [(80, 24), (100, 30), (120, 36), (160, 45), (200, 50)]

VIEWS = {"first": "", "other": "v", "stage, other": "b", "stage": "v"}
"""The key that leads to each from the one before it. Which view comes first is the scenario's choice."""

AT_ALL_SIZES = ("sleep", "blocking-in-async")


def sizes_of(name: str) -> list[tuple[int, int]]:
    """Some recordings at every size, others at one of them in turn, so that all take half a minute.
    ``WSGIVIZ_SCREENS=all``: every recording at every size, in some minutes."""
    if name in AT_ALL_SIZES or os.environ.get("WSGIVIZ_SCREENS") == "all":
        return SIZES
    return [SIZES[NAMES.index(name) % len(SIZES)]]


CUT = re.compile(r"[…~](\s|$)")


@pytest.mark.parametrize("name", NAMES)
def test_every_screen_is_whole(name: str) -> None:
    feed = Standing(path_of(name))
    app = StandingApp(feed)

    async def check() -> None:
        async with app.run_test(size=SIZES[0]) as pilot:
            app.animation_level = "none"
            screen = Screens(app, feed, pilot)
            for size in sizes_of(name):
                await screen.resize(size)
                for view, key in VIEWS.items():
                    await screen.press(key)
                    for time in TIMES:
                        await screen.at(time)
                        assert problems(screen, size) == [], f"{size}, {time}, {view}:\n{screen.text}"
                await screen.press("b")

    with closing(feed):
        run_quickly(check)


class Screens:
    """The app at the times of a recording, drawn as often as is needed and no more."""

    def __init__(self, app: StandingApp, feed: Standing, pilot: Pilot[int]) -> None:
        self.app, self._feed, self._pilot = app, feed, pilot
        self.strips: list[Strip] = []
        self.lines: list[str] = []

    async def resize(self, size: tuple[int, int]) -> None:
        await self._pilot.resize_terminal(*size)
        await self.drawn()

    async def press(self, key: str) -> None:
        if key:
            await self._pilot.press(key)
        await self.drawn()

    async def at(self, time: str) -> None:
        """Earlier than what was shown, too: nothing is drawn from memory."""
        if time == "done":
            self._feed.to_end()
        else:
            self._feed.to(self._feed.seconds * (0.15 if time == "early" else 0.5))
        for pane in self.app.live.query(Pane):
            pane.forget()
        await self.drawn()

    async def drawn(self) -> None:
        self.app.frame()
        await self._pilot.pause()
        self.strips = shown(self.app)
        self.lines = [strip.text for strip in self.strips]

    @property
    def panes(self) -> list[Pane]:
        return [pane for pane in self.app.live.query(Pane) if pane.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def problems(screen: Screens, size: tuple[int, int]) -> list[str]:
    return [*borders(screen, size), *sentences(screen), *keys_missing(screen), *parts_missing(screen), *empty(screen)]


MOST_EMPTY = 0.5


def empty(seat: Screens) -> list[str]:
    """Half of a pane without anything in it. A side whose first request has just begun has no
    more yet; beside the contract's steps there is one request."""
    return [
        f"{longest} of {pane.size.height} lines are empty"
        for pane in seat.panes
        if len(pane._memory.lanes) > 1
        and not seat.app.live.has_class("contract")
        and (longest := _longest_blank(pane)) > MOST_EMPTY * pane.size.height
    ]


def _longest_blank(pane: Pane) -> int:
    blank = [not pane.render_line(y).text.strip() for y in range(pane.size.height)]
    return max((len(list(same)) for is_blank, same in groupby(blank) if is_blank), default=0)


def borders(seat: Screens, size: tuple[int, int]) -> list[str]:
    """Every line is as wide as the screen, nothing lies over anything, and panes beside each other are alike."""
    found = [f"a line of {strip.cell_length}" for strip in seat.strips if strip.cell_length != size[0]]
    shown = [widget for widget in seat.app.live.children if widget.display and widget.region]
    shown.sort(key=lambda widget: widget.region.y)
    found += [
        f"{above} lies over {below}"
        for above, below in zip(shown, shown[1:], strict=False)
        if above.region.bottom > below.region.y
    ]
    found += [
        f"{widget} is not all on the screen"
        for widget in shown
        if not seat.app.live.region.contains_region(widget.region)
    ]
    left, right = seat.panes
    if (left.region.y, left.size) != (right.region.y, right.size):
        found.append(f"panes differ: {left.region} {right.region}")
    return found


def sentences(seat: Screens) -> list[str]:
    """Sentences that are cut, or do not end as a sentence does."""
    caption = seat.app.live.query_one(CaptionLine)
    region = caption.content_region
    lines = [line[region.x : region.right].rstrip() for line in seat.lines[region.y : region.bottom]]
    found = [line for line in lines if CUT.search(line)]
    text = [line for line in lines if line]
    if not text or not text[-1].endswith((".", ")")):
        found.append(f"no end of a sentence: {text[-1:]}")
    return found


def keys_missing(seat: Screens) -> list[str]:
    if seat.app.live.stage:
        return []
    return [hint for hint in ("? help", "q quit") if hint not in seat.lines[-1]]


STATISTICS = ("p50", "predicted", "backlog", "fps", "max lag")


def parts_missing(seat: Screens) -> list[str]:
    """Both panes have room, beside the contract's steps less; on stage: a line of code a side, and no statistics."""
    least = 7 if seat.app.live.has_class("contract") else 9
    whole = len(seat.panes) == 2 and all(pane.size.height >= least for pane in seat.panes)
    found = [] if whole else ["low panes"]
    if seat.app.live.stage:
        listings = [listing for listing in seat.app.live.query(Listing) if listing.display]
        found += [f"{listing.size.height} lines of code" for listing in listings if listing.size.height != 1]
        found += [word for word in STATISTICS if word in seat.text]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_stays_small_and_names_no_machine(name: str) -> None:
    content = path_of(name).read_bytes()
    assert len(content) <= LIMIT_BYTES
    assert b"/home/" not in content
    assert b"/tmp/" not in content
