"""The pictures of README and docs: two builds of one recording are the same file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from screenshots import animation
from screenshots.make import HERE, RUN
from screenshots.picture import SHAPES, has_font
from screenshots.shots import LESSON_SHOTS, SHOTS

PROJECT = HERE.parent
needs_font = pytest.mark.skipif(not has_font(), reason="the pictures' font is not on this machine")

SOME = ("sleep-running", "settings", "help", LESSON_SHOTS[0])


def build(folder: Path, seed: str) -> dict[str, bytes]:
    """In a process of its own, whose hashes and time zone are others."""
    folder.mkdir()
    command = [sys.executable, "-m", "screenshots.make", "--into", str(folder), *SOME]
    env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": f"UTC{seed}"}
    subprocess.run(command, check=True, cwd=PROJECT, env=env, stdout=subprocess.DEVNULL, timeout=120)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@needs_font
def test_two_builds_are_the_same_and_say_nothing_of_when_and_where(tmp_path: Path) -> None:
    one, other = build(tmp_path / "one", "1"), build(tmp_path / "other", "2")
    assert {*(f"{name}.png" for name in SOME)} <= one.keys()
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []
    for content in one.values():
        assert not any(chunk in content for chunk in (b"tIME", b"tEXt", b"zTXt", b"iTXt", b"eXIf"))


def test_all_pictures_that_are_made_are_kept_and_shown_and_no_others() -> None:
    made = {f"{shot.name}.png" for shot in SHOTS} | {f"{name}.png" for name in LESSON_SHOTS} | {f"{RUN}.gif"}
    kept = {path.name for path in HERE.iterdir() if path.suffix in (".png", ".gif", ".svg")}
    assert kept == made
    assert f"screenshots/{RUN}.gif" in (PROJECT / "README.md").read_text()
    assert (HERE / f"{RUN}.gif").stat().st_size <= animation.LIMIT_BYTES


def test_shapes_lie_within_their_cell() -> None:
    for left, top, right, bottom in SHAPES.values():
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
