"""What is seen from outside: kernel samples, the servers' logs, the apps' source."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

from wsgiviz.control.server_logs import EVERY_NS, MOST_CHARACTERS, MOST_LINES, ServerLogs, bounded
from wsgiviz.control.sources import MOST_FILES, Sources
from wsgiviz.events import (
    CallBegan,
    CallEnded,
    CallQueued,
    CallSampled,
    CallThread,
    Event,
    LineSeen,
    ProcessSampled,
    QueueSampled,
    RequestBegan,
    ServerStarted,
    SettingsChanged,
    StepBegan,
    StepEnded,
    ThreadSampled,
    WorkerBooting,
    WorkerReady,
)
from wsgiviz.observe.interpreter_lock import static_data
from wsgiviz.observe.kernel import Kernel, ThreadCounters
from wsgiviz.observe.sampler import ALL_EVERY_NS, BUSY_EVERY_NS, CALLS_A_SAMPLE, KernelSampler
from wsgiviz.settings import make
from wsgiviz.state import State, reduce

SECOND_NS = 1_000_000_000

needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="this system has no /proc")


def worker_here(side: Literal["wsgi", "asgi"] = "wsgi") -> State:
    """A State with one idle worker: this very process."""
    settings = make(only=side, workers=1, **{side: "shop:app"})
    pid = os.getpid()
    return reduce(
        State(),
        [
            SettingsChanged(1, "", 0, settings.given()),
            ServerStarted(1, side, 1, "sync", "http://127.0.0.1:1"),
            WorkerBooting(2, side, pid, 1, threading.get_native_id(), 1, "sync"),
            WorkerReady(3, side, pid),
        ],
    )


@contextmanager
def sampler() -> Iterator[KernelSampler]:
    made = KernelSampler()
    try:
        yield made
    finally:
        made.close()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@needs_proc
def test_all_are_sampled_now_and_then_and_the_busy_often() -> None:
    state, pid = worker_here(), os.getpid()
    began = RequestBegan(SECOND_NS, "wsgi", pid, 0, -1, 0, 0, "GET /")
    with sampler() as kernel:
        first = kernel.due(state, {}, [], 10 * SECOND_NS)
        assert {type(event) for event in first} >= {ThreadSampled, ProcessSampled}
        assert kernel.due(state, {}, [], 10 * SECOND_NS + BUSY_EVERY_NS) == []  # it is idle
        [sample] = kernel.due(state, {}, [began], 10 * SECOND_NS + BUSY_EVERY_NS + 1)  # no more
        assert isinstance(sample, ThreadSampled)
        assert sample.cpu_ns > 0
        busy = reduce(state, [began])
        assert len(kernel.due(busy, {}, [], 10 * SECOND_NS + 2 * BUSY_EVERY_NS)) == 1
        assert len(kernel.due(state, {}, [], 10 * SECOND_NS + ALL_EVERY_NS)) == len(first)


@needs_proc
def test_a_loop_is_sampled_often_while_requests_are_in_the_app() -> None:
    """It serves in no slot that could be busy."""
    state, began = worker_here("asgi"), RequestBegan(SECOND_NS, "asgi", os.getpid(), 0, -1, 0, 0, "GET /")
    with sampler() as kernel:
        kernel.due(state, {}, [], 10 * SECOND_NS)
        assert kernel.due(state, {}, [], 10 * SECOND_NS + BUSY_EVERY_NS) == []
        busy = reduce(state, [began])
        assert len(kernel.due(busy, {}, [], 10 * SECOND_NS + 2 * BUSY_EVERY_NS)) == 1


def called_in_threads(count: int) -> State:
    """So many requests of a loop's, all in this very thread, as far as their worker tells."""
    pid, events = os.getpid(), list[Event]()
    for req in range(-1, -1 - count, -1):
        events += [
            RequestBegan(SECOND_NS, "asgi", pid, 0, req, 0, 0, "GET /"),
            StepBegan(SECOND_NS, "asgi", pid, req),
            CallQueued(SECOND_NS, "asgi", pid, 1, req),
            StepEnded(SECOND_NS + 1, "asgi", pid, req, 1),
            CallBegan(SECOND_NS + 2, "asgi", pid, 1, req),
            CallThread(SECOND_NS + 3, "asgi", pid, req, threading.get_native_id()),
        ]
    return reduce(worker_here("asgi"), events)


