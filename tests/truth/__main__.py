"""``python -m tests.truth [--samples N]``: compare, print the figures with their budgets, list what disagrees.

Exit status 1 when a budget is missed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.truth import states, times
from wsgiviz.settings import Settings, make

AGREEMENT = 0.99
SERVICE_S = 0.001

LOAD: dict[str, Any] = {"arrivals": "closed", "requests": 100_000, "duration": 60.0, "only": "wsgi"}

WATCHED: dict[str, dict[str, Any]] = {
    "sync, sleep": {"scenario": "sleep", "parameters": {"seconds": 0.4}, "concurrency": 3},
    "sync, http": {"scenario": "http", "parameters": {"seconds": 0.4}, "concurrency": 4},
    "sync, file": {"scenario": "file", "parameters": {"seconds": 0.4}, "concurrency": 4},
    "sync, cpu": {"scenario": "cpu", "parameters": {"below": 400_000}, "concurrency": 2, "workers": 2},
    "sync, db": {"scenario": "db", "parameters": {"rows": 1500}, "concurrency": 2, "workers": 2},
    "gthread, sleep": {"scenario": "sleep", "parameters": {"seconds": 0.4}, "workers": 2, "threads": 4,
                       "concurrency": 8},
    "gthread, http": {"scenario": "http", "parameters": {"seconds": 0.4}, "workers": 2, "threads": 4,
                      "concurrency": 6},
}  # fmt: skip

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
    arguments.add_argument("--samples", type=int, default=1050, help="how many sights (default: 1050)")
    samples = arguments.parse_args().samples
    met = [_states(samples), *_times()]
    return 0 if all(met) else 1


def _states(samples: int) -> bool:
    if shutil.which("py-spy") is None:
        print("states: n/a, py-spy is not on the PATH")
        return False
    verdicts: list[states.Verdict] = []
    each = -(-samples // len(WATCHED))
    for seed, (name, given) in enumerate(WATCHED.items()):
        found = list(states.compare(name, _settings(given), each, seed))
        agreed = sum(verdict.agrees for verdict in found)
        print(f"  {name}: {agreed} of {len(found)} sights agree", flush=True)
        verdicts += found
    lines = [verdict for verdict in verdicts if verdict.line_agrees is not None]
    for line in states.disagreements(verdicts):
        print(f"  disagrees: {line}")
    by_state = _share("state, of", [verdict.agrees for verdict in verdicts])
    by_line = _share("line (its function while it computes), of", [bool(verdict.line_agrees) for verdict in lines])
    return by_state and by_line and len(verdicts) >= min(samples, 1000)


def _share(what: str, agreed: list[bool]) -> bool:
    share = sum(agreed) / len(agreed) if agreed else 0.0
    met = share >= AGREEMENT
    print(f"{what} {len(agreed)} sights: {share:.2%} agree (budget {AGREEMENT:.0%}) {'met' if met else 'MISSED'}")
    return met


def _times() -> list[bool]:
    met = []
    for name, given in TIMED.items():
        with tempfile.TemporaryDirectory() as folder:
            found = times.compare(_settings({"duration": None} | given), Path(folder))
        service = sorted(found.service)
        p99 = service[-(-99 * len(service) // 100) - 1] if service else float("inf")
        worst = max(found.sums, default=float("inf"))
        good = p99 <= SERVICE_S and worst == 0.0
        print(
            f"{name}: service against the access log, p99 of {len(service)}: {p99 * 1000:.3f} ms "
            f"(budget {SERVICE_S * 1000:g} ms); parts against latency, worst {worst * 1e9:.0f} ns (budget 0) "
            f"{'met' if good else 'MISSED'}"
        )
        met.append(good)
    return met


def _settings(given: dict[str, Any]) -> Settings:
    return make(**(LOAD | given))


if __name__ == "__main__":
    sys.exit(main())
