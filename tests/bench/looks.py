"""``python -m tests.bench.looks DIRECTORY``: looks at a served directory as ``wsgiviz attach`` does, until ended.

It says so every second, reads the rings as often as a screen would, and reduces what it has read.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from wsgiviz.events import SettingsChanged
from wsgiviz.observe.collector import Collector
from wsgiviz.recorder import served
from wsgiviz.state import State, reduce

POLL_S = 1 / 60
WATCH_S = 1.0


def opened() -> State:
    """A state that has a side of each protocol."""
    return reduce(State(), [SettingsChanged(0, "", 0, {"scenario": "sleep"})])


def look(directory: Path) -> None:
    served.watch(directory, begins=True)
    collector, state, watched = Collector(directory, deletes=False), opened(), time.monotonic()
    while True:
        state = reduce(state, collector.poll())
        time.sleep(POLL_S)
        if time.monotonic() - watched >= WATCH_S:
            watched = time.monotonic()
            served.watch(directory)


if __name__ == "__main__":
    look(Path(sys.argv[1]))
