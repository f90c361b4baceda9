"""What was recorded in another pid namespace, as by a container that shares the directory: its pids mean nothing."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from wsgiviz.control.running import choose
from wsgiviz.errors import UsageError
from wsgiviz.recorder import keeping, served
from wsgiviz.report.dump import not_read

HERE = served.About(os.getpid(), 1, "2026-11-30T08:00:00+00:00", ("gunicorn", "shop"), "/srv", pid_namespace=1)


@pytest.fixture
def directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Of a server of this namespace, and of one elsewhere; no process of either lives. Both are a day old."""
    monkeypatch.setenv(served.HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr(served, "pid_namespace", lambda: 1)
    made = served.create(HERE), served.create(replace(HERE, started_ns=2, pid_namespace=2))
    for directory in made:
        (directory / served.SITE).mkdir()
        for path in (directory / served.WATCHED, directory):
            os.utime(path, (time.time() - 24 * 3600,) * 2)
    return made


def test_it_is_not_found_and_said_not_to_be_read(directories: tuple[Path, Path]) -> None:
    here, there = directories
    assert [path for path, _ in served.found()] == [here]
    assert served.elsewhere() == [there]
    assert [words.partition(":")[0] for words in not_read()] == [str(there)]
    with pytest.raises(UsageError, match="has 1 of other pid namespaces"):
        choose([])


def test_it_is_left_as_it_is_until_it_is_old(directories: tuple[Path, Path]) -> None:
    here, there = directories
    keeping.prune()
    assert [(path / served.SITE).exists() for path in (here, there)] == [False, True]
    for path in (*there.iterdir(), there):
        os.utime(path, (time.time() - keeping.LONGEST_S - 60,) * 2)
    assert keeping.prune() == [there]


@pytest.mark.parametrize(("words", "readable"), [("", True), (', "pid_namespace": "x"', False)])
def test_what_an_earlier_version_has_written_is_of_here(
    directories: tuple[Path, Path], words: str, readable: bool
) -> None:
    about = (
        '{"pid": 1, "started_ns": 1, "started": "", "command": ["x"], "folder": "/", "redact": false, "always": false'
    )
    (directories[0] / served.ABOUT).write_text(f"{about}{words}}}")
    found = served.read_about(directories[0])
    assert (found is not None) == readable
    assert found is None or not found.is_elsewhere
