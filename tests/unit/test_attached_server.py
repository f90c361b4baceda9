"""One server that is followed: how often its sockets are asked for, and whose processes are gone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.states import S
from wsgiviz.control import attached_server
from wsgiviz.control.attached_server import AttachedServer, added_up
from wsgiviz.control.running import Running
from wsgiviz.events import QueueSampled, WorkerGone
from wsgiviz.observe.sockets import HeldSocket
from wsgiviz.recorder import served
from wsgiviz.recorder.served import About
from wsgiviz.state import Activity, Server, Side, State, Worker

GONE = (1 << 22) + 1
"""A pid that no process can have (PID_MAX_LIMIT of proc(5))."""


def about(started_ns: int = 5, command: str = "gunicorn shop", folder: str = "/srv") -> About:
    return About(os.getpid(), started_ns, "2026-11-30T08:00:00+00:00", tuple(command.split()), folder)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AttachedServer]:
    monkeypatch.setenv("WSGIVIZ_HOME", str(tmp_path / "home"))
    found = AttachedServer(served.create(about()), "wsgi")
    found.kind = "sync"
    yield found
    found.close()


def listener(address: str, waiting: int | None, limit: int | None) -> HeldSocket:
    return HeldSocket(1, address, "", True, waiting, limit)


@pytest.mark.parametrize(
    ("listeners", "depth", "limit"),
    [
        ([listener("127.0.0.1:80", 3, 64), listener("unix:/run/shop", 2, 16)], 5, 80),
        ([listener("127.0.0.1:80", 3, None)], 3, -1),
        ([listener("127.0.0.1:80", 3, 64), listener("unix:/run/shop", None, None)], -1, -1),
    ],
)
def test_what_one_listener_does_not_tell_is_not_known_of_all(
    listeners: list[HeldSocket], depth: int, limit: int
) -> None:
    assert added_up(listeners) == (depth, limit)


@pytest.mark.parametrize(("took_ms", "rest_ms"), [(0, 200), (1, 200), (50, 5_000)])
def test_sockets_that_take_long_are_asked_for_a_hundredth_of_the_time(
    server: AttachedServer, monkeypatch: pytest.MonkeyPatch, took_ms: int, rest_ms: int
) -> None:
    clock_ns = 0

    def asks(pids: list[int]) -> list[HeldSocket]:
        nonlocal clock_ns
        clock_ns += took_ms * 1_000_000
        return [listener("127.0.0.1:80", 1, 64)]

    monkeypatch.setattr(attached_server, "listeners_of", asks)
    monkeypatch.setattr(time, "perf_counter_ns", lambda: clock_ns)

    def asked(now_ns: int) -> bool:
        return any(isinstance(event, QueueSampled) for event in server.queues(now_ns))

    assert asked(10 * S)
    assert not asked(10 * S + rest_ms * 1_000_000 - 1)
    assert asked(10 * S + rest_ms * 1_000_000)


def test_a_worker_whose_process_is_gone_unseen_is_said_to_be_at_the_second_look(server: AttachedServer) -> None:
    """By then its master has said what became of it, if there is one."""
    now_ns = time.monotonic_ns()
    workers = {(pid, 0): Worker(pid, pid, Activity.IDLE, now_ns, booted_ns=now_ns) for pid in (GONE, os.getpid())}
    state = State(now_ns, attached=True, sides={"wsgi": Side("wsgi", "sync", server=Server(workers=workers))})
    assert server._vanished(state, now_ns) == []
    assert server._vanished(state, now_ns) == [WorkerGone(now_ns, "wsgi", GONE)]


def test_the_same_command_that_is_run_later_in_the_same_folder_follows_it(server: AttachedServer) -> None:
    def follows(other: About) -> bool:
        return server.is_followed_by(Running(Path("/run/other"), other, frozenset({1}), 1))

    assert follows(about(started_ns=6))
    assert not follows(about(started_ns=4))
    assert not follows(about(started_ns=6, command="gunicorn blog"))
    assert not follows(about(started_ns=6, folder="/srv/other"))
