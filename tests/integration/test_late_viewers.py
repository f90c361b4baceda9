"""A server under ``wsgiviz exec`` that no viewer is attached to, and a viewer that comes late."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from wsgiviz.events import Event, LineSeen, LoopBeat, RequestBegan, StepEnded, WorkerReady
from wsgiviz.observe.collector import Collector
from wsgiviz.recorder import served

pytestmark = pytest.mark.xdist_group("viewers")  # it judges no times

APP = """
import asyncio, time

def wsgi(environ, start_response):
    if environ["PATH_INFO"] == "/long":
        time.sleep(600)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]

async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"] == "/long":
        await asyncio.sleep(600)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""


class Served(NamedTuple):
    port: int
    directory: Path


@contextlib.contextmanager
def running(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    home = folder / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv(served.HOME_VARIABLE, str(home))
    (folder / "late.py").write_text(APP)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [
            sys.executable, "-m", "wsgiviz", "exec", "--", sys.executable, "-m", "gunicorn", "-k", kind,
            "--bind", f"fd://{listener.fileno()}", "--threads", "4" if kind == "gthread" else "1",
            f"late:{'asgi' if kind == 'asgi' else 'wsgi'}",
        ]  # fmt: skip
        with subprocess.Popen(
            command, cwd=folder, pass_fds=(listener.fileno(),), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as server:
            try:
                until(lambda: any(WorkerReady is type(event) for event in all_events()))
                [(directory, _)] = served.found()
                yield Served(listener.getsockname()[1], directory)
            finally:
                workers = psutil.Process(server.pid).children()
                server.kill()
                for worker in workers:
                    worker.kill()


def all_events() -> list[Event]:
    """All that is in the rings of the only server."""
    found: list[Event] = []
    for directory, _ in served.found():
        collector = Collector(directory, deletes=False)
        found += collector.poll(1 << 20)
        collector.close()
    return found


def until(condition: Callable[[], bool], within_s: float = 30) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def ask(port: int, path: str) -> None:
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=600) as answer,
    ):
        answer.read()


@pytest.mark.parametrize("kind", ["gthread", "asgi"])
def test_a_viewer_that_comes_late_is_told_what_is_going_on(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(kind, tmp_path, monkeypatch) as server:
        threading.Thread(target=ask, args=(server.port, "/long"), daemon=True).start()
        until(lambda: any(isinstance(event, LineSeen) for event in all_events()))
        quiet = all_events()
        assert not any(isinstance(event, StepEnded) for event in quiet)
        assert all(event.every_ns > 100_000_000 for event in quiet if isinstance(event, LoopBeat))
        collector = Collector(server.directory, deletes=False)
        before = collector.poll(1 << 20)
        [long] = [event for event in before if isinstance(event, RequestBegan)]
        news: list[Event] = []

        def told() -> bool:
            news.extend(collector.poll(1 << 20))
            return any(isinstance(event, LineSeen) and event.req == long.req for event in news)

        served.watch(server.directory, begins=True)
        until(told)
        assert [event for event in news if isinstance(event, RequestBegan)] == [long]
        assert any(isinstance(event, StepEnded) for event in news) is (kind == "asgi")
        collector.close()
