"""Run directories: private, and swept once their owner is dead, however it died."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wsgiviz.recorder import rundir

OWNER = """
import sys
from wsgiviz.recorder.rundir import RunDirectory
print(RunDirectory().path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def test_a_run_directory_is_private_and_in_the_runtime_directory(place: Path) -> None:
    directory = rundir.RunDirectory()
    assert directory.path.parent == place
    assert directory.path.stat().st_mode & 0o777 == 0o700
    directory.remove()
    assert not directory.path.exists()


def test_a_live_owners_directory_is_left_alone(place: Path) -> None:
    directory = rundir.RunDirectory()
    assert directory.path not in rundir.sweep()
    assert directory.path.exists()
    directory.remove()


def test_a_killed_owners_directory_is_swept(place: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        path = Path(owner.stdout.readline().strip())
        assert path.exists()
        assert path not in rundir.sweep()
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    assert path in rundir.sweep()
    assert not path.exists()


def test_somebody_elses_folder_of_that_name_is_left_alone(place: Path) -> None:
    folder = place / "wsgiviz-notes"
    folder.mkdir()
    (folder / "owner.txt").write_text("mine")
    assert folder not in rundir.sweep()
    assert folder.exists()
