"""Servers of a person's own, as ``wsgiviz dump`` finds them, and what is asked of them."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from wsgiviz.recorder import served
from wsgiviz.report.dump import dump

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="from outside only Linux says what processes do")

APP = """\
import asyncio, ctypes, os, threading, time

LOCK = threading.Lock()

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/sleep":
        time.sleep(60)
    if path == "/compute":
        while True:
            pass
    if path == "/lock":
        with LOCK:
            time.sleep(60)
    if path == "/eat":
        eaten = []
        while True:
            eaten.append(bytearray(1 << 20))
            time.sleep(0.01)
    if path == "/segfault":
        time.sleep(1.5)
        ctypes.string_at(0)
    if path == "/exit":
        os._exit(7)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]

async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"] == "/sleep":
        await asyncio.sleep(60)
    await answer(send)

async def held(scope, receive, send):
    if scope["type"] == "http":
        if scope["path"] == "/sleep":
            time.sleep(60)
        await answer(send)

async def answer(send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})
"""
WAIT_S = 30


def until(check: Callable[[], Any]) -> Any:
    """What ``check`` gives, once that is something."""
    end_s = time.monotonic() + WAIT_S
    while not (found := check()):
        assert time.monotonic() < end_s, "it did not come to that"
        time.sleep(0.05)
    return found


class Server:
    """A server of a person's own, on a port that was free."""

    def __init__(self, folder: Path, *command: str, workers: int = 1) -> None:
        (folder / "shop.py").write_text(APP)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        filled = [word.replace("PORT", str(self.port)) for word in command]
        self._clients: list[http.client.HTTPConnection] = []
        env = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        with (folder / "server.log").open("wb") as log:
            self.process = subprocess.Popen([sys.executable, *filled], cwd=folder, stderr=log, stdout=log, env=env)
        self.pid = self.process.pid
        until(lambda: self.answers() and len(self.workers()) >= workers)

    def workers(self) -> list[int]:
        """Its children that serve, and itself where it has none."""
        children = psutil.Process(self.pid).children()
        return sorted(child.pid for child in children if "resource_tracker" not in " ".join(child.cmdline()))

    def answers(self) -> bool:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            client.request("GET", "/")
            return client.getresponse().read() == b"ok"
        except (OSError, http.client.HTTPException):
            return False
        finally:
            client.close()

    def ask(self, path: str) -> None:
        """A request whose answer nobody reads, until the server is closed."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        client.request("GET", path, headers={"Connection": "close"})
        self._clients.append(client)

    def close(self) -> None:
        for client in self._clients:
            client.close()
        family = [self.pid]
        with contextlib.suppress(psutil.Error):
            family += [child.pid for child in psutil.Process(self.pid).children(recursive=True)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(name="start")
def start_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    monkeypatch.setenv(served.HOME_VARIABLE, str(tmp_path / "home"))
    servers: list[Server] = []

    def started(*command: str, workers: int = 1) -> Server:
        folder = tmp_path / f"app{len(servers)}"
        folder.mkdir()
        servers.append(Server(folder, *command, workers=workers))
        return servers[-1]

    yield started
    for server in servers:
        server.close()


def gunicorn(*more: str, exec: bool = False) -> list[str]:
    before = ["-m", "wsgiviz", "exec", sys.executable] if exec else []
    return [*before, "-m", "gunicorn", "-b", "127.0.0.1:PORT", *more, "shop:app"]


def only_server(server: Server) -> dict[str, Any]:
    found: dict[str, Any]
    [found] = dump(server.pid)["servers"]
    return found


def held(server: Server) -> int:
    """Connections that its workers hold, by psutil."""
    found = [psutil.Process(pid).net_connections("tcp") for pid in server.workers()]
    return sum(one.status == psutil.CONN_ESTABLISHED for many in found for one in many)
