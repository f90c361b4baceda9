"""``wsgiviz exec``: the same pid, output and exit status as without it, and rings beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.integration.executed import (
    APP,
    BIN,
    CONF,
    OWN,
    WITHIN_S,
    Command,
    both,
    end_all,
    renew,
    same_ends,
    serving,
)
from wsgiviz.events import MasterLoading, RequestEnded, WorkerBooting, WorkerReady

pytestmark = pytest.mark.xdist_group("exec")  # it judges no times

SERVERS = {
    "hooks": "gunicorn -c prod.py -b {at} shop:app",
    "preload": "gunicorn --preload -b {at} shop:app",
    "gthread": "python -m gunicorn --threads 2 -b {at} shop:app",
    "gevent": "gunicorn -k gevent -b {at} shop:app",
    "asgi": "gunicorn -k asgi -b {at} shop:asgi",
    "uvicorn-worker": "gunicorn -k own.Mine -b {at} shop:asgi",
    "uvicorn": "uvicorn --port {port} shop:asgi",
    "uvicorn workers": "python -m uvicorn --port {port} --workers 2 shop:asgi",
    "uvicorn reload": "uvicorn --port {port} --reload shop:asgi",
}
RENEWED = ("hooks", "uvicorn workers")
"""They are sent SIGHUP before they are ended."""

SIGNALS = [("hooks", signal.SIGINT), ("hooks", signal.SIGQUIT), ("uvicorn workers", signal.SIGINT)]
FAIL = {
    "gunicorn": "gunicorn -b {at} nosuchshop:app",
    "preload": "gunicorn --preload -b {at} nosuchshop:app",
    "class": "gunicorn -k nosuch.Worker -b {at} shop:app",
    "option": "gunicorn --nosuch",
    "conf": "gunicorn -c nosuch.py shop:app",
    "check": "gunicorn --check-config shop:app",
    "print": "gunicorn --print-config -c prod.py shop:app",
    "uvicorn": "uvicorn --port {port} nosuchshop:asgi",
}


RAISES = """
def fault(*args, **named):
    raise RuntimeError("a fault")
"""
HOOKS_RAISE = f"""{RAISES}
for name in ("on_starting when_ready nworkers_changed child_exit on_exit post_fork post_worker_init"
             " worker_int worker_abort worker_exit preloading").split():
    globals()[name] = fault
