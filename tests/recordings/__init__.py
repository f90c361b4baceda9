"""Small recordings of real runs, which the tests of screens render. ``python -m tests.recordings`` makes them."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent

NAMES = ("sleep", "cpu", "blocking-in-async", "threads")
"""Scenarios, with their defaults."""


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.wviz"
