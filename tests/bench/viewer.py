"""What the viewer takes: 16 workers and 200 requests in flight on each side, at 200×50; and after a run.

CPU time of the viewer's process alone, as the kernel counts it (user and system), without servers and driver.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator

import psutil

from tests.bench.figure import Figure, Unmeasured
from tests.bench.terminal import Piece, Terminal

MEASURED_S = 10.0
BUDGET = 15.0
IDLE_BUDGET = 2.0
BASE = ("run", "--scenario", "sleep", "--workers", "16", "--requests")
LOADS = {
    "a burst of 200, 13 s each": ("200", "--set", "seconds=13"),
    "200 users, 1 s each": ("100000", "--set", "seconds=1", "--arrivals", "closed", "--concurrency", "200"),
}
SETTLES_S = 3.0
"""After the end of a run the caption may still change, and the clock slows."""

FPS = re.compile(rb"(\d+) fps")


def figures() -> Iterator[Figure]:
    for name, load in LOADS.items():
        yield _busy(name, load)
    name, load = next(iter(LOADS.items()))
    yield _busy(f"{name}, by request", load, "v")
    yield _played()
    yield _idle("after a run, nothing moves")
    yield _idle("the same, while recording", record=True)


def _busy(name: str, load: tuple[str, ...], keys: str = "") -> Figure:
    with Terminal(*BASE, *load, columns=200, lines=50) as terminal:
        terminal.until(lambda piece: b"16 of 16 blocked" in piece.data, 20.0, "16 of 16 blocked")
        terminal.press(keys)
        terminal.during(0.5)
        share, pieces = _measure(terminal)
    rates = frame_rates(pieces)
    if not rates:
        raise Unmeasured("the header showed no frame rate")
    kilobytes = sum(len(piece.data) for piece in pieces) / 1000
    note = f"header: {statistics.median(rates):.0f} fps, at worst {min(rates)}; {kilobytes / MEASURED_S:.0f} kB/s"
    budget = f"≤ {BUDGET:.0f} %"
    return Figure(f"viewer's CPU, {name}", share, "% of a core", budget, share <= BUDGET, note)


def _played() -> Figure:
    """A recording of such a burst, played as fast as it was."""
    with tempfile.TemporaryDirectory() as folder:
        load = ("200", "--set", "seconds=1")
        record = (sys.executable, "-m", "wsgiviz", *BASE, *load, "--headless", "--record", f"{folder}/run.wviz")
        subprocess.run(record, check=True, capture_output=True, timeout=60)
        with Terminal("replay", f"{folder}/run.wviz", columns=200, lines=50) as terminal:
            terminal.until(lambda piece: b"16 of 16 blocked" in piece.data, 20.0, "16 of 16 blocked")
            share, pieces = _measure(terminal)
    kilobytes = sum(len(piece.data) for piece in pieces) / 1000
    note = f"16 workers, 200 requests, the marks looked for meanwhile; {kilobytes / MEASURED_S:.0f} kB/s"
    budget = f"≤ {BUDGET:.0f} %"
    return Figure("viewer's CPU, a recording at 1×", share, "% of a core", budget, share <= BUDGET, note)


def _idle(name: str, record: bool = False) -> Figure:
    """Both panes and the code on the screen, 16 workers alive, the run of a second ago."""
    with tempfile.TemporaryDirectory() as folder:
        more = ("--record", f"{folder}/idle.wviz") if record else ()
        with Terminal(*BASE, "200", "--set", "seconds=0.05", *more, columns=200, lines=50) as terminal:
            terminal.until(lambda piece: b" of 16 blocked" in piece.data, 20.0, "blocked workers")
            terminal.until(lambda piece: b"16 of 16 idle" in piece.data, 20.0, "the end")
            terminal.during(SETTLES_S)
            share, pieces = _measure(terminal)
    kilobytes = sum(len(piece.data) for piece in pieces) / 1000
    note = f"16 workers, 200×50; {kilobytes / MEASURED_S:.1f} kB/s to the terminal"
    budget = f"≤ {IDLE_BUDGET:.0f} %"
    return Figure(f"viewer's CPU, {name}", share, "% of a core", budget, share <= IDLE_BUDGET, note)


def _measure(terminal: Terminal) -> tuple[float, list[Piece]]:
    """Per cent of a core over the next seconds, and what was written meanwhile."""
    viewer = psutil.Process(terminal.process.pid)
    began, before = time.monotonic(), viewer.cpu_times()
    pieces = terminal.during(MEASURED_S)
    after, took_s = viewer.cpu_times(), time.monotonic() - began
    return 100 * (after.user + after.system - before.user - before.system) / took_s, pieces


def frame_rates(pieces: Iterable[Piece]) -> list[int]:
    """What the header said of itself."""
    return [int(found) for piece in pieces for found in FPS.findall(piece.data)]
