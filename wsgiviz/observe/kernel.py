"""What only the kernel knows: each worker thread's CPU time and state, each process's memory, the accept queue.

Sources: /proc/PID/task/TID/{schedstat,stat} (proc(5), the kernel's Documentation/scheduler/sched-stats), psutil
for whole processes, and TCP_INFO of the listening socket, in whose tcpi_unacked and tcpi_sacked Linux puts the
accept queue's depth and limit (tcp_get_info in net/ipv4/tcp.c). What a platform lacks is not sampled, and so
stays unknown; it is never reported as zero.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
from collections.abc import Iterable, Mapping

import psutil

from wsgiviz.events import Event, Kind

TCP_INFO_FORMAT = struct.Struct("=8B7I")
TCPI_UNACKED, TCPI_SACKED = 12, 13


def accept_queue(listener: socket.socket) -> tuple[int, int] | None:
    """Depth and limit of a listening socket's accept queue; None where the platform does not tell."""
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


class ThreadCounters:
    """One process's main thread. Its two files stay open: a read at offset 0 gives fresh figures.

    Raises OSError when the process is gone or the platform has no /proc.
    """

    def __init__(self, pid: int) -> None:
        task = f"/proc/{pid}/task/{pid}"
        self._schedstat = os.open(f"{task}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._stat = os.open(f"{task}/stat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            os.close(self._schedstat)
            raise

    def read(self) -> tuple[int, int, str]:
        """CPU time (ns), time on the run queue (ns), state letter. Raises OSError when the thread is gone."""
        cpu_ns, runq_ns, _ = os.pread(self._schedstat, 128, 0).split()
        stat = os.pread(self._stat, 256, 0)
        after_name = stat.rindex(b")") + 2  # the name may hold anything, parentheses too
        return int(cpu_ns), int(runq_ns), chr(stat[after_name])

    def close(self) -> None:
        os.close(self._schedstat)
        os.close(self._stat)


class Kernel:
    """Samples threads, processes and queues as events. Times are given in, so that one poll has one time."""

    def __init__(self) -> None:
        self._threads: dict[int, ThreadCounters | None] = {}
        self._processes: dict[int, psutil.Process] = {}
        self._queues: dict[str, tuple[int, int]] = {}

    def queues(self, listeners: Mapping[str, socket.socket], now_ns: int) -> list[Event]:
        """The accept queues by side: those that hold something, and those that changed."""
        events = []
        for side, listener in listeners.items():
            found = accept_queue(listener)
            if found is not None and (found[0] or found != self._queues.get(side)):
                self._queues[side] = found
                events.append(Event(now_ns, Kind.QUEUE_SAMPLE, side, 0, a=found[0], b=found[1]))
        return events

    def threads(self, side: str, pids: Iterable[int], now_ns: int) -> list[Event]:
        """CPU counters and state of each process's main thread, as far as they can be had."""
        events = []
        for pid in pids:
            counters = self._counters(pid)
            if counters is None:
                continue
            try:
                cpu_ns, runq_ns, letter = counters.read()
            except (OSError, ValueError):
                self._drop(pid)
                continue
            events.append(Event(now_ns, Kind.THREAD_SAMPLE, side, pid, 0, 0, cpu_ns, runq_ns, letter))
        return events

    def _counters(self, pid: int) -> ThreadCounters | None:
        if pid not in self._threads:
            try:
                self._threads[pid] = ThreadCounters(pid)
            except OSError:
                self._threads[pid] = None
        return self._threads[pid]

    def _drop(self, pid: int) -> None:
        counters = self._threads.get(pid)
        if counters is not None:
            counters.close()
        self._threads[pid] = None

    def processes(self, side: str, pids: Iterable[int], now_ns: int) -> list[Event]:
        """Memory and CPU use of whole processes."""
        events = []
        for pid in pids:
            with contextlib.suppress(psutil.Error):
                process = self._processes.get(pid)
                if process is None:
                    process = self._processes[pid] = psutil.Process(pid)
                with process.oneshot():
                    share = round(process.cpu_percent() * 10)
                    rss = process.memory_info().rss
                events.append(Event(now_ns, Kind.PROCESS_SAMPLE, side, pid, a=rss, b=share))
        return events

    def forget(self, side: str, pids: Iterable[int]) -> None:
        """These processes of ``side`` are gone; their pids may come again."""
        self._queues.pop(side, None)
        for pid in pids:
            self._drop(pid)
            self._threads.pop(pid, None)
            self._processes.pop(pid, None)

    def close(self) -> None:
        for pid in list(self._threads):
            self._drop(pid)