"""
ASGI = "gunicorn -k asgi -b $1 shop:asgi"
UVICORN = "uvicorn --port $2 shop:asgi"
FAULTS = {
    "gunicorn's hooks": ("gunicorn_hooks", HOOKS_RAISE, "gunicorn --preload -b $1 shop:app"),
    "gunicorn's install": ("guest_gunicorn", f"{RAISES}\ninstall = fault", "gunicorn -b $1 shop:app"),
    "uvicorn begins": ("uvicorn_server", f"{RAISES}\nbegin_serving = fault", UVICORN),
    "a slot is free": ("connection", f"{RAISES}\nConnection.release = fault", "gunicorn -b $1 shop:app"),
    "a request on a loop": ("loop_request", f"{RAISES}\nLoopRequest.__init__ = fault", ASGI),
    "a loop listens": ("loop_sampler", f"{RAISES}\nLoopSampler.__init__ = fault", ASGI),
    "uvicorn goes on": (
        "uvicorn_server",
        f"{RAISES}\nServingProcess.wrap = ServingProcess.starting = ServingProcess.started = fault",
        UVICORN,
    ),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for name, text in {"shop": APP, "own": OWN, "prod": CONF}.items():
        (tmp_path / f"{name}.py").write_text(text)
    yield tmp_path
    end_all()


@pytest.mark.parametrize(("name", "number"), [*((name, signal.SIGTERM) for name in SERVERS), *SIGNALS])
def test_a_server_is_the_same_and_recorded(folder: Path, name: str, number: signal.Signals) -> None:
    commands = serving(folder, SERVERS[name], 2 if "workers" in name else 1)
    if name in RENEWED and number == signal.SIGTERM:
        renew(commands)
    same_ends(commands, number)
    kinds = [type(event) for event in commands[1].events()]
    assert all(kind in kinds for kind in (WorkerBooting, WorkerReady, RequestEnded))
    assert (MasterLoading in kinds) == (name == "preload")


def test_a_changed_file_reloads_the_app(folder: Path) -> None:
    commands = serving(folder, "gunicorn --reload -b {at} shop:app")
    # Of another length: Python keeps bytecode for a file of the same size and second.
    (folder / "shop.py").write_text(APP.replace('b"ok"', 'b"it"') + "\n# changed\n")
    for command in commands:
        command.wait_for(lambda command=command: command.ready() == 2)  # type: ignore[misc]
        assert command.get() == b"it"
    same_ends(commands, signal.SIGTERM)
    assert sum(isinstance(event, WorkerReady) for event in commands[1].events()) == 2


def test_a_script_that_ends_in_a_server_and_a_sitecustomize_of_a_persons_own(folder: Path) -> None:
    own = "import sys\nif sys.orig_argv[1].endswith('gunicorn'): print('own site', file=sys.stderr)\n"
    (folder / "sitecustomize.py").write_text(own)
    (folder / "start.sh").write_text("exec env FOO=1 gunicorn -b $1 shop:app\n")
    commands = serving(folder, "sh start.sh {at}", PYTHONPATH=str(folder))
    assert "own site" in same_ends(commands, signal.SIGTERM)
    assert any(isinstance(event, RequestEnded) for event in commands[1].events())


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_probe_is_said_once_and_does_not_reach_the_server(folder: Path, name: str) -> None:
    module, fault, line = FAULTS[name]
    (folder / "fault.py").write_text(fault)
    (folder / "start.sh").write_text(
        f'if test "$WSGIVIZ_RUN_DIR"; then cat fault.py >> $WSGIVIZ_RUN_DIR/site/wsgiviz_lent/probe/{module}.py; fi\n'
        f"exec {line}\n"
    )
    without, under_exec = serving(folder, "sh start.sh {at} {port}")
    status, out, err = under_exec.end(signal.SIGTERM)
    said = [line for line in err if line.startswith("wsgiviz: ")]
    assert (status, out, [line for line in err if line not in said]) == without.end(signal.SIGTERM)
    assert len(said) == 1
    assert "a fault" in said[0]


def test_a_home_that_has_become_full_is_said_once(folder: Path) -> None:
    """No file may be as big as a ring: each of four processes is refused one."""
    (folder / "start.sh").write_text("ulimit -f 1000\nexec gunicorn -w 3 -b $1 shop:app\n")
    without, under_exec = serving(folder, "sh start.sh {at}", 3)
    status, out, err = under_exec.end(signal.SIGTERM)
    said = [line for line in err if line.startswith("wsgiviz: ")]
    assert (status, out, [line for line in err if line not in said]) == without.end(signal.SIGTERM)
    assert len(said) == 1
    assert "not every process is recorded" in said[0]


def test_exec_inside_exec_is_one(folder: Path) -> None:
    (folder / "start.sh").write_text(f"exec {BIN}/wsgiviz exec gunicorn -b $1 shop:app\n")
    command = Command(folder, "sh start.sh {at}", under_exec=True)
    assert command.get() == b"ok"
    path = psutil.Process(command.process.pid).environ()["PYTHONPATH"]
    assert command.end(signal.SIGTERM)[0] == 0
    assert [f"{folder}/site" for folder in command.home.glob("*-*")] == [path]
    assert sum(isinstance(event, RequestEnded) for event in command.events()) == 1


@pytest.mark.parametrize("name", FAIL)
def test_what_fails_or_only_prints_is_the_same(folder: Path, name: str) -> None:
    same_ends(both(folder, FAIL[name]))


def test_it_is_the_same_process_with_the_same_stdin(folder: Path) -> None:
    env = {**os.environ, "WSGIVIZ_HOME": str(folder / "home")}
    command = [str(BIN / "wsgiviz"), "exec", "sh", "-c", "echo $$; cat; exit 7"]
    process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, _ = process.communicate(b"given", timeout=WITHIN_S)
    assert (out, process.returncode) == (f"{process.pid}\ngiven".encode(), 7)


@pytest.mark.parametrize("make", ["open to all", "a link", "a file"])
def test_where_nothing_can_be_recorded_it_is_said_once_and_the_server_runs(folder: Path, make: str) -> None:
    home = folder / "home"
    if make == "open to all":
        home.mkdir()
        home.chmod(0o777)
    elif make == "a link":
        (folder / "other").mkdir(mode=0o700)
        home.symlink_to(folder / "other")
    else:
        home.touch()
    command = Command(folder, "gunicorn -b {at} shop:app", under_exec=True)
    assert command.get() == b"ok"
    status, _, err = command.end(signal.SIGTERM)
    assert status == 0
    assert len([line for line in err if line.startswith("wsgiviz: not recorded: ")]) == 1


@pytest.mark.parametrize(("name", "status"), [("nosuch-command", 127), ("./shop.py", 126)])
def test_a_command_that_cannot_run(folder: Path, name: str, status: int) -> None:
    found, _, err = Command(folder, name, under_exec=True).end()
    assert found == status
    assert any(name in line for line in err)
    assert not list((folder / "home").glob("*-*"))


@pytest.mark.parametrize(("flags", "said"), [("-I", True), ("-sE", True), ("-S", True), ("-s", False)])
def test_a_python_that_ignores_its_environment_is_said_not_to_be_recorded(
    folder: Path, flags: str, said: bool
) -> None:
    status, _, err = Command(folder, f"python {flags} -m this", under_exec=True).end()
    assert status == 0
    assert any(line.startswith("wsgiviz: not recorded: ") for line in err) == said


def test_reload_more_workers_and_upgrade_stay_in_one_directory(folder: Path) -> None:
    """HUP brings another worker, TTIN one more, USR2 another master with a worker of its own."""
    command = Command(folder, "gunicorn -p pid -b {at} shop:app", under_exec=True)
    assert command.get() == b"ok"
    for number, workers in ((signal.SIGHUP, 2), (signal.SIGTTIN, 3), (signal.SIGUSR2, 4)):
        command.process.send_signal(number)
        deadline = time.monotonic() + WITHIN_S
        while sum(isinstance(event, WorkerReady) for event in command.events()) < workers:
            assert time.monotonic() < deadline, f"{number!r}: {command.events()}"
            time.sleep(0.05)
    upgraded = int((folder / "pid.2").read_text())
    try:
        assert command.get() == b"ok"
        assert [path.is_dir() for path in command.home.glob("*-*")] == [True]
    finally:
        os.kill(upgraded, signal.SIGTERM)
    assert command.end(signal.SIGTERM)[0] == 0


def test_files_of_the_app_may_be_named_as_ours_and_as_modules_that_the_probe_needs(folder: Path) -> None:
    for name in ("mmap", "dis", "zlib", "opcode"):
        (folder / f"{name}.py").write_text("1 / 0\n")
    (folder / "wsgiviz.py").write_text("from shop import app\n")
    commands = serving(folder, "gunicorn -b {at} wsgiviz:app")
    same_ends(commands, signal.SIGTERM)
    assert any(isinstance(event, RequestEnded) for event in commands[1].events())