def sampled_calls(kernel: KernelSampler, state: State, times: int) -> list[CallSampled]:
    """Of that sample: they come every BUSY_EVERY_NS."""
    found = kernel.due(state, {}, [], 10 * SECOND_NS + times * BUSY_EVERY_NS)
    return [event for event in found if isinstance(event, CallSampled)]


@needs_proc
def test_threads_behind_a_loop_are_sampled_as_slots_are() -> None:
    state = called_in_threads(1)
    with sampler() as kernel:
        sampled_calls(kernel, state, 0)
        [sample] = sampled_calls(kernel, state, 1)
        assert (sample.req, sample.thread_id, sample.letter) == (-1, threading.get_native_id(), "R")
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass
        [again] = sampled_calls(kernel, state, 2)
        assert again.cpu_ns - sample.cpu_ns >= 40_000_000
        over = reduce(state, [CallEnded(2 * SECOND_NS, "asgi", os.getpid(), 1, -1, 1)])
        assert sampled_calls(kernel, over, 3) == []


@needs_proc
def test_counters_have_the_time_at_which_they_were_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine this process may stop anywhere: a read that took too long is made again."""
    counters, clock = (
        ThreadCounters(os.getpid(), threading.get_native_id()),
        iter((0, 9_000_000, 9_100_000, 9_200_000)),
    )
    monkeypatch.setattr(time, "monotonic_ns", lambda: next(clock))
    assert counters.read().t_ns == 9_200_000
    counters.close()


@needs_proc
def test_a_sample_of_a_late_poll_is_no_older_than_its_figures() -> None:
    with sampler() as kernel:
        before_ns = time.monotonic_ns()
        found = [event for event in kernel.everything(worker_here(), SECOND_NS) if isinstance(event, ThreadSampled)]
        assert all(before_ns <= event.t_ns <= time.monotonic_ns() for event in found)


@needs_proc
def test_of_many_threads_behind_a_loop_some_are_sampled_at_a_time() -> None:
    state, before = called_in_threads(2 * CALLS_A_SAMPLE), descriptors()
    with sampler() as kernel:
        sampled_calls(kernel, state, 0)
        rounds = [{event.req for event in sampled_calls(kernel, state, times)} for times in (1, 2)]
        assert [len(found) for found in rounds] == [CALLS_A_SAMPLE] * 2
        assert len(set.union(*rounds)) == 2 * CALLS_A_SAMPLE, "each has its turn"
        kernel.everything(State(), 20 * SECOND_NS)
        assert descriptors() == before


@needs_proc
def test_descriptors_of_workers_that_are_gone_are_closed() -> None:
    before = descriptors()
    with sampler() as kernel:
        kernel.everything(worker_here(), SECOND_NS)
        files = ("schedstat", "stat", "status", *(("syscall",) if static_data(os.getpid()) else ()))
        assert descriptors() == before + sum(Path("/proc/self", name).exists() for name in files)
        kernel.everything(State(), 2 * SECOND_NS)
        assert descriptors() == before


def test_an_accept_queue_is_sampled_when_it_changes_and_while_it_holds_something() -> None:
    kernel = Kernel()
    with socket.create_server(("127.0.0.1", 0), backlog=7) as listener:
        first = kernel.queues({"wsgi": listener}, 1)
        if not first:
            pytest.skip("this platform does not say")
        assert first == [QueueSampled(1, "wsgi", 0, 0, 7)]
        assert kernel.queues({"wsgi": listener}, 2) == []
        with socket.create_connection(listener.getsockname()):
            for now in (3, 4):
                assert kernel.queues({"wsgi": listener}, now) == [QueueSampled(now, "wsgi", 0, 1, 7)]
    kernel.close()


def test_a_worker_that_never_was_is_not_sampled() -> None:
    state = reduce(worker_here(), [WorkerBooting(4, "wsgi", 2**22 + 1, 2, 2**22 + 1, 1, "sync")])
    with sampler() as kernel:
        assert {event.pid for event in kernel.everything(state, SECOND_NS)} <= {0, os.getpid()}


# --- logs --------------------------------------------------------------------------------------------------------


def test_new_lines_of_each_log_are_events(tmp_path: Path) -> None:
    logs, path = ServerLogs(), tmp_path / "wsgi.log"
    logs.follow("wsgi", path)
    assert logs.due(SECOND_NS) == []
    path.write_text("one\ntwo\nhal")
    assert logs.due(SECOND_NS + 1) == []  # not yet
    [written] = logs.due(SECOND_NS + EVERY_NS)
    assert (written.side, written.lines) == ("wsgi", ("one", "two"))
    with path.open("a") as log:
        log.write("f\n")
    logs.follow("wsgi", path)  # the same again: another server, the same log
    [written] = logs.due(SECOND_NS + EVERY_NS + 1, at_once=True)
    assert written.lines == ("half",)


def test_what_one_event_holds_of_a_log_is_bounded() -> None:
    assert bounded(["a", "b"]) == ("a", "b")
    many = bounded([str(at) for at in range(MOST_LINES + 5)])
    assert many[0] == "[wsgiviz: 5 lines left out]"
    assert many[1:] == tuple(str(at) for at in range(5, MOST_LINES + 5))
    long = bounded(["x" * (MOST_CHARACTERS // 2)] * 3)
    assert long[0] == "[wsgiviz: 1 lines left out]"
    assert len(long) == 3


# --- source --------------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.py").write_text("app = 1\n")
    (tmp_path / "stock.py").write_text("left = 2\n")
    (tmp_path / "notes.txt").write_text("none of your business\n")
    return tmp_path


def seen(file: str) -> Event:
    return LineSeen(1, "wsgi", 1, 0, 1, 1, f"{file}|f|call")


def test_the_text_of_an_app_is_read_when_its_server_starts(shop: Path) -> None:
    sources = Sources()
    [read] = sources.of_apps(worker_here(), 5)
    assert (read.path, read.text) == ("shop.py", "app = 1\n")
    (shop / "shop.py").write_text("app = 3\n")
    [again] = sources.of_apps(worker_here(), 6)
    assert again.text == "app = 3\n"


def test_other_files_are_read_once_when_a_line_of_them_is_seen(shop: Path) -> None:
    sources = Sources()
    state = reduce(worker_here(), sources.of_apps(worker_here(), 5))
    found = sources.of_lines(state, [seen("shop.py"), seen("stock.py"), seen("stock.py")], 6)
    assert [(read.path, read.text) for read in found] == [("stock.py", "left = 2\n")]
    assert sources.of_lines(state, [seen("stock.py")], 7) == []


@pytest.mark.parametrize("file", ["notes.txt", "../shop.py", "nosuch.py", "", "a" * 5000, "x\0.py", "/etc/passwd"])
def test_nothing_but_python_source_is_opened(shop: Path, file: str) -> None:
    assert Sources().of_lines(State(), [seen(file)], 6) == []


def test_a_hostile_app_gets_no_more_than_so_many_files_looked_up(shop: Path) -> None:
    sources = Sources()
    for at in range(MOST_FILES):
        sources.of_lines(State(), [seen(f"no{at}.py")], 6)
    assert sources.of_lines(State(), [seen("stock.py")], 7) == []
