"""Run directories: private, swept once their owner is dead, however it died; rings and logs share no space."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from wsgiviz.recorder import rundir

OWNER = """
import sys
from wsgiviz.recorder.rundir import RunDirectory
directory = RunDirectory()
print(directory.path, directory.logs, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's runtime directory."""
    path = tmp_path / "memory"
    path.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    return path


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory for temporary files."""
    path = tmp_path / "disk"
    path.mkdir()
    monkeypatch.setenv("TMPDIR", str(path))
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path


def test_rings_are_in_the_runtime_directory_and_logs_on_disk(memory: Path, disk: Path) -> None:
    directory = rundir.RunDirectory(rings=4)
    assert (directory.path.parent, directory.logs.parent) == (memory, disk)
    for path in (directory.path, directory.logs):
        assert path.stat().st_mode & 0o777 == 0o700
    directory.remove()
    directory.remove()
    assert [*memory.iterdir(), *disk.iterdir()] == []


def test_a_live_owners_directories_are_left_alone(memory: Path, disk: Path) -> None:
    directory = rundir.RunDirectory()
    assert rundir.sweep() == []
    assert directory.path.exists()
    assert directory.logs.exists()
    directory.remove()


def test_a_killed_owners_directories_are_swept(memory: Path, disk: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        paths = [Path(path) for path in owner.stdout.readline().split()]
        assert all(path.exists() for path in paths)
        assert rundir.sweep() == []
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    assert sorted(rundir.sweep()) == sorted(paths)
    assert [*memory.iterdir(), *disk.iterdir()] == []


def test_somebody_elses_folder_of_that_name_is_left_alone(memory: Path) -> None:
    folder = memory / "wsgiviz-notes"
    folder.mkdir()
    (folder / "owner.txt").write_text("mine")
    assert folder not in rundir.sweep()
    assert folder.exists()


def test_room_is_asked_for_before_anything_starts(tmp_path: Path) -> None:
    rundir.room_for(tmp_path, 1)
    with pytest.raises(OSError, match="MiB needed") as raised:
        rundir.room_for(tmp_path, 1 << 40)
    assert raised.value.errno == errno.ENOSPC


def test_a_location_without_room_is_passed_over(memory: Path, disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room_for = rundir.room_for

    def full_memory(directory: Path, rings: int, capacity: int = 8192) -> None:
        room_for(directory, rings if directory == disk else 1 << 40, capacity)

    monkeypatch.setattr(rundir, "room_for", full_memory)
    directory = rundir.RunDirectory(rings=2)
    assert directory.path.parent == disk
    directory.remove()


def test_no_room_anywhere_leaves_nothing(memory: Path, disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        rundir.RunDirectory(rings=1 << 40)
    assert [*memory.iterdir(), *disk.iterdir()] == []


def test_a_disk_that_takes_no_logs_leaves_no_rings(memory: Path, disk: Path) -> None:
    disk.rmdir()
    with pytest.raises(OSError, match="No such file"):
        rundir.RunDirectory()
    assert list(memory.iterdir()) == []
