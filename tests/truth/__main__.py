"""``python -m tests.truth [CLASS ...]``: compare, print a table of classes with their budgets, list what disagrees.

Exit status 1 when a budget is missed. CLASS is the beginning of a class's name; without any, all are compared.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any

from tests.truth import boots, loops, states, times, turns
from tests.truth.diary import Diary
from tests.truth.session import Session
from tests.truth.verdicts import AGREEMENT, ClassFound, Verdict, disagreements, states_seen, table
from wsgiviz.settings import Settings, make
from wsgiviz.state import Phase, Task

SAMPLES = 2_000
SERVICE_S = 0.001

LOAD: dict[str, Any] = {"arrivals": "closed", "requests": 100_000, "duration": 120.0}

SYNC: tuple[dict[str, Any], ...] = (
    {"scenario": "sleep", "parameters": {"seconds": 0.4}, "concurrency": 3},
    {"scenario": "http", "parameters": {"seconds": 0.4}, "concurrency": 4},
    {"scenario": "file", "parameters": {"seconds": 0.4}, "concurrency": 4},
    {"scenario": "cpu", "parameters": {"below": 400_000}, "concurrency": 2, "workers": 2},
    {"scenario": "db", "parameters": {"rows": 1500}, "concurrency": 2, "workers": 2},
)
GTHREAD: tuple[dict[str, Any], ...] = (
    {"scenario": "sleep", "parameters": {"seconds": 0.4}, "workers": 2, "threads": 4, "concurrency": 8},
    {"scenario": "http", "parameters": {"seconds": 0.4}, "workers": 2, "threads": 4, "concurrency": 6},
)
APPS = "tests.truth.apps"
TURNS = {"wsgi": f"{APPS}.turns:app", "workers": 2, "threads": 4, "concurrency": 7}
TurnsRuns = tuple[tuple[dict[str, Any], float], ...]

TURNS_RUNS: TurnsRuns = (
    (TURNS, 0.1),
    ({"wsgi": f"{APPS}.turns:computing", "workers": 1, "threads": 4, "concurrency": 5}, 0.5),
    ({"wsgi": f"{APPS}.turns:computing", "workers": 1, "threads": 2, "concurrency": 1}, 0.4),
)
"""With the share of the samples that each gives: those in which it is seldom clear give fewer, and come first, so
that the last one makes up for them."""

THREADS_RUNS: TurnsRuns = (
    ({"asgi": f"{APPS}.turns:threads", "async_workers": 1, "concurrency": 6}, 0.6),
    ({"asgi": f"{APPS}.turns:threads", "async_workers": 1, "concurrency": 1}, 0.4),
)
GEVENT = {"wsgi": f"{APPS}.greenlets:app", "worker_class": "gevent", "workers": 2, "concurrency": 10}
ASGI = {"asgi": f"{APPS}.waits:app", "async_workers": 2, "concurrency": 12}
BOOT = {"wsgi": f"{APPS}.slow_import:app", "workers": 8}

TIMED: dict[str, dict[str, Any]] = {
    "sync": {"scenario": "sleep", "parameters": {"seconds": 0.02}, "requests": 200, "concurrency": 2},
    "sync, cpu": {"scenario": "cpu", "parameters": {"below": 20_000}, "requests": 100, "workers": 1,
                  "concurrency": 1},
    "gthread": {"scenario": "sleep", "parameters": {"seconds": 0.02}, "requests": 200, "workers": 1, "threads": 4,
                "concurrency": 1},
    "asgi": {"scenario": "sleep", "parameters": {"seconds": 0.02}, "requests": 200, "only": "asgi", "concurrency": 8},
}  # fmt: skip


def main() -> int:
    arguments = argparse.ArgumentParser("python -m tests.truth", description=__doc__)
    arguments.add_argument("classes", nargs="*", metavar="CLASS", help="beginnings of the names of classes")
    arguments.add_argument("--samples", type=int, default=SAMPLES, help=f"comparisons a class (default: {SAMPLES})")
    given = arguments.parse_args()
    if shutil.which("py-spy") is None:
        print("n/a: py-spy is not on the PATH")
        return 1
    found: list[ClassFound] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, compared in _classes(Path(folder), given.samples).items():
            if not given.classes or name.startswith(tuple(given.classes)):
                found += _run(name, compared, given.samples)
    for line in (line for one in found for line in disagreements(one)):
        print(f"  disagrees: {line}")
    print(*table(found), sep="\n")
    print(f"budget: {AGREEMENT:.0%} of {given.samples:,} samples a class; load average {os.getloadavg()[0]:.1f}")
    met = [one.met for one in found]
    if not given.classes or "times" in given.classes:
        met += _times()
    return 0 if all(met) else 1


Compared = dict[str, Iterator[tuple[str, Verdict]]]


def _classes(folder: Path, samples: int) -> Compared:
    """What is compared, by name: pairs of a class and a verdict."""
    return {
        "sync": _slots(SYNC, samples, "sync"),
        "gthread": _slots(GTHREAD, samples, "gthread"),
        "GIL": _slots((TURNS,), samples, "GIL", Diary(folder / "gil")),
        "turns": _turns(TURNS_RUNS, samples, "turns", folder),
        "threads": _turns(THREADS_RUNS, samples, "threads behind a loop", folder),
        "gevent": _loop(GEVENT, samples, "gevent", folder),
        "asgi": _loop(ASGI, samples, "asgi", folder),
        "uvicorn": _loop(ASGI | {"async_server": "uvicorn"}, samples, "uvicorn", folder),
        "boot": _boots(samples),
    }


def _run(name: str, compared: Iterator[tuple[str, Verdict]], samples: int) -> list[ClassFound]:
    began = time.monotonic()
    verdicts: dict[str, list[Verdict]] = {}
    for key, verdict in compared:
        verdicts.setdefault(key, []).append(verdict)
    found = [ClassFound(key, tuple(of), _wanted(key, samples)) for key, of in verdicts.items()]
    for one in found:
        print(f"{one.name}, {time.monotonic() - began:.0f} s: {states_seen(one)}", flush=True)
    return found or [ClassFound(name, (), samples)]


def _wanted(name: str, samples: int) -> int:
    """Of lines there are fewer: not all that is seen is at one. A hold of a loop is at a line when it lasts."""
    return samples // 2 if name.endswith("line") else samples


def _slots(
    runs: tuple[dict[str, Any], ...], samples: int, name: str, diary: Diary | None = None
) -> Iterator[tuple[str, Verdict]]:
    """States and lines of threads, as many of each run as of the others."""
    for seed, given in enumerate(runs):
        only = {} if "wsgi" in given else {"only": "wsgi"}
        for verdict, line in states.compare(_settings(given | only), 1 + samples // len(runs), seed):
            yield f"{name}, state", verdict
            if line is not None:
                yield f"{name}, line", line


def _turns(runs: TurnsRuns, samples: int, name: str, folder: Path) -> Iterator[tuple[str, Verdict]]:
    left = 0.0
    for at, (given, share) in enumerate(runs):
        left += share * samples  # with what the runs before it have not given in time
        for verdict in turns.compare(_settings(given), Diary(folder / f"{name}-{at}"), ceil(left)):
            left -= verdict.agrees is not None
            yield f"{name}, computing or GIL", verdict


def _boots(samples: int) -> Iterator[tuple[str, Verdict]]:
    for verdict, line in boots.compare(_settings(BOOT), samples):
        yield "boot, state", verdict
        if line is not None:
            yield "boot, line", line


LOOKED_AT_EVERY = 5
"""A look by py-spy costs as much as some pumps, and gives as many comparisons as one."""


def _loop(given: dict[str, Any], samples: int, name: str, folder: Path) -> Iterator[tuple[str, Verdict]]:
    """States of requests on loops, live by the app's account and in the history by py-spy."""
    diary = Diary(folder / name)
    if "in a thread" in {task.value for task in Task}:
        os.environ["TRUTH_THREADS"] = "1"
    left = {"live": samples, "py-spy": samples}
    with Session(_settings(given)) as session:
        session.until(Phase.RUNNING, 30)
        deadline = time.monotonic() + states.DEADLINE_S
        at = 0
        while max(left.values()) > 0 and time.monotonic() < deadline:
            at += 1
            session.pump_for(0.015)
            looks = at % LOOKED_AT_EVERY == 0 or left["live"] <= 0
            how, found = (
                ("py-spy", loops.seen_by_py_spy(session)) if looks else ("live", loops.shown_live(session, diary))
            )
            for verdict in found:
                left[how] -= verdict.agrees is not None
                yield f"{name}, {how}", verdict


def _times() -> list[bool]:
    met = []
    for name, given in TIMED.items():
        with tempfile.TemporaryDirectory() as folder:
            found = times.compare(_settings({"only": "wsgi"} | given | {"duration": None}), Path(folder))
        p99, raw = _p99(found.service), _p99(found.raw)
        worst = max(found.sums, default=float("inf"))
        good = p99 <= SERVICE_S and worst == 0.0
        print(
            f"{name}: service against the access log, p99 of {len(found.service)}: {p99 * 1000:.3f} ms "
            f"(budget {SERVICE_S * 1000:g} ms; {raw * 1000:.3f} ms with waits for a CPU); "
            f"parts against latency, worst {worst * 1e9:.0f} ns (budget 0) {'met' if good else 'MISSED'}"
        )
        met.append(good)
    return met


def _p99(values: list[float]) -> float:
    return sorted(values)[-(-99 * len(values) // 100) - 1] if values else float("inf")


def _settings(given: dict[str, Any]) -> Settings:
    return make(**(LOAD | given))


if __name__ == "__main__":
    sys.exit(main())
