"""Small recordings of real runs, which tests render and pictures are made of. ``python -m tests.recordings`` makes
them anew, or those that it is given by name."""

from __future__ import annotations

from pathlib import Path

from wsgiviz.scenarios import catalogue

FOLDER = Path(__file__).parent

FEWER: dict[str, tuple[str, ...]] = {
    "fast": ("--requests", "100"),
    "crud": ("--requests", "100"),
    "mixed": ("--requests", "60"),
    "long-poll": ("--requests", "40"),
    "websocket": ("--requests", "20"),
    "keep-alive": ("--requests", "40"),
}
"""Scenarios that by default have more requests than a small file holds."""

VARIANTS: dict[str, tuple[str, ...]] = {
    "gthread-gevent": ("--scenario", "sleep", "--workers", "2", "--threads", "4", "--right", "gevent"),
    "forty": ("--scenario", "sleep", "--workers", "8", "--requests", "40"),
}

SCENARIOS = tuple(scenario.name for scenario in catalogue())

RUNS = {name: ("--scenario", name, *FEWER.get(name, ())) for name in SCENARIOS} | VARIANTS
"""What each is a recording of, as `wsgiviz run` takes it."""

NAMES = tuple(RUNS)


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.wviz"
