"""What the probe records of real servers, one class of worker after the other."""

from __future__ import annotations

import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import pytest

from wsgiviz.control.launch import Launch, ServerProcess
from wsgiviz.events import (
    ConnectionAccepted,
    ConnectionClosing,
    Event,
    LineSeen,
    LoopHeld,
    RequestBegan,
    RequestEnded,
    ResponseStarted,
    WorkerBooting,
    WorkerDied,
    WorkerReady,
)
from wsgiviz.observe.decode import decode
from wsgiviz.recorder.layout import SUFFIX
from wsgiviz.recorder.reader import RingReader

pytestmark = pytest.mark.xdist_group("probe")  # it judges no times

WITHIN_S = 30.0
REQUEST = b"GET /x HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"

E = TypeVar("E", bound=Event)


class Observed:
    """A server of one worker, and what was written to its rings."""

    def __init__(self, folder: Path, kind: str, app: str, env: dict[str, str]) -> None:
        self.gate = folder / "gate"
        self._readers: dict[Path, RingReader] = {}
        self.events: list[Event] = []
        self.rings = folder
        env = {"GATE": str(self.gate), "PYTHONPATH": str(Path(__file__).parent / "apps"), **env}
        self.launch = Launch("wsgi", f"gated:{app}", kind, 1, 2 if kind == "gthread" else 1, 0, "127.0.0.1", folder,
                             folder, env)  # fmt: skip
        if app.startswith("async"):
            self.launch = Launch("asgi", f"gated:{app}", kind, 1, 1, 0, "127.0.0.1", folder, folder, env)
        self.server = ServerProcess(self.launch)

    def close(self) -> None:
        self.server.close()
        for reader in self._readers.values():
            reader.close()

    def _read(self) -> None:
        for path in self.rings.glob(f"*{SUFFIX}"):
            if path not in self._readers:
                reader = RingReader.open(path)
                assert reader is not None
                self._readers[path] = reader
        for reader in self._readers.values():
            self.events += decode(reader.poll(1 << 16), reader.header.side, reader.header.pid)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def until(self, kind: type[E], count: int = 1) -> list[E]:
        """Wait for so many events of this type."""
        deadline = time.monotonic() + WITHIN_S
        while len(self.of(kind)) < count:
            assert time.monotonic() < deadline, f"waited for {count} {kind.__name__}; {self.log()} {self.events}"
            time.sleep(0.01)
            self._read()
        return self.of(kind)

    def log(self) -> str:
        return self.launch.log_path.read_text()

    def get(self) -> tuple[int, bytes]:
        """A whole request; status and body."""
        try:
            with urllib.request.urlopen(f"{self.server.url}/x", timeout=WITHIN_S) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def connect(self) -> socket.socket:
        """A client that does nothing of its own accord."""
        where = urlsplit(self.server.url)
        return socket.create_connection((where.hostname or "", where.port or 0), timeout=WITHIN_S)


Observe = Callable[..., Observed]


@pytest.fixture
def observe(tmp_path: Path) -> Iterator[Observe]:
    opened: list[Observed] = []

    def open_(kind: str, app: str, **env: str) -> Observed:
        observed = Observed(tmp_path, kind, app, env)
        opened.append(observed)
        if not env:
            observed.until(WorkerReady)
        return observed

    yield open_
    for observed in opened:
        observed.close()


@pytest.mark.parametrize(
    ("kind", "app", "threads"),
    [
        ("sync", "fine", 1),
        ("sync", "iterates", 1),
        ("gthread", "fine", 2),
        ("gthread", "iterates", 2),
        ("gevent", "fine", 1),
        ("gevent", "iterates", 1),
        ("asgi", "async_fine", 1),
        ("uvicorn", "async_fine", 1),
    ],
)
def test_a_request_is_recorded_from_its_beginning_to_its_end(
    observe: Observe, kind: str, app: str, threads: int
) -> None:
    observed = observe(kind, app)
    assert observed.get()[0] == observed.get()[0] == 200
    ended = observed.until(RequestEnded, 2)
    began = observed.of(RequestBegan)
    assert [event.req for event in began] == [event.req for event in ended]
    assert len({event.req for event in began}) == 2
    assert all(event.req < 0 and event.target == "GET /x" for event in began)
    assert all(0 < event.accepted_ns <= event.t_ns for event in began)
    for event in ended:
        assert (event.status, event.raised) == (200, "")
        assert 0 < event.began_ns <= event.response_ns <= event.ended_ns <= event.t_ns
    [booting] = observed.of(WorkerBooting)
    assert (booting.worker_class, booting.threads) == (kind, threads)
    assert booting.number == (0 if kind == "uvicorn" else 1)


