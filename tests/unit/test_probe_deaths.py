"""What a master learns of its workers' ends, and where a worker is while it loads its app."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wsgiviz.probe import memory_kills
from wsgiviz.probe.boot_line import BootLine
from wsgiviz.probe.deaths import Deaths, NotingOs, watch_deaths

Noted = list[tuple[Any, ...]]


@pytest.fixture
def noted() -> Noted:
    return []


def emitter(noted: Noted) -> Any:
    return SimpleNamespace(
        worker_died=lambda *values: noted.append(values),
        boot_line_seen=lambda *values: noted.append(values),
        memory=b"",
    )


def server(*pids: int, aborted: bool = False) -> Any:
    return SimpleNamespace(WORKERS={pid: SimpleNamespace(aborted=aborted) for pid in pids})


def forked(status: int) -> int:
    pid = os.fork()
    if not pid:
        os._exit(status)
    return pid


def test_the_status_that_waitpid_gives_is_emitted_for_workers_alone(noted: Noted) -> None:
    worker, other = forked(7), forked(3)
    seen = NotingOs(server(worker), Deaths(emitter(noted)))
    for pid in (worker, other):
        assert seen.waitpid(pid, 0)[0] == pid
    assert noted == [(worker, 7 << 8, 0, 0, b"")]
    assert seen.getpid() == os.getpid()
    assert seen.WNOHANG == os.WNOHANG


def test_a_death_is_emitted_once_and_that_of_a_pid_that_came_again_too(noted: Noted) -> None:
    found = Deaths(emitter(noted))
    found.sent[5] = signal.SIGTERM
    found.died(5, 15, False)
    found.died(5, -1, True)
    found.forked(5)
    found.died(5, 9, True)
    assert noted == [(5, 15, 0, 15, b""), (5, 9, 1, 0, b"")]


def test_a_kill_for_lack_of_memory_is_ascribed_to_no_more_workers_than_were_killed(
    noted: Noted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the kernel's log can't be read; one that its master has killed is none of them."""
    counts = iter([4, 4, 6, 6, 6])
    monkeypatch.setattr(memory_kills, "counted", lambda: next(counts))
    monkeypatch.setattr(memory_kills, "LOG", "/nowhere")
    found = Deaths(emitter(noted))
    found.sent[5] = signal.SIGKILL
    for pid in range(5, 10):
        found.died(pid, signal.SIGKILL, False)
    assert [values[-1] for values in noted] == [b"", b"", b"oom", b"oom", b""]


def test_the_kernel_names_whom_it_has_killed_and_no_other_is_said_to_be(
    noted: Noted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = tmp_path / "kmsg"
    log.write_bytes(b"3,1,1,-;Out of memory: Killed process 7 (long ago)\n")
    monkeypatch.setattr(memory_kills, "LOG", str(log))
    monkeypatch.setattr(memory_kills, "FIRST_NAMESPACE", os.stat("/proc/self/ns/pid").st_ino)
    found = Deaths(emitter(noted))
    with log.open("ab") as more:
        more.write(b"6,2,9,-;Memory cgroup out of memory: Killed process 8 (gunicorn) total-vm:9kB\n")
    for pid in (7, 8):
        found.died(pid, signal.SIGKILL, False)
    found.forked(8)
    found.died(8, signal.SIGKILL, False)
    assert [values[-1] for values in noted] == [b"", b"pid", b""]


def test_where_nothing_is_known_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VMSTAT", "LOG", "NAMESPACE"):
        monkeypatch.setattr(memory_kills, name, "/nowhere")
    assert (memory_kills.counted(), memory_kills.MemoryKills().of(7)) == (0, b"")


def test_what_gunicorns_master_sends_is_noted(noted: Noted, monkeypatch: pytest.MonkeyPatch) -> None:
    from gunicorn import arbiter

    monkeypatch.setattr(arbiter, "os", arbiter.os)
    sent: list[tuple[int, int]] = []
    master = server(12)
    master.kill_worker, master.spawn_worker = lambda pid, number: sent.append((pid, number)), lambda: 12
    found = watch_deaths(master, emitter(noted))
    assert master.spawn_worker() == 12
    master.kill_worker(12, signal.SIGABRT)
    assert (found.sent, sent) == ({12: 6}, [(12, 6)])
    assert arbiter.os.fork is os.fork


# --- the line at which a worker boots ----------------------------------------------------------------------------


def test_a_line_that_is_met_twice_is_emitted_once(noted: Noted) -> None:
    found = BootLine(emitter(noted), "tests.unit.test_probe_deaths:app")
    enter, leave = threading.Event(), threading.Event()

    def load() -> None:
        enter.set()
        leave.wait(30)

    thread = threading.Thread(target=load)
    thread.start()
    enter.wait(30)
    found._thread = thread.ident
    for _ in range(4):
        found.sample()
    leave.set()
    thread.join(30)
    [(line, where)] = noted
    assert where == b"tests/unit/test_probe_deaths.py|load|leave.wait"[-len(where) :]
    assert line == load.__code__.co_firstlineno + 2


def test_nothing_is_emitted_once_it_is_ready(noted: Noted) -> None:
    found = BootLine(emitter(noted), "nosuch:app")
    found.stop()
    found.sample()
    found.sample()
    found.run()
    assert noted == []


def test_the_line_of_a_lifespan_is_the_one_that_it_awaits(noted: Noted) -> None:
    import asyncio

    async def startup(go_on: asyncio.Event) -> None:
        await go_on.wait()

    async def main() -> None:
        found = BootLine(emitter(noted), "tests.unit.test_probe_deaths:app")
        found._thread = 0  # the loop's own thread is in its selector
        found.follow(asyncio.get_running_loop())
        go_on = asyncio.Event()
        task = asyncio.create_task(startup(go_on))
        await asyncio.sleep(0)
        for _ in range(3):
            found.sample()
        go_on.set()
        await task

    asyncio.run(main())
    [(_, where)] = noted
    assert where.rsplit(b"|", 2)[1:] in ([b"startup", b"go_on.wait"], [b"main", b"found.sample"])
