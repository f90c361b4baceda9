"""``python -m tests.bench.kills [--times N]``: kill -9 of each process of a run that is recorded, again and again.

After each one, nothing may be left of the run, and the recording must be readable to its last whole batch. Not one of
the benchmarks that `tests.bench` runs: it measures nothing, and takes some minutes. Exit status 1 when something was
wrong.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.integration.victims import VICTIMS, all_children, assert_gone, viewer_of
from wsgiviz.errors import WsgivizError
from wsgiviz.log import open_recording
from wsgiviz.state import Phase

KILLED = ("viewer", "wsgi master", "wsgi worker", "driver")
ENDS_WITHIN_S = 60.0
LATEST_S = 0.8
"""A victim is killed at some time up to this after the first request was seen."""


def main() -> int:
    arguments = argparse.ArgumentParser("python -m tests.bench.kills", description=__doc__)
    arguments.add_argument("--times", type=int, default=20, help="how often each is killed (default: 20)")
    times = arguments.parse_args().times
    draw = random.Random(1)
    wrong = 0
    for victim in KILLED:
        found = [problem for _ in range(times) for problem in _kill(victim, draw.uniform(0, LATEST_S))]
        wrong += len(found)
        print(f"{victim}: killed {times} times, {len(found)} problems", flush=True)
        for problem in found:
            print(f"  {problem}", flush=True)
    return 1 if wrong else 0


def _kill(victim: str, after_s: float) -> Iterator[str]:
    """What was wrong afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        place, recording = Path(folder, "run"), Path(folder, "r.wviz")
        place.mkdir()
        with viewer_of(place, "--record", str(recording)) as viewer:
            process = psutil.Process(viewer.pid)
            children = all_children(process)
            time.sleep(after_s)
            chosen = VICTIMS[victim](process, children)
            children += [child for child in process.children(recursive=True) if child not in children]
            chosen.kill()
            _, said = viewer.communicate(timeout=ENDS_WITHIN_S)
        if "Traceback" in said:
            yield f"a traceback: {said[-500:]}"
        try:
            assert_gone(children, place)
        except AssertionError as error:
            yield str(error)
        yield from _read(recording, whole=victim != "viewer")


def _read(path: Path, whole: bool) -> Iterator[str]:
    try:
        with open_recording(path) as recording:
            *_, last = recording.snapshots()
            damage = recording.damage
    except (WsgivizError, OSError, ValueError) as error:
        yield f"the recording can't be read: {error}"
        return
    if not whole:
        # Up to the last whole batch that was on the disk; there is no end, and nothing else is wrong with it.
        if not damage.startswith("it has no end") or ";" in damage or not last.state.sides:
            yield f"the recording is damaged: {damage or 'it has an end'}"
    elif damage or last.state.phase is not Phase.CLOSED:
        yield f"the recording is not whole: {damage or last.state.phase}"
    elif not any(side.run.requested_ns for side in last.state.sides.values()):
        yield "the recording does not hold the run"


if __name__ == "__main__":
    sys.exit(main())