@pytest.mark.parametrize(
    ("kind", "app"),
    [
        ("sync", "raises"),
        ("gthread", "raises"),
        ("gevent", "raises"),
        ("asgi", "async_raises"),
        ("uvicorn", "async_raises"),
    ],
)
def test_an_app_that_raises_is_recorded_and_its_client_gets_the_servers_answer(
    observe: Observe, kind: str, app: str
) -> None:
    observed = observe(kind, app)
    assert observed.get()[0] == 500
    [ended] = observed.until(RequestEnded)
    assert ended.raised == "LookupError"


def test_what_lasts_is_recorded_while_it_lasts(observe: Observe) -> None:
    observed = observe("sync", "waits")
    with observed.connect() as client:
        client.sendall(REQUEST)
        [response] = observed.until(ResponseStarted)
        [seen, *_] = observed.until(LineSeen)
        assert "gated.py|waits|time.sleep" in seen.where
        assert not observed.of(RequestEnded)
        observed.gate.touch()
        while client.recv(1 << 16):
            pass
        [closing] = observed.until(ConnectionClosing)  # it does not hang up
    [ended] = observed.until(RequestEnded)
    assert ended.req == response.req == seen.req == closing.req
    assert ended.response_ns == response.t_ns
    assert ended.ended_ns == closing.ended_ns <= closing.t_ns <= ended.t_ns


@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_a_client_that_sends_nothing_is_recorded_and_so_is_its_end(observe: Observe, kind: str) -> None:
    observed = observe(kind, "fine")
    with observed.connect():
        [accepted] = observed.until(ConnectionAccepted)
    [ended] = observed.until(RequestEnded)
    assert (ended.req, ended.slot) == (0, accepted.slot)
    assert not observed.of(RequestBegan)


def test_a_connection_that_gunicorn_defers_is_a_request_only_when_it_comes_back(observe: Observe) -> None:
    observed = observe("gthread", "fine")
    with observed.connect() as client:
        [nothing] = observed.until(RequestEnded)  # it was given back to the poller, and its thread is free
        assert nothing.req == 0
        client.sendall(REQUEST)
        _, ended = observed.until(RequestEnded, 2)
    [began] = observed.of(RequestBegan)
    assert began.req == ended.req
    assert began.accepted_ns > nothing.t_ns


def test_a_request_that_cannot_be_read_ends_as_none(observe: Observe) -> None:
    observed = observe("sync", "fine")
    with observed.connect() as client:
        client.sendall(b"\0\0\0\r\n\r\n")
        observed.until(ConnectionClosing)
    [ended] = observed.until(RequestEnded)
    assert ended.req == observed.of(ConnectionClosing)[0].req == 0


@pytest.mark.parametrize("kind", ["gevent", "sync"])
def test_who_computes_is_recorded_with_its_line(observe: Observe, kind: str) -> None:
    observed = observe(kind, "computes")
    with observed.connect() as client:
        client.sendall(REQUEST)
        if kind == "gevent":
            [held, *_] = observed.until(LoopHeld)
            assert "gated.py|" in held.where
            assert held.held_ns > 0
        [seen, *_] = observed.until(LineSeen)
        assert "gated.py|" in seen.where
        observed.gate.touch()
        [ended] = observed.until(RequestEnded)
    assert ended.req == seen.req


@pytest.mark.parametrize(("kind", "app"), [("sync", "fine"), ("uvicorn", "async_fine")])
def test_a_worker_that_is_killed_is_recorded_by_its_master(observe: Observe, kind: str, app: str) -> None:
    observed = observe(kind, app)
    [ready] = observed.of(WorkerReady)
    os.kill(ready.pid, signal.SIGKILL)
    [died] = observed.until(WorkerDied)
    assert (died.worker_pid, died.status) == (ready.pid, signal.SIGKILL)
    assert (died.by_timeout, died.sent) == (0, 0), "its master has not sent it"
    observed.until(WorkerReady, 2)


@pytest.mark.parametrize(("kind", "app"), [("sync", "fine"), ("asgi", "async_fine"), ("uvicorn", "async_fine")])
def test_a_server_whose_ring_cannot_be_made_runs_without_one_and_says_so(
    observe: Observe, tmp_path: Path, kind: str, app: str
) -> None:
    observed = observe(kind, app, WSGIVIZ_RUN_DIR=str(tmp_path / "missing"))
    observed.server.listener.listen()  # it has no events to say that it does
    assert observed.get() == (200, b"fine")
    lines = [line for line in observed.log().splitlines() if "wsgiviz:" in line]
    assert len(lines) == 2
    assert "master" in lines[0]
    assert "worker" in lines[1]
    assert all("is not recorded" in line for line in lines)
    assert not list(tmp_path.rglob(f"*{SUFFIX}"))
