"""Who waits for the interpreter lock: from what the kernel shows of a process and its threads."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wsgiviz.observe import interpreter_lock
from wsgiviz.observe.interpreter_lock import python_data, static_data, waits_for_lock
from wsgiviz.observe.kernel import ThreadCounters
from wsgiviz.state import SLEEPS, WAITS_FOR_GIL

DEADLINE_S = 20.0

MAPS = """\
00400000-00450000 r-xp 00000000 fe:00 26 /opt/my python/bin/python3.13
00b51000-00bee000 rw-p 00751000 fe:00 26 /opt/my python/bin/python3.13
00bee000-00c35000 rw-p 00000000 00:00 0
01000000-01200000 rw-p 00000000 00:00 0 [heap]
7f0000000000-7f0000400000 rw-p 00000000 00:00 0
7f0000443000-7f0000577000 rw-p 00443000 fe:00 27 /usr/lib/libpython3.13.so.1.0
7f0000577000-7f00005b9000 rw-p 00000000 00:00 0
7f00005b9000-7f00005ba000 rw-p 00000000 00:00 0
7f0000600000-7f0000601000 rw-p 00000000 fe:00 28 /usr/lib/libc.so.6
"""


def test_python_s_data_is_that_of_program_and_library_with_what_is_zero_at_first() -> None:
    assert python_data(MAPS.splitlines(), "/opt/my python/bin/python3.13") == (
        (0xB51000, 0xBEE000),
        (0xBEE000, 0xC35000),
        (0x7F0000443000, 0x7F0000577000),
        (0x7F0000577000, 0x7F00005B9000),
    )
    assert python_data(MAPS.splitlines()[:1], "/usr/bin/python3.13") == ()


def test_only_a_futex_in_python_s_data_is_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter_lock, "FUTEX", b"202")
    areas = ((0x1000, 0x2000), (0x5000, 0x6000))
    assert waits_for_lock(b"202 0x5ff8 0x189 0x0 0x7fffff 0x0 0xff 0x7ff 0x7f0\n", areas)
    assert not waits_for_lock(b"202 0x6000 0x189 0x0 0x7fffff 0x0 0xff 0x7ff 0x7f0\n", areas)
    assert not waits_for_lock(b"230 0x1000 0x0 0x7ff 0x0 0x0 0x0 0x7ff 0x7f0\n", areas)
    assert not waits_for_lock(b"-1 0x7ff 0x7f0\n", areas)
    assert not waits_for_lock(b"running\n", areas)


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert static_data(ended.pid) == ()


# --- a process ---------------------------------------------------------------------------------------------------

THREADS = """
import threading, time
held = threading.Lock()
held.acquire()
def compute():
    while True:
        sum(range(1000))
def sleep():
    time.sleep(3600)
for work in (compute, compute, compute, held.acquire, threading.Event().wait, sleep):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    print(thread.native_id, flush=True)
time.sleep(3600)
"""


@contextmanager
def process(of_threads: str) -> Iterator[tuple[int, list[int]]]:
    """A process with the six threads, and their ids."""
    running = subprocess.Popen([sys.executable, "-c", of_threads], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    try:
        yield running.pid, [int(running.stdout.readline()) for _ in range(6)]
    finally:
        running.kill()
        running.communicate()


def needs_syscalls(pid: int) -> None:
    """Skips where the kernel does not show system calls, or to nobody like us."""
    try:
        Path(f"/proc/{pid}/task/{pid}/syscall").read_bytes()
    except OSError:
        pytest.skip("this system does not show what threads wait for")
    if not static_data(pid):
        pytest.skip("where Python's data is, is not known here")


@pytest.mark.skipif(bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="there is no interpreter lock")
def test_threads_that_compute_run_or_wait_for_the_lock_and_others_never_do() -> None:
    with process(THREADS) as (pid, ids):
        needs_syscalls(pid)
        areas = static_data(pid)
        threads = [ThreadCounters(pid, thread_id, areas) for thread_id in ids]
        settled, seen = [set[str]() for _ in ids], [set[str]() for _ in ids]
        deadline = time.monotonic() + DEADLINE_S
        while not all("S" in letters for letters in settled[3:]) and time.monotonic() < deadline:
            for letters, thread in zip(settled, threads, strict=True):
                letters.add(thread.read().letter)
        while not all({"R", WAITS_FOR_GIL} <= letters for letters in seen[:3]) and time.monotonic() < deadline:
            for letters, thread in zip(seen, threads, strict=True):
                letters.add(thread.read().letter)
        for thread in threads:
            thread.close()
    assert seen[:3] == [{"R", WAITS_FOR_GIL}] * 3, "they compute"
    assert seen[3:] == [{"S"}] * 3, "a lock, an event and a sleep"


def test_without_python_s_data_a_wait_is_for_something_unknown() -> None:
    with process(THREADS) as (pid, ids):
        if not Path(f"/proc/{pid}/task").exists():
            pytest.skip("this system has no /proc")
        sleeper = ThreadCounters(pid, ids[-1])
        deadline = time.monotonic() + DEADLINE_S
        while (letter := sleeper.read().letter) == "R" and time.monotonic() < deadline:
            pass
        sleeper.close()
        assert letter == SLEEPS


def test_a_right_that_is_refused_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file can be opened by everybody, and read by those who may trace the process."""
    with process(THREADS) as (pid, ids):
        needs_syscalls(pid)
        sleeper = ThreadCounters(pid, ids[-1], static_data(pid))
        refused: list[int] = []

        def pread(descriptor: int, size: int, offset: int) -> bytes:
            found = os.readlink(f"/proc/self/fd/{descriptor}")
            if found.endswith("/syscall"):
                refused.append(descriptor)
                raise PermissionError(1, "Operation not permitted")
            return real(descriptor, size, offset)

        real = os.pread
        deadline = time.monotonic() + DEADLINE_S
        while sleeper.read().letter != "S" and time.monotonic() < deadline:
            pass
        monkeypatch.setattr(os, "pread", pread)
        assert [sleeper.read().letter for _ in range(3)] == [SLEEPS] * 3
        assert len(refused) == 1
        monkeypatch.undo()
        sleeper.close()
