"""The collector: events of all rings, in order of time, and rings that are let go of when their process is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.rings import MemoryRing
from wsgiviz import events
from wsgiviz.observe import collector as module
from wsgiviz.observe.collector import Collector
from wsgiviz.recorder.emitter import Emitter, create_emitter
from wsgiviz.recorder.layout import ring_name
from wsgiviz.recorder.reader import RingReader


def dead_pid() -> int:
    """The pid of a process that was here a moment ago."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def left_behind(directory: Path, pid: int, started_ns: int = 1, role: str = "worker") -> MemoryRing:
    """The ring file of the process ``pid``, and its content."""
    ring = MemoryRing(16, pid=pid, role=role)
    ring.emit.worker_ready(t_ns=1)
    (directory / ring_name("wsgi", role, pid, started_ns)).write_bytes(ring.memory)
    return ring


def reqs(found: list[events.Event]) -> list[int]:
    return [event.req for event in found if isinstance(event, events.FirstByte)]


def rings(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*.ring"))


def test_events_of_all_rings_come_in_order_of_time(tmp_path: Path) -> None:
    wsgi, asgi = create_emitter(tmp_path, "wsgi", "worker"), create_emitter(tmp_path, "asgi", "worker")
    wsgi.first_byte(1, t_ns=10)
    asgi.first_byte(2, t_ns=5)
    wsgi.first_byte(3, t_ns=30)
    asgi.first_byte(4, t_ns=20)
    collector = Collector(tmp_path)
    found = collector.poll()
    assert reqs(found) == [2, 1, 4, 3]
    assert {(event.side, event.pid) for event in found} == {("wsgi", os.getpid()), ("asgi", os.getpid())}
    assert collector.drained
    late = create_emitter(tmp_path, "wsgi", "master")
    late.master_ready()
    assert [type(event) for event in collector.poll()] == [events.MasterReady]
    collector.close()


def test_no_answer_comes_without_the_work_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker ends a request, and its client gets the answer, between any two reads of a poll."""
    worker, driver = create_emitter(tmp_path, "wsgi", "worker"), create_emitter(tmp_path, "wsgi", "driver")
    collector = Collector(tmp_path)
    collector.poll()
    count = 0
    poll = RingReader.poll

    def busy(self: RingReader, budget: int, last: bool = False) -> list[object]:
        nonlocal count
        found = poll(self, budget, last)
        count += 1
        worker.request_ended(0, count, 0, 0, 0, 0, 0, 200, 1)
        driver.response_received(count, 200, 2)
        return [*found]

    monkeypatch.setattr(RingReader, "poll", busy)
    ended: set[int] = set()
    for _ in range(10):
        found = collector.poll()
        ended |= {event.req for event in found if isinstance(event, events.RequestEnded)}
        assert {event.req for event in found if isinstance(event, events.ResponseReceived)} <= ended
    assert ended
    collector.close()


def test_a_poll_keeps_to_its_budget_and_starves_nobody(tmp_path: Path) -> None:
    emitters = [create_emitter(tmp_path, "wsgi", "worker") for _ in range(4)]
    for number in range(1000):
        emitters[0].first_byte(number)
    for emit in emitters[1:]:
        emit.first_byte(1)
    collector = Collector(tmp_path)
    first = collector.poll(100)
    assert len(first) == 100
    assert not collector.drained
    assert len([req for req in reqs(first) if req == 1]) >= 3
    found = list(first)
    while not collector.drained:
        found += collector.poll(100)
    assert len(found) == 1003
    collector.close()


def test_a_budget_smaller_than_the_rings_reaches_all_of_them(tmp_path: Path) -> None:
    for number in range(5):
        create_emitter(tmp_path, "wsgi", "worker", 8).first_byte(number)
    collector = Collector(tmp_path)
    found: list[events.Event] = []
    for _ in range(5):
        batch = collector.poll(2)
        assert len(batch) <= 2
        found += batch
    assert sorted(reqs(found)) == [0, 1, 2, 3, 4]
    collector.close()


def test_losses_are_reported_ring_by_ring(tmp_path: Path) -> None:
    slow, fast = create_emitter(tmp_path, "asgi", "worker", 8), create_emitter(tmp_path, "wsgi", "worker", 8)
    collector = Collector(tmp_path)
    slow.first_byte(1)
    for number in range(20):
        fast.first_byte(number)
    [lost] = [event for event in collector.poll() if isinstance(event, events.EventsLost)]
    assert (lost.side, lost.pid, lost.count) == ("wsgi", os.getpid(), 12)
    for number in range(10):
        fast.first_byte(number)
    [again] = [event for event in collector.poll() if isinstance(event, events.EventsLost)]
    assert again.count == 2
    assert not collector.poll()
    collector.close()


# --- rings whose process is gone ---------------------------------------------------------------------------------


def test_a_ring_of_a_dead_process_is_read_and_deleted(tmp_path: Path) -> None:
    left_behind(tmp_path, dead_pid())
    collector = Collector(tmp_path)
    assert [type(event) for event in collector.poll()] == [events.WorkerReady]
    assert rings(tmp_path) == []
    assert collector.poll() == []


def test_a_ring_is_read_to_its_end_first(tmp_path: Path) -> None:
    ring = MemoryRing(64, pid=dead_pid())
    ring.write(*range(50))
    (tmp_path / "wsgi-worker-1-1.ring").write_bytes(ring.memory)
    collector = Collector(tmp_path)
    found: list[int] = []
    while rings(tmp_path):
        found += reqs(collector.poll(20))
    assert found == list(range(50))


def test_a_directory_of_somebody_else_is_left_as_it_is(tmp_path: Path) -> None:
    left_behind(tmp_path, dead_pid())
    collector = Collector(tmp_path, deletes=False)
    assert len(collector.poll()) == 1
    assert collector.poll() == []
    assert len(rings(tmp_path)) == 1


def test_a_worker_that_ends_in_order_is_let_go(tmp_path: Path) -> None:
    emit = create_emitter(tmp_path, "wsgi", "worker")
    emit.worker_exited()
    collector = Collector(tmp_path)
    assert [type(event) for event in collector.poll()] == [events.WorkerExited]
    collector.poll()
    assert rings(tmp_path) == []


def test_a_death_that_the_master_reports_lets_go_of_the_worker_before_it(tmp_path: Path) -> None:
    """Its pid has come back meanwhile: the new process's ring stays."""
    pid = os.getpid()
    create_emitter(tmp_path, "wsgi", "worker").first_byte(1)
    [before] = rings(tmp_path)
    master = create_emitter(tmp_path, "wsgi", "master")
    master.worker_died(pid, 9)
    create_emitter(tmp_path, "wsgi", "worker").first_byte(2)
    collector = Collector(tmp_path)
    found = collector.poll() + collector.poll()
    assert reqs(found) == [1, 2]
    assert before not in rings(tmp_path)
    assert len(rings(tmp_path)) == 2
    collector.close()


def test_what_it_wrote_until_then_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The master reports a death after this poll has read the worker's ring, of which there was more."""
    worker, master = create_emitter(tmp_path, "wsgi", "worker"), create_emitter(tmp_path, "wsgi", "master")
    collector = Collector(tmp_path)
    collector.poll()
    poll = RingReader.poll

    def late(self: RingReader, budget: int, last: bool = False) -> list[object]:
        found = poll(self, budget, last)
        if self.header.role == "worker" and not last:
            worker.first_byte(1)
            master.worker_died(os.getpid())
        return [*found]

    monkeypatch.setattr(RingReader, "poll", late)
    found = [event for _ in range(4) for event in collector.poll()]
    assert reqs(found)
    assert [event for event in found if isinstance(event, events.WorkerDied)]
    assert [name for name in rings(tmp_path) if "worker" in name] == []
    collector.close()


def test_a_process_whose_death_nobody_reports_is_found_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        left_behind(tmp_path, process.pid)
        collector = Collector(tmp_path)
        collector.poll()
        assert len(rings(tmp_path)) == 1
        process.kill()
    monkeypatch.setattr(module, "CHECK_EVERY_NS", 0)
    collector.poll()
    assert rings(tmp_path) == []


def test_release_lets_go_of_what_is_read(tmp_path: Path) -> None:
    create_emitter(tmp_path, "wsgi", "worker").first_byte(1)
    collector = Collector(tmp_path)
    collector.poll()
    collector.release(os.getpid())
    collector.poll()
    assert rings(tmp_path) == []


def test_forget_drops_a_sides_server_and_keeps_the_driver(tmp_path: Path) -> None:
    create_emitter(tmp_path, "wsgi", "driver")
    create_emitter(tmp_path, "asgi", "worker")
    create_emitter(tmp_path, "wsgi", "master")
    collector = Collector(tmp_path)
    collector.poll()
    create_emitter(tmp_path, "wsgi", "worker").first_byte(1)  # not seen yet
    collector.forget("wsgi")
    assert [name.split("-")[:2] for name in rings(tmp_path)] == [["asgi", "worker"], ["wsgi", "driver"]]
    assert collector.poll() == []
    assert collector.has_driver("wsgi")
    assert collector.has_driver("wsgi", os.getpid())
    assert not collector.has_driver("wsgi", os.getpid() + 1)
    assert not collector.has_driver("asgi")
    collector.close()


def test_what_is_forgotten_stays_so_where_there_is_too_much_of_it_to_open_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a master that was read late ended the server after it: that never got ready."""
    monkeypatch.setattr(module, "OPENED_PER_POLL", 2)
    collector = Collector(tmp_path)
    for number in range(1, 8):
        create_emitter(tmp_path, "wsgi", "worker").first_byte(number)
    collector.forget("wsgi")
    create_emitter(tmp_path, "wsgi", "master").first_byte(9)  # of the server that comes after it
    found = [req for _ in range(8) for req in reqs(collector.poll())]
    assert found == [9]
    assert [name.split("-")[:2] for name in rings(tmp_path)] == [["wsgi", "master"]]
    collector.close()


def test_files_that_are_no_rings_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PASSED_LIMIT", 20)
    for number in range(10):
        (tmp_path / f"junk{number}.ring").write_bytes(b"junk")
    os.mkfifo(tmp_path / "fifo.ring")
    (tmp_path / "link.ring").symlink_to(tmp_path / "nowhere")
    (tmp_path / "other.txt").write_text("no ring")
    collector = Collector(tmp_path)
    create_emitter(tmp_path, "wsgi", "worker").first_byte(1)
    assert reqs(collector.poll()) == [1]
    assert collector.poll() == []
    collector.close()


SHORT_LIVED = """
import os, resource, sys
from pathlib import Path
from wsgiviz import events
from wsgiviz.observe.collector import Collector
from wsgiviz.recorder.emitter import create_emitter

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
directory = Path(sys.argv[1])
collector = Collector(directory)
ready = set()
most = 0
made = 0
while made < 640:
    burst = 128 if made == 0 else 8  # at first more than there are descriptors for
    for _ in range(burst):
        pid = os.fork()
        if pid == 0:
            create_emitter(directory, "wsgi", "worker", 8).worker_booting(made, 1, 1, b"sync")
            os._exit(0)
        os.waitpid(pid, 0)
        made += 1
    ready |= {event.number for event in collector.poll() if isinstance(event, events.WorkerBooting)}
    most = max(most, len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0)
while list(directory.glob("*.ring")):
    ready |= {event.number for event in collector.poll() if isinstance(event, events.WorkerBooting)}
print(len(ready), most <= 58, len(os.listdir(directory)))
"""


def test_ten_times_as_many_short_lived_workers_as_descriptors_exhaust_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SHORT_LIVED, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stderr == ""
    assert done.stdout == "640 True 0\n"


def test_a_limit_of_files_that_is_used_up_only_delays_a_ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emit: Emitter = create_emitter(tmp_path, "wsgi", "worker")
    emit.first_byte(1)
    collector = Collector(tmp_path)

    def exhausted(path: object) -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(RingReader, "open", exhausted)
        assert collector.poll() == []
    assert reqs(collector.poll()) == [1]
    collector.close()


def test_a_directory_is_read_again_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_emitter(tmp_path, "wsgi", "worker").first_byte(1)
    os.utime(tmp_path, (1_000_000, 1_000_000))  # long ago
    collector = Collector(tmp_path)
    assert reqs(collector.poll()) == [1]
    scandir, scanned = os.scandir, 0

    def counting(path: Path) -> object:
        nonlocal scanned
        scanned += 1
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counting)
    collector.poll()
    assert scanned == 0
    changed_ns = time.time_ns()
    for number in (2, 3):  # the second in the same step of the file system's clock
        create_emitter(tmp_path, "asgi", "worker").first_byte(number)
        os.utime(tmp_path, ns=(changed_ns, changed_ns))
        assert reqs(collector.poll()) == [number]
    collector.close()
