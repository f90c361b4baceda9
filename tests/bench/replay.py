"""A recording of a million events: how long it takes to open and to jump in, and what writing it costs."""

from __future__ import annotations

import gc
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psutil

from tests.bench import stream
from tests.bench.figure import Figure
from wsgiviz.events import Event
from wsgiviz.log import EventLog, Player, Recording, RecordingWriter, open_recording
from wsgiviz.log.encoder import RecordingEncoder

EVENTS = 1_000_000
BATCH = 256
JUMPS = 20

OPENS_S = 3.0
JUMP_S = 0.3
TAIL = 100_000
"""Events over which the cost of writing is measured, with the ledgers full."""


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "million.wviz"
        yield _write(path)
        yield from _read(path)


def batches(events: int = EVENTS) -> Iterator[list[Event]]:
    yield stream.opening(10**6)
    rest = islice(stream.requests(), events)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _write(path: Path) -> Figure:
    """Writes the recording. The figure is what encoding and deflating take, beside what reducing does."""
    log, writer, encoder = EventLog(), RecordingWriter(path), RecordingEncoder()
    log.attach(writer)
    reduced_s = encoded_s = 0.0
    before = EVENTS - TAIL
    for batch in batches():
        began = time.thread_time()
        log.append(batch)
        reduced_s += time.thread_time() - began if log.events > before else 0.0
        while writer.backlog > 4 * BATCH:  # events come faster here than anywhere else
            time.sleep(0.001)
        if log.events > before:
            if not encoder.events:
                list(encoder.keyframe(log.snapshot))  # from then on only what has changed is written
            began = time.thread_time()
            encoder.add(batch)
            if encoder.keyframe_due:
                list(encoder.keyframe(log.snapshot))
            encoded_s += time.thread_time() - began
    writer.close()
    if writer.failure:
        raise RuntimeError(writer.failure)
    note = f"keyframes included; reducing takes {reduced_s / TAIL * 1e6:.2f} µs; the file has "
    note += f"{path.stat().st_size / 1e6:.1f} MB, {path.stat().st_size / EVENTS:.1f} bytes an event"
    return Figure("recording, CPU for an event", encoded_s / TAIL * 1e6, "µs", "", True, note)


def _read(path: Path) -> Iterator[Figure]:
    gc.collect()
    rss = psutil.Process().memory_info().rss
    began = time.perf_counter()
    with open_recording(path) as recording:
        opens_s = time.perf_counter() - began
        yield Figure("replay, a million events open", opens_s, "s", f"≤ {OPENS_S:g} s", opens_s <= OPENS_S)
        jumps, damage = _jumps(recording), recording.damage
        yield _playback(recording)
    grown = (psutil.Process().memory_info().rss - rss) / 1e6
    note = f"the slowest of {JUMPS}, mean {sum(jumps) / len(jumps):.2f} s; memory grew by {grown:.0f} MB"
    note += f"; {damage}" if damage else ""
    yield Figure("replay, jump anywhere", max(jumps), "s", f"≤ {JUMP_S:g} s", max(jumps) <= JUMP_S, note)


def _playback(recording: Recording) -> Figure:
    """What a person waits for: a jump to a time, and a step back from there, to single events."""
    player, places = Player(recording), random.Random(8).sample(range(recording.end), JUMPS)
    jumps, steps = [], []
    for place in places:
        t_ns = recording.t_ns(max(1, place)) - 1
        began = time.perf_counter()
        player.seek(t_ns)
        jumps.append(time.perf_counter() - began)
        began = time.perf_counter()
        player.step(-1)
        steps.append(time.perf_counter() - began)
    note = f"the slowest of {JUMPS}, mean {sum(jumps) / JUMPS:.2f} s; one event back from there: {max(steps):.3f} s"
    slowest = max(*jumps, *steps)
    return Figure("playback, jump to a time", slowest, "s", f"≤ {JUMP_S:g} s", slowest <= JUMP_S, note)


def _jumps(recording: Recording) -> list[float]:
    places = random.Random(7).sample(range(recording.end), JUMPS)
    took = []
    for place in places:
        began = time.perf_counter()
        recording.at(place)
        took.append(time.perf_counter() - began)
    return took


if __name__ == "__main__":
    for figure in figures():
        print(figure, file=sys.stderr)
