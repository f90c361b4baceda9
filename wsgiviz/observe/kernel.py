"""What only the kernel knows: each worker thread's CPU time and state, each process's memory, the accept queue.

Sources: /proc/PID/task/TID/{schedstat,stat,syscall} (proc(5), the kernel's Documentation/scheduler/sched-stats),
psutil for whole processes, /proc/net/netstat, and TCP_INFO of the listening socket, in whose tcpi_unacked and
tcpi_sacked Linux puts the accept queue's depth and limit (tcp_get_info in net/ipv4/tcp.c). What a platform lacks is
not sampled, and so stays unknown; it is never reported as zero.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from wsgiviz.events import (
    CallSampled,
    Event,
    OverflowsSampled,
    ProcessSampled,
    QueueSampled,
    SelfCallsSampled,
    ThreadSampled,
    WorkerGone,
)
from wsgiviz.observe.interpreter_lock import RUNS, Areas, static_data, waits_for_lock
from wsgiviz.observe.self_calls import self_calls
from wsgiviz.state import SLEEPS, WAITS_FOR_GIL, Activity, Counters, Request, Side, Worker

TCP_INFO_FORMAT = struct.Struct("=8B7I")
TCPI_UNACKED, TCPI_SACKED = 12, 13


def accept_queue(listener: socket.socket) -> tuple[int, int] | None:
    """Depth and limit of a listening socket's accept queue; None where the platform does not say."""
    if sys.platform != "linux":
        return None
    try:
        raw = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_FORMAT.size)
    except OSError:
        return None
    if len(raw) < TCP_INFO_FORMAT.size:
        return None
    fields = TCP_INFO_FORMAT.unpack(raw)
    return fields[TCPI_UNACKED], fields[TCPI_SACKED]


def listen_overflows() -> int | None:
    """Connections that full accept queues of this machine have turned away since it booted: ListenOverflows."""
    try:
        lines = Path("/proc/net/netstat").read_text().splitlines()
    except OSError:
        return None
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        found = dict(zip(names.split(), values.split(), strict=False))
        if "ListenOverflows" in found:
            return int(found["ListenOverflows"])
    return None


ENDED = "ZX"
"""State letters of a process that has ended (proc(5))."""

EXIT_CODE = 49
"""In /proc/PID/stat, so many fields after the name: the exit status as waitpid(2) gives it."""


