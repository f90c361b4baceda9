"""The live screen of every kept recording, at every size, in both views and on stage, early, middle and done."""

from __future__ import annotations

import re

import pytest

from tests.recordings import NAMES, path_of
from tests.recordings.__main__ import LIMIT_BYTES
from tests.tui.kept import TIMES, Kept
from tests.tui.stand_in import Seat, watch
from wsgiviz.tui.widgets.caption import CaptionLine
from wsgiviz.tui.widgets.code import Listing

SIZES = [(80, 24), (100, 30), (120, 36), (160, 45), (200, 50)]

VIEWS = {"first": (), "other": ("v",), "stage": ("b",), "stage, other": ("b", "v")}
"""The keys that lead there. Which view comes first is the scenario's choice."""

CUT = re.compile(r"[…~](\s|$)")

all_sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))


@all_sizes
@pytest.mark.parametrize("name", NAMES)
def test_every_screen_is_whole(name: str, size: tuple[int, int]) -> None:
    for time in TIMES:

        async def check(seat: Seat, time: str = time) -> None:
            for view, keys in VIEWS.items():
                await seat.press(*keys)
                await seat.frames(3)
                problems = [*borders(seat, size), *sentences(seat), *keys_missing(seat), *parts_missing(seat)]
                assert problems == [], f"{time}, {view}:\n{seat.text}"
                await seat.press(*keys)

        watch(check, Kept(name, time), size)


def borders(seat: Seat, size: tuple[int, int]) -> list[str]:
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
    if (left.region.y, left.size) != (right.region.y, right.size) and abs(left.size.width - right.size.width) > 1:
        found.append(f"panes differ: {left.region} {right.region}")
    return found


def sentences(seat: Seat) -> list[str]:
    """Sentences that are cut, or do not end as a sentence does."""
    caption = seat.app.live.query_one(CaptionLine)
    region = caption.content_region
    lines = [line[region.x : region.right].rstrip() for line in seat.lines[region.y : region.bottom]]
    found = [line for line in lines if CUT.search(line)]
    text = [line for line in lines if line]
    if not text or not text[-1].endswith((".", ")")):
        found.append(f"no end of a sentence: {text[-1:]}")
    return found


def keys_missing(seat: Seat) -> list[str]:
    if seat.app.live.stage:
        return []
    return [hint for hint in ("? help", "q quit") if hint not in seat.lines[-1]]


STATISTICS = ("p50", "predicted", "backlog", "fps", "max lag")


def parts_missing(seat: Seat) -> list[str]:
    """Both panes have room; on stage there is a line of code a side, and no statistics."""
    found = [] if len(seat.panes) == 2 and all(pane.size.height >= 9 for pane in seat.panes) else ["low panes"]
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
