"""However it ends, nothing is left: no process, no run directory. And every failure has its message."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.integration.in_process import Done, wsgiviz
from tests.integration.victims import VICTIMS, all_children, assert_gone, viewer_of
from wsgiviz.control.launch import STOP_PATIENCE_S

pytestmark = pytest.mark.xdist_group("endings")  # it judges no times

ENDED_WITHIN_S = 20.0


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``wsgiviz run --headless`` with these arguments, which leaves nothing."""
    for name in ("XDG_RUNTIME_DIR", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def ran(*arguments: str) -> Done:
        done = wsgiviz("run", "--headless", *arguments)
        assert not list(tmp_path.glob("wsgiviz-*")), "a run directory is left"
        return done

    return ran


WORKERS = tuple(victim for victim in VICTIMS if victim.endswith("worker"))


@pytest.mark.parametrize(
    "killed", [*((victim,) for victim in VICTIMS if victim not in WORKERS), WORKERS], ids=" and ".join
)
def test_whoever_is_killed_nothing_is_left(killed: tuple[str, ...], tmp_path: Path) -> None:
    """A run goes on when its workers are killed: one of each side, in the same run."""
    with viewer_of(tmp_path, *(["--requests", "24"] if killed == WORKERS else [])) as viewer:
        process = psutil.Process(viewer.pid)
        children = all_children(process)
        for victim in killed:
            VICTIMS[victim](process, children).kill()
        _, complaint = viewer.communicate(timeout=40)
    assert_gone(children, tmp_path)
    if killed == ("viewer",):
        assert viewer.returncode == -signal.SIGKILL
    elif killed == WORKERS:
        assert viewer.returncode == 0, complaint
    else:
        assert viewer.returncode == 1
        assert any(line.startswith("wsgiviz: the ") for line in complaint.splitlines())  # a slow start is said before
    assert "Traceback" not in complaint


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_in_mid_run_ends_everything_in_order(number: signal.Signals, tmp_path: Path) -> None:
    """As a terminal sends it: to the whole group; and once more by somebody who can't wait."""
    with viewer_of(tmp_path) as viewer:
        process = psutil.Process(viewer.pid)
        children = all_children(process)
        VICTIMS["wsgi master"](process, children).suspend()  # now the clean-up takes as long as it may take
        os.killpg(viewer.pid, number)
        time.sleep(STOP_PATIENCE_S / 3)
        assert viewer.poll() is None
        os.killpg(viewer.pid, number)
        out, said = viewer.communicate(timeout=ENDED_WITHIN_S)
        # In order: they are gone when the viewer is, and not only some time after it.
        left = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    *starting, last = said.splitlines()
    assert (viewer.returncode, out, last) == (128 + number, "", f"wsgiviz: ended by {number.name}")
    assert all(line.startswith("wsgiviz: starting") for line in starting), "what a slow start says"
    assert (left, list(tmp_path.glob("wsgiviz-*"))) == ([], [])


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["--wsgi", "nosuch:app"], "can't load nosuch:app: No module named 'nosuch'", "module:attribute"),
        (["--wsgi", "odd:missing"], "can't load odd:missing: Failed to find attribute", "module:attribute"),
        (["--wsgi", "odd:not_callable"], "must be callable", "module:factory()"),
        (["--wsgi", "imports_missing:app"], "No module named 'nosuchmodule'", "not installed"),
        (["--wsgi", "raises_at_import:app"], "boom at import", "raised this while it was imported"),
        (["--wsgi", "odd:async_fine"], "odd:async_fine: this is an ASGI app", "--asgi instead of --wsgi"),
        (["--wsgi", "odd:instance"], "this is an ASGI app", "--asgi instead of --wsgi"),
        (["--asgi", "odd:fine"], "this is a WSGI app", "--wsgi instead of --asgi"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_an_app_that_cannot_be_loaded_is_a_wrong_argument(
    run: Run, arguments: list[str], message: str, hint: str
) -> None:
    done = run(*arguments, *(["--workers", "2"] if arguments[0] == "--wsgi" else []))
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert lines[0].startswith("wsgiviz: ")
    assert message in lines[0]
    assert lines[1].startswith("  hint: ")
    assert hint in lines[1]
    assert "Traceback" not in done.stderr
    assert "gunicorn" not in "".join(line for line in lines[2:])
    if arguments[1] == "raises_at_import:app":
        assert_cut_to_the_apps_own_frames(lines[2:])


def assert_cut_to_the_apps_own_frames(lines: list[str]) -> None:
    shown = [line.removeprefix("  | ") for line in lines]
    assert [line.split(", ")[1:] for line in shown if "File" in line] == [
        ["line 5", "in <module>"],
        ["line 2", "in inner"],
    ]
    assert shown[-1] == "RuntimeError: boom at import"


def test_a_syntax_error_is_shown_with_its_line(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slip.py").write_text("def f(:\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = run("--wsgi", "slip:app", "--workers", "2")
    assert done.returncode == 2
    assert "slip.py, line 1" in done.stderr
    assert "def f(:" in done.stderr


def test_a_lifespan_that_fails_ends_the_run_with_the_servers_words(run: Run) -> None:
    done = run("--asgi", "odd:fails_to_start")
    assert done.returncode == 1
    assert "no database" in done.stderr