def gone_status(pid: int) -> int | None:
    """The exit status of a process that has ended and that its parent has not reaped yet, as waitpid(2) will give
    it; -1 where the kernel does not say. None when it lives, or is gone without a trace: its parent knows then."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        fields = stat[stat.rindex(b")") + 2 :].split()
        if fields[0].decode() not in ENDED:
            return None
        return int(fields[EXIT_CODE])
    except (OSError, ValueError):
        return None
    except IndexError:
        return -1


TAKING_TURNS = frozenset({"R", WAITS_FOR_GIL})
"""Letters of threads that may take turns with the GIL."""

UNKNOWN_SWITCHES = -1, -1

TRIES = 3
AT_ONCE_NS = 500_000
"""A read that takes longer than this was interrupted."""


class ThreadCounters:
    """One thread, of a process with ``areas`` (`static_data`). Its files stay open: a read at 0 gives fresh figures.

    Raises OSError when the thread is gone or the platform has no /proc.
    """

    def __init__(self, pid: int, thread_id: int, areas: Areas = ()) -> None:
        task = f"/proc/{pid}/task/{thread_id}"
        self._areas = areas
        self._syscall = self._status = -1
        self._schedstat = os.open(f"{task}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._stat = os.open(f"{task}/stat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            os.close(self._schedstat)
            raise
        with contextlib.suppress(OSError):
            self._status = os.open(f"{task}/status", os.O_RDONLY | os.O_CLOEXEC)
        if areas:
            with contextlib.suppress(OSError):
                self._syscall = os.open(f"{task}/syscall", os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> Counters:
        """As they are now. Raises OSError when the thread is gone.

        On a busy machine this process may stop between one instruction and the next: the time is that of the read.
        """
        for _ in range(TRIES):
            before_ns = time.monotonic_ns()
            cpu_ns, runq_ns, _ = os.pread(self._schedstat, 128, 0).split()
            now_ns = time.monotonic_ns()
            if now_ns - before_ns < AT_ONCE_NS:
                break
        stat = os.pread(self._stat, 256, 0)
        after_name = stat.rindex(b")") + 2  # the name may hold anything, parentheses too
        letter = chr(stat[after_name])
        letter = letter if letter != "S" else self._sleeps()
        switches = self._switches() if letter in TAKING_TURNS else UNKNOWN_SWITCHES
        return Counters(now_ns, int(cpu_ns), int(runq_ns), letter, *switches)

    def _switches(self) -> tuple[int, int]:
        """How often it has gone to sleep, and has lost its CPU otherwise; -1 where not known."""
        if self._status < 0:
            return UNKNOWN_SWITCHES
        _, found, rest = os.pread(self._status, 4096, 0).partition(b"\nvoluntary_ctxt_switches:")
        slept, _, preempted = rest.split()[:3] if found else (b"-1", b"", b"-1")
        return int(slept), int(preempted)

    def _sleeps(self) -> str:
        """The letter of a thread that sleeps, or did just before."""
        if self._syscall < 0:
            return SLEEPS
        try:
            syscall = os.pread(self._syscall, 256, 0)
        except PermissionError:
            os.close(self._syscall)
            self._syscall = -1
            return SLEEPS
        if syscall.startswith(RUNS):
            return "R"
        return WAITS_FOR_GIL if waits_for_lock(syscall, self._areas) else "S"

    def close(self) -> None:
        os.close(self._schedstat)
        os.close(self._stat)
        for optional in (self._syscall, self._status):
            if optional >= 0:
                os.close(optional)


CALL_THREADS = 64
"""So many threads behind loops have their files open."""


class Kernel:
    """Samples threads, processes and queues as events. Times are given in, so that one poll has one time; but the
    counters of a thread have the time at which they were read."""

    def __init__(self) -> None:
        self._threads: dict[tuple[int, int], ThreadCounters | None] = {}
        self._call_threads: dict[tuple[int, int], ThreadCounters] = {}
        self._areas: dict[int, Areas] = {}
        self._processes: dict[int, psutil.Process] = {}
        self._queues: dict[str, tuple[int, int]] = {}
        self._self_calls_from_ns: dict[str, int] = {}

    def queues(self, listeners: Mapping[str, socket.socket], now_ns: int) -> list[Event]:
        """The accept queues by side: those that hold something, and those that changed."""
        events: list[Event] = []
        for side, listener in listeners.items():
            found = accept_queue(listener)
            if found is not None and (found[0] or found != self._queues.get(side)):
                self._queues[side] = found
                events.append(QueueSampled(now_ns, side, 0, *found))
        return events

    def overflows(self, sides: Iterable[str], now_ns: int) -> list[Event]:
        """What full accept queues have turned away. The counter is the whole machine's, for each side alike."""
        total = listen_overflows()
        return [OverflowsSampled(now_ns, side, 0, total) for side in sides] if total is not None else []

    def threads(self, side: str, workers: Iterable[Worker]) -> list[Event]:
        """CPU counters and state of the threads that are these workers' slots, as far as they can be had."""
        events: list[Event] = []
        for worker in workers:
            pid, thread_id = worker.pid, worker.thread_id or worker.pid
            counters = self._counters(pid, thread_id) if worker.thread_id or not worker.slot else None
            if counters is None:
                continue
            try:
                now = counters.read()
                figures = now.cpu_ns, now.runq_ns, now.letter, now.slept, now.preempted
                events.append(ThreadSampled(now.t_ns, side, pid, worker.slot, *figures))
            except (OSError, ValueError, IndexError):
                self._drop(pid, thread_id)
        return events

    def calls(self, side: str, requests: Iterable[Request]) -> list[Event]:
        """Counters and state of the threads that work for these requests behind a loop. Their files stay open as long
        as there are not too many: CALL_THREADS."""
        events: list[Event] = []
        for request in requests:
            pid, thread_id = request.pid, request.calls.thread_id
            counters = self._call_counters(pid, thread_id)
            if counters is None:
                continue
            try:
                now = counters.read()
                figures = now.cpu_ns, now.runq_ns, now.letter, now.slept, now.preempted
                events.append(CallSampled(now.t_ns, side, pid, request.id, thread_id, *figures))
            except (OSError, ValueError, IndexError):
                self._call_threads.pop((pid, thread_id)).close()
        return events

    def _call_counters(self, pid: int, thread_id: int) -> ThreadCounters | None:
        found = self._call_threads.pop((pid, thread_id), None)
        if found is None:
            if len(self._call_threads) >= CALL_THREADS:
                oldest = next(iter(self._call_threads))
                self._call_threads.pop(oldest).close()
            try:
                found = ThreadCounters(pid, thread_id, self._static_data(pid))
            except OSError:
                return None
        self._call_threads[pid, thread_id] = found  # the newest, behind the others
        return found

    def _static_data(self, pid: int) -> Areas:
        if pid not in self._areas:
            self._areas[pid] = static_data(pid)
        return self._areas[pid]

    def _counters(self, pid: int, thread_id: int) -> ThreadCounters | None:
        if (pid, thread_id) not in self._threads:
            try:
                self._threads[pid, thread_id] = ThreadCounters(pid, thread_id, self._static_data(pid))
            except OSError:
                self._threads[pid, thread_id] = None
        return self._threads[pid, thread_id]

    def _drop(self, pid: int, thread_id: int) -> None:
        counters = self._threads.get((pid, thread_id))
        if counters is not None:
            counters.close()
        self._threads[pid, thread_id] = None

    def gone(self, side: str, pids: Iterable[int], now_ns: int) -> list[Event]:
        """Those of these processes that have ended, and whose master has not reaped them yet."""
        found = ((pid, gone_status(pid)) for pid in pids)
        return [WorkerGone(now_ns, side, pid, status) for pid, status in found if status is not None]

    def processes(self, side: str, pids: Iterable[int], now_ns: int) -> list[Event]:
        """Memory and CPU use of whole processes."""
        events: list[Event] = []
        for pid in pids:
            with contextlib.suppress(psutil.Error):
                process = self._processes.get(pid)
                if process is None:
                    process = self._processes[pid] = psutil.Process(pid)
                with process.oneshot():
                    permille = round(process.cpu_percent() * 10)
                    rss = process.memory_info().rss
                events.append(ProcessSampled(now_ns, side, pid, rss, permille))
        return events

    def self_calls(self, side: Side, now_ns: int) -> list[Event]:
        """Workers that are clients of their own server, and those that are so no more."""
        if now_ns < self._self_calls_from_ns.get(side.name, 0):
            return []
        before = side.server.self_calls
        port = port_of(side.server.address)
        began_ns = time.monotonic_ns()
        found = self_calls(port, side.server.processes()) if port and _somebody_waits(side, now_ns) else {}
        self._self_calls_from_ns[side.name] = now_ns + SELDOM * ONE_IN * (time.monotonic_ns() - began_ns)
        changed = {pid: found.get(pid, 0) for pid in {*before, *found} if found.get(pid, 0) != before.get(pid, 0)}
        return [SelfCallsSampled(now_ns, side.name, pid, count) for pid, count in sorted(changed.items())]

    def keep_only(self, pids: set[int]) -> None:
        """All other processes are gone. Their descriptors are let go, and their pids may come again."""
        for pid, thread_id in [key for key in self._threads if key[0] not in pids]:
            self._drop(pid, thread_id)
            del self._threads[pid, thread_id]
        for key in [key for key in self._call_threads if key[0] not in pids]:
            self._call_threads.pop(key).close()
        for pid in [pid for pid in self._processes if pid not in pids]:
            del self._processes[pid]
        for pid in [pid for pid in self._areas if pid not in pids]:
            del self._areas[pid]

    def forget_queues(self) -> None:
        """The listening sockets are others from now on."""
        self._queues.clear()

    def close(self) -> None:
        self.keep_only(set())


ONE_IN = 100
"""A question that takes long is asked so seldom that it takes no more than this part of the time."""

SELDOM = 3
"""An app that calls itself does so again and again, or waits for ever: asking so many times less often finds it."""

WAITS_FROM_NS = 300_000_000


def _somebody_waits(side: Side, now_ns: int) -> bool:
    """A request has waited for something inside the app for a while: it may be for its own server."""
    workers = side.server.living()
    if side.is_loop:
        return side.run.in_app > 0
    return any(worker.activity is Activity.BLOCKED and now_ns - worker.since_ns > WAITS_FROM_NS for worker in workers)


def port_of(address: str) -> int:
    """The port of "http://127.0.0.1:8000"; 0 when it has none."""
    port = address.rpartition(":")[2].rstrip("/")
    return int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0
