"""A person's own command, with and without ``wsgiviz exec`` before it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil

from wsgiviz.events import Event
from wsgiviz.observe.decode import decode
from wsgiviz.recorder.layout import SUFFIX
from wsgiviz.recorder.reader import RingReader

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
READY = ("Booting worker with pid", "Application startup complete")
"""What a server says for each of its workers: gunicorn (whose worker is ready when it answers), and uvicorn."""

RUNNING: list[subprocess.Popen[bytes]] = []


def end_all() -> None:
    """What a failed test has left."""
    while RUNNING:
        process = RUNNING.pop()
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.communicate()


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

    def __init__(self, folder: Path, line: str, under_exec: bool, **more: str) -> None:
        """``more``: variables of its environment."""
        self.home, self.port = folder / "home", free_port()
        self.stderr = folder / f"stderr-{under_exec}"
        words = line.format(port=self.port, at=f"127.0.0.1:{self.port}").split()
        before = [str(BIN / "wsgiviz"), "exec"] if under_exec else []
        # All gunicorns of a user have the same control socket, and remove each other's: a race, which is logged.
        runtime = folder / f"runtime-{int(under_exec)}"
        runtime.mkdir(exist_ok=True)
        env = {**os.environ, "WSGIVIZ_HOME": str(self.home), "XDG_RUNTIME_DIR": str(runtime)}
        env |= {"PATH": f"{BIN}:{os.environ['PATH']}", **more}
        with self.stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [*before, *words], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=stderr,
            )  # fmt: skip

        RUNNING.append(self.process)

    def wait_for(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not holds():
            assert time.monotonic() < deadline, self.stderr.read_text()
            assert self.process.poll() is None, self.stderr.read_text()
            time.sleep(0.02)

    def ready(self) -> int:
        """So many workers have said that they are there."""
        text = self.stderr.read_text()
        return next(filter(None, (text.count(words) for words in READY)), 0)

    def children(self) -> set[int]:
        return {child.pid for child in psutil.Process(self.process.pid).children()}

    def get(self) -> bytes:
        deadline = time.monotonic() + WITHIN_S
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=WITHIN_S) as answer:
                    body: bytes = answer.read()
                    return body
            except OSError:
                assert time.monotonic() < deadline, "it does not serve"
                assert self.process.poll() is None, self.stderr.read_text()
                time.sleep(0.05)

    def end(self, number: int = 0) -> tuple[int, list[str], list[str]]:
        """Exit status, stdout and stderr."""
        if number:
            self.process.send_signal(number)
        try:
            out, _ = self.process.communicate(timeout=WITHIN_S)
        finally:
            self.process.kill()
        return self.process.returncode, masked(out), masked(self.stderr.read_bytes())

    def events(self) -> list[Event]:
        found: list[Event] = []
        for path in self.home.glob(f"*/*{SUFFIX}"):
            reader = RingReader.open(path)
            assert reader is not None
            found += decode(reader.poll(1 << 16), reader.header.side, reader.header.pid)
            reader.close()
        return found


def both(folder: Path, line: str, **more: str) -> tuple[Command, Command]:
    """The same command, without and with us, at the same time."""
    without, under_exec = (Command(folder, line, under, **more) for under in (False, True))
    return without, under_exec


def serving(folder: Path, line: str, workers: int = 1, **more: str) -> tuple[Command, Command]:
    """Two servers whose workers are all ready, and have answered."""
    commands = both(folder, line, **more)
    for command in commands:
        command.wait_for(lambda command=command: command.ready() == workers)  # type: ignore[misc]
        assert command.get() == b"ok"
    return commands


def renew(commands: tuple[Command, Command]) -> None:
    """Send SIGHUP, by which each worker is replaced, and wait until that has been done."""
    before = [(command.ready(), len(command.children())) for command in commands]
    for command in commands:
        command.process.send_signal(signal.SIGHUP)
    for command, (ready, children) in zip(commands, before, strict=True):
        command.wait_for(
            lambda command=command, ready=ready, children=children: (  # type: ignore[misc]
                command.ready() == 2 * ready and len(command.children()) == children
            )
        )
        assert command.get() == b"ok"


def same_ends(commands: tuple[Command, Command], number: int = 0) -> list[str]:
    """End them, and see that exit status and output are the same. What both have said on stderr."""
    without, under_exec = (command.end(number) for command in commands)
    assert under_exec == without
    return without[2]
