"""What the viewer takes: 16 workers and 200 requests in flight on each side, on a terminal of 200×50.

CPU time of the viewer's process alone, as the kernel counts it (user and system), without servers and driver.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterable, Iterator

import psutil

from tests.bench.figure import Figure, Unmeasured
from tests.bench.terminal import Piece, Terminal

MEASURED_S = 10.0
BUDGET = 20.0
BASE = ("run", "--scenario", "sleep", "--workers", "16", "--requests")
LOADS = {
    "a burst of 200, 13 s each": ("200", "--set", "seconds=13"),
    "200 users, 1 s each": ("100000", "--set", "seconds=1", "--arrivals", "closed", "--concurrency", "200"),
}
FPS = re.compile(rb"(\d+) fps")


def figures() -> Iterator[Figure]:
    for name, load in LOADS.items():
        yield _figure(name, load)


def _figure(name: str, load: tuple[str, ...]) -> Figure:
    with Terminal(*BASE, *load, columns=200, lines=50) as terminal:
        terminal.until(lambda piece: b"16 of 16 blocked" in piece.data, 20.0, "16 of 16 blocked")
        terminal.during(0.5)
        share, pieces = _measure(terminal)
    rates = frame_rates(pieces)
    if not rates:
        raise Unmeasured("the header showed no frame rate")
    kilobytes = sum(len(piece.data) for piece in pieces) / 1000
    note = f"header: {statistics.median(rates):.0f} fps, at worst {min(rates)}; {kilobytes / MEASURED_S:.0f} kB/s"
    budget = f"≤ {BUDGET:.0f} %"
    return Figure(f"viewer's CPU, {name}", share, "% of a core", budget, share <= BUDGET, note)


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
