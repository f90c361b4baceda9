"""However it ends, nothing is left: no process, no run directory. And every failure has its message."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.integration.conftest import APPS

GONE_WITHIN_S = 5.0
PROCESSES = 9  # driver, companion, two masters, four workers and one


def cli(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wsgiviz", *arguments],
        capture_output=True, text=True, timeout=60, cwd=APPS, stdin=subprocess.DEVNULL, env=env,
    )  # fmt: skip


def is_master(process: psutil.Process, worker_class: str) -> bool:
    command = process.cmdline()
    return "gunicorn" in command and worker_class in command


Victim = Callable[[psutil.Process, list[psutil.Process]], psutil.Process]

VICTIMS: dict[str, Victim] = {
    "viewer": lambda viewer, children: viewer,
    "wsgi master": lambda viewer, children: next(p for p in children if is_master(p, "sync")),
    "asgi master": lambda viewer, children: next(p for p in children if is_master(p, "asgi")),
    "wsgi worker": lambda viewer, children: next(p for p in children if is_master(p, "sync")).children()[0],
    "asgi worker": lambda viewer, children: next(p for p in children if is_master(p, "asgi")).children()[0],
    "driver": lambda viewer, children: next(p for p in children if "wsgiviz.load.driver" in p.cmdline()),
    "companion": lambda viewer, children: next(p for p in children if "wsgiviz.companion" in p.cmdline()),
}

ENDINGS = [(name, signal.SIGKILL) for name in VICTIMS] + [
    ("viewer", signal.SIGINT),
    ("viewer", signal.SIGTERM),
    ("viewer", signal.SIGHUP),
]


@pytest.mark.parametrize(("victim", "number"), ENDINGS, ids=lambda value: str(getattr(value, "name", value)))
def test_nothing_is_left(victim: str, number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wsgiviz", "run", "--headless", "--scenario", "http"]
    command += ["--set", "seconds=0.3", "--timeout", "5"]
    env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as viewer:
        process = psutil.Process(viewer.pid)
        children = all_children(process)
        VICTIMS[victim](process, children).send_signal(number)
        _, complaint = viewer.communicate(timeout=40)
    assert_gone(children, tmp_path)
    if victim == "viewer":
        assert viewer.returncode in (-number, 128 + number)
    elif victim.endswith("worker"):
        assert viewer.returncode == 0, complaint
    else:
        assert viewer.returncode == 1
        assert complaint.startswith("wsgiviz: the ")
    assert "Traceback" not in complaint


def all_children(process: psutil.Process) -> list[psutil.Process]:
    """Every process of a session, once they are all there and requests are on."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        children = process.children(recursive=True)
        if len(children) >= PROCESSES and any(is_worker_serving(child) for child in children):
            return children
        time.sleep(0.02)
    raise AssertionError(f"only {process.children(recursive=True)} came")


def is_worker_serving(process: psutil.Process) -> bool:
    try:
        return is_master(process, "sync") and len(process.net_connections("tcp")) > 1
    except psutil.Error:
        return False


def assert_gone(children: list[psutil.Process], place: Path) -> None:
    deadline = time.monotonic() + GONE_WITHIN_S
    while time.monotonic() < deadline:
        left = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
        if not left and not list(place.glob("wsgiviz-*")):
            return
        time.sleep(0.02)
    raise AssertionError(f"left: {left} {list(place.iterdir())}")


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
def test_an_app_that_cannot_be_loaded_is_a_wrong_argument(arguments: list[str], message: str, hint: str) -> None:
    done = cli("run", "--headless", *arguments)
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert lines[0].startswith("wsgiviz: ")
    assert message in lines[0]
    assert lines[1].startswith("  hint: ")
    assert hint in lines[1]
    assert "Traceback" not in done.stderr
    assert "gunicorn" not in "".join(line for line in lines[2:])


def test_a_traceback_is_cut_to_the_apps_own_frames() -> None:
    lines = cli("run", "--headless", "--wsgi", "raises_at_import:app").stderr.splitlines()[2:]
    shown = [line.removeprefix("  | ") for line in lines]
    assert [line.split(", ")[1:] for line in shown if "File" in line] == [
        ["line 5", "in <module>"],
        ["line 2", "in inner"],
    ]
    assert shown[-1] == "RuntimeError: boom at import"


def test_a_syntax_error_is_shown_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "slip.py").write_text("def f(:\n")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = cli("run", "--headless", "--wsgi", "slip:app", env=env)
    assert done.returncode == 2
    assert "slip.py, line 1" in done.stderr
    assert "def f(:" in done.stderr


def test_a_lifespan_that_fails_ends_the_run_with_the_servers_words() -> None:
    done = cli("run", "--headless", "--asgi", "odd:fails_to_start")
    assert done.returncode == 1
    assert "no database" in done.stderr
