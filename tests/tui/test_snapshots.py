"""The text of screens in files, as it is without colour and in plain ASCII: a change of it is seen in a review.

``WSGIVIZ_SNAPSHOTS=write pytest tests/tui/test_snapshots.py`` writes them anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.tui.kept import Kept
from tests.tui.stand_in import Seat, watch

FOLDER = Path(__file__).parent / "snapshots"

FPS = re.compile(r" *\d+ fps")
"""The one figure that is the viewer's own."""

SCREENS: dict[str, tuple[str, str, tuple[int, int], tuple[str, ...]]] = {
    "sleep-middle": ("sleep", "middle", (120, 36), ()),
    "sleep-done": ("sleep", "done", (120, 36), ()),
    "sleep-done-small": ("sleep", "done", (80, 24), ()),
    "sleep-middle-stage": ("sleep", "middle", (80, 24), ("b",)),
    "blocking-in-async-middle": ("blocking-in-async", "middle", (100, 30), ()),
    "cpu-done-stage": ("cpu", "done", (120, 36), ("b",)),
}


@pytest.mark.parametrize("way", ["no-color", "ascii"])
@pytest.mark.parametrize("name", SCREENS)
def test_the_screen_is_as_in_its_file(name: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario, time, size, keys = SCREENS[name]
    if way == "no-color":
        monkeypatch.setenv("NO_COLOR", "1")
    file = FOLDER / f"{name}.{way}.txt"

    async def check(seat: Seat) -> None:
        await seat.press(*keys)
        await seat.frames(4)
        text = FPS.sub("", "\n".join(line.rstrip() for line in seat.lines)) + "\n"
        if os.environ.get("WSGIVIZ_SNAPSHOTS") == "write":
            file.write_text(text)
        assert text == file.read_text()

    watch(check, Kept(scenario, time), size, ascii=way == "ascii")
