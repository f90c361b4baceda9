"""gunicorn's --timeout from outside: the command line, the environment, the default, or not known."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wsgiviz.observe.worker_timeout import named, timeout_of


@pytest.fixture
def master(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A process with arguments for gunicorn in its environment."""
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--workers 3 --timeout 77")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        (["gunicorn", "-t", "5", "shop"], 5),
        (["gunicorn", "-t5"], 5),
        (["gunicorn", "--timeout", "0"], 0),
        (["gunicorn", "--timeout=9", "--timeout", "8"], 8),
        (["gunicorn", "--threads", "4"], None),
        (["gunicorn", "--timeout", "soon"], None),
        (["gunicorn", "--timeout", "٣"], None),
        (["gunicorn", "--timeout"], None),
        ([], None),
    ],
)
def test_what_arguments_say(words: list[str], seconds: float | None) -> None:
    assert named(words) == seconds


def test_the_command_line_comes_before_the_environment(master: subprocess.Popen[bytes], tmp_path: Path) -> None:
    folder = str(tmp_path)
    (tmp_path / "gunicorn.conf.py").write_text("raise SystemExit('it was run')")
    assert timeout_of(master.pid, ["gunicorn", "-t", "5"], folder).seconds == 5
    assert timeout_of(master.pid, ["gunicorn", "-c", "x.py"], folder).seconds == 77
    assert timeout_of(1 << 30, ["gunicorn"], folder).seconds is None


def test_a_config_file_is_not_run(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={})
    try:
        folder = str(tmp_path)
        assert timeout_of(process.pid, ["gunicorn", "shop"], folder).seconds == 30
        assert timeout_of(process.pid, ["gunicorn: master [shop]"], folder).seconds is None
        assert timeout_of(process.pid, ["gunicorn", "--config=x.py"], folder).seconds is None
        assert timeout_of(process.pid, ["gunicorn", "shop"], None).seconds is None
        (tmp_path / "gunicorn.conf.py").write_text("raise SystemExit('it was run')")
        assert timeout_of(process.pid, ["gunicorn", "shop"], folder).seconds is None
    finally:
        process.kill()
        process.communicate()
