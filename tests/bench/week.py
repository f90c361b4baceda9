"""A week compressed: ten million requests through one probe, with a viewer beside it.

The wrapped WSGI app is called directly (`tests.bench.week_probe`); the viewer reads the ring, and reduces what it has
read into a state, as ``attach`` does. Each is a process of its own. The reader is slower than that, so that much is
lost: every record has to be either read or counted as lost.
"""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench.figure import Figure, Unmeasured
from tests.bench.looks import opened
from tests.bench.week_probe import resident
from wsgiviz.events import EventsLost, RequestBegan
from wsgiviz.log.event_log import EVENTS_KEPT, EventLog
from wsgiviz.observe.collector import Collector
from wsgiviz.recorder import served

REQUESTS = 10_000_000
FLAT = 1.05
"""The most that memory may be, after the first tenth of the requests, of what it was then."""

POLL_S = 1 / 60


class Week(NamedTuple):
    """What was written, and what a viewer has of it. Memory in bytes, over time."""

    requests: int
    written: int
    read: int
    lost: int
    numbers: int
    repeated: int
    seconds: float
    probe_memory: Sequence[int]
    viewer_memory: Sequence[int]


def figures() -> Iterator[Figure]:
    week = run(int(os.environ.get("WSGIVIZ_BENCH_WEEK", REQUESTS)))
    lost = f"{week.lost / week.written:.0%} of {week.written:,} records lost"
    note = f"{week.requests:,} requests in {week.seconds:.0f} s; {lost}"
    accounted = (week.read + week.lost) / week.written
    yield Figure("a week: records read or counted as lost / written", accounted, "", "= 1", accounted == 1, note)
    share = week.numbers / week.requests
    yield Figure("a week: numbers of requests / requests", share, "", "= 1", share == 1 and not week.repeated)
    yield _memory("the worker's memory, at most / after a tenth of them", week.probe_memory)
    yield _memory("the viewer's memory, at most / after it has filled its log twice", week.viewer_memory)


def _memory(name: str, memory: Sequence[int]) -> Figure:
    growth = grown(memory)
    course = ", ".join(f"{size / 2**20:.0f}" for size in memory[:: max(1, len(memory) // 6)])
    return Figure(f"a week: {name}", growth, "", f"≤ {FLAT}", growth <= FLAT, f"{course} MiB")


def grown(memory: Sequence[int]) -> float:
    """The most after the first tenth of the samples, of what it was then."""
    after = memory[len(memory) // 10 :]
    return max(after) / after[0] if after else math.nan


def in_order(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether number and time of two requests tell the same order: what is announced again has both as before, and a
    number that was given twice has not."""
    return (one[0] < other[0]) == (one[1] < other[1]) and (one[0] == other[0]) == (one[1] == other[1])


def run(requests: int) -> Week:
    """Send so many through a probe, and read them here."""
    with tempfile.TemporaryDirectory(dir=_in_memory()) as folder:
        directory = Path(folder)
        (directory / served.WATCHED).touch()
        served.watch(directory, begins=True)
        env = {**os.environ, "WSGIVIZ_GUEST": "1", "WSGIVIZ_RUN_DIR": folder}
        command = [sys.executable, "-m", "tests.bench.week_probe", folder, str(requests)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as probe:
            try:
                return _watch(probe, directory, requests)
            finally:
                probe.kill()


def _in_memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class _Said:
    """What the probe's process prints, read in a thread."""

    def __init__(self, probe: subprocess.Popen[str]) -> None:
        self.memory: list[int] = []
        self.written = self.numbers = 0
        self._probe = probe
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        assert self._probe.stdout is not None
        for line in self._probe.stdout:
            word, *values = line.split()
            if word == "MEMORY":
                self.memory.append(int(values[0]))
            elif word == "NUMBERS":
                self.numbers = int(values[1]) - int(values[0]) + 1
            elif word == "WRITTEN":
                self.written = int(values[0])


def _watch(probe: subprocess.Popen[str], directory: Path, requests: int) -> Week:
    collector, log = Collector(directory, deletes=False), EventLog(opened())
    read = lost = repeated = 0
    newest = (-sys.maxsize, 0)
    memory: list[int] = []
    said = _Said(probe)
    began = watched = time.monotonic()
    goes = False
    while not (said.written and collector.drained and read + lost >= said.written):
        if probe.poll() is not None or time.monotonic() - began > 60 + requests / 5_000:
            raise Unmeasured(f"{read} read and {lost} lost of {said.written or 'more'} records")
        events = collector.poll()
        log.append(events)
        for event in events:
            if isinstance(event, EventsLost):
                lost += event.count
                continue
            read += 1
            if isinstance(event, RequestBegan):
                repeated += not in_order(newest, (event.req, event.t_ns))
                newest = max(newest, (event.req, event.t_ns))
        if not goes and read >= 2 and probe.stdin is not None:  # its worker is known
            goes, began = True, time.monotonic()
            probe.stdin.write("go\n")
            probe.stdin.flush()
        if read > 2 * EVENTS_KEPT and len(memory) < len(said.memory):  # its log is full
            memory.append(resident())
        if time.monotonic() - watched >= 1:
            watched = time.monotonic()
            served.watch(directory)
        time.sleep(POLL_S)
    seconds = time.monotonic() - began
    with contextlib.suppress(OSError):
        probe.communicate("over\n", timeout=10)
    collector.close()
    return Week(requests, said.written, read, lost, said.numbers, repeated, seconds, said.memory, memory)
