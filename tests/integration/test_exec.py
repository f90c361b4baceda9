"""``wsgiviz exec``: the same pid, output and exit status as without it, and rings beside it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from wsgiviz.events import Event, RequestEnded, WorkerBooting, WorkerReady
from wsgiviz.observe.decode import decode
from wsgiviz.recorder.layout import SUFFIX
from wsgiviz.recorder.reader import RingReader

pytestmark = pytest.mark.xdist_group("exec")  # it judges no times

WITHIN_S = 30.0
BIN = Path(sys.executable).parent
APP = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]

async def asgi(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""
OWN = """
from uvicorn_worker import UvicornWorker

class Mine(UvicornWorker):
    CONFIG_KWARGS = {"loop": "asyncio", "http": "h11"}
"""
CONF = """
import sys

def said(*words):
    print(*words, file=sys.stderr, flush=True)

def on_starting(server): said("on_starting")
def when_ready(server): said("when_ready")
def nworkers_changed(server, new, old): said("nworkers_changed", new, old)
def child_exit(server, worker): said("child_exit")
def on_exit(server): said("on_exit")
def post_fork(server, worker): said("post_fork")
def post_worker_init(worker): said("post_worker_init")
def worker_int(worker): said("worker_int")
def worker_exit(server, worker): said("worker_exit")
"""

SERVERS = {
    "sync": "gunicorn -b {at} shop:app",
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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"shop": APP, "own": OWN, "prod": CONF}.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def masked(output: bytes) -> list[str]:
    """Its lines, with no numbers, in an order that does not depend on who was scheduled when."""
    text = re.sub(r"0x[0-9a-f]+|\d+", "N", output.decode())
    return sorted(text.splitlines())


class Command:
    """A command in ``folder``, with or without ``wsgiviz exec`` before it."""

    def __init__(self, folder: Path, line: str, under_exec: bool) -> None:
        self.home, self.port = folder / "home", free_port()
        words = line.format(port=self.port, at=f"127.0.0.1:{self.port}").split()
        before = [str(BIN / "wsgiviz"), "exec"] if under_exec else []
        env = {**os.environ, "WSGIVIZ_HOME": str(self.home), "PATH": f"{BIN}:{os.environ['PATH']}"}
        self.process = subprocess.Popen(
            [*before, *words], cwd=folder, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def get(self) -> bytes:
        deadline = time.monotonic() + WITHIN_S
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=WITHIN_S) as answer:
                    body: bytes = answer.read()
                    return body
            except OSError:
                assert time.monotonic() < deadline, "it does not serve"
                assert self.process.poll() is None, self.process.communicate()
                time.sleep(0.05)

    def end(self, number: int = 0) -> tuple[int, list[str], list[str]]:
        """Exit status, stdout and stderr."""
        if number:
            self.process.send_signal(number)
        try:
            out, err = self.process.communicate(timeout=WITHIN_S)
        finally:
            self.process.kill()
        return self.process.returncode, masked(out), masked(err)

    def events(self) -> list[Event]:
        found: list[Event] = []
        for path in self.home.glob(f"*/*{SUFFIX}"):
            reader = RingReader.open(path)
            assert reader is not None
            found += decode(reader.poll(1 << 16), reader.header.side, reader.header.pid)
            reader.close()
        return found


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_the_same_and_recorded(folder: Path, name: str) -> None:
    ends = []
    for under_exec in (False, True):
        command = Command(folder, SERVERS[name], under_exec)
        assert command.get() == b"ok"
        ends.append(command.end(signal.SIGTERM))
    assert ends[1] == ends[0]
    kinds = [type(event) for event in command.events()]
    assert all(kind in kinds for kind in (WorkerBooting, WorkerReady, RequestEnded))


@pytest.mark.parametrize("name", FAIL)
def test_what_fails_or_only_prints_is_the_same(folder: Path, name: str) -> None:
    without, under_exec = (Command(folder, FAIL[name], under).end() for under in (False, True))
    assert under_exec == without


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
    command = Command(folder, SERVERS["sync"], under_exec=True)
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


@pytest.mark.parametrize(("flags", "said"), [("-I", True), ("-sE", True), ("-s", False)])
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


def test_an_app_may_have_a_package_that_is_called_as_ours(folder: Path) -> None:
    (folder / "wsgiviz.py").write_text("from shop import app\n")
    command = Command(folder, "gunicorn -b {at} wsgiviz:app", under_exec=True)
    assert command.get() == b"ok"
    assert command.end(signal.SIGTERM)[0] == 0
    assert any(isinstance(event, RequestEnded) for event in command.events())
