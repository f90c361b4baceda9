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
from pathlib import Path

import psutil

from wsgiviz.events import Event, Kind
from wsgiviz.model.state import Worker

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


def listen_overflows() -> int | None:
    """Connections that full accept queues turned away since boot: ListenOverflows of /proc/net/netstat."""
    try:
        lines = Path("/proc/net/netstat").read_text().splitlines()
    except OSError:
        return None
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        found = dict(zip(names.split(), values.split(), strict=False))
        if "ListenOverflows" in found:
            return int(found["ListenOverflows"])
    return None


class ThreadCounters:
    """One thread. Its two files stay open: a read at offset 0 gives fresh figures.

    Raises OSError when the thread is gone or the platform has no /proc.
    """

    def __init__(self, pid: int, tid: int) -> None:
        task = f"/proc/{pid}/task/{tid}"
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
        self._threads: dict[tuple[int, int], ThreadCounters | None] = {}
        self._processes: dict[int, psutil.Process] = {}
        self._queues: dict[str, tuple[int, int]] = {}
        self._overflows_at_first = listen_overflows()

    def queues(self, listeners: Mapping[str, socket.socket], now_ns: int) -> list[Event]:
        """The accept queues by side: those that hold something, and those that changed."""
        events = []
        for side, listener in listeners.items():
            found = accept_queue(listener)
            if found is not None and (found[0] or found != self._queues.get(side)):
                self._queues[side] = found
                events.append(Event(now_ns, Kind.QUEUE_SAMPLE, side, 0, a=found[0], b=found[1]))
        return events

    def overflows(self, sides: Iterable[str], now_ns: int) -> list[Event]:
        """What full accept queues turned away since this object was made. The counter is the whole machine's."""
        found = listen_overflows()
        if found is None or self._overflows_at_first is None:
            return []
        return [Event(now_ns, Kind.OVERFLOWS, side, 0, a=found - self._overflows_at_first) for side in sides]

    def threads(self, side: str, workers: Iterable[Worker], now_ns: int) -> list[Event]:
        """CPU counters and state of the threads that are these workers' slots, as far as they can be had."""
        events = []
        for worker in workers:
            pid, tid = worker.pid, worker.tid or worker.pid
            counters = self._counters(pid, tid) if worker.tid or not worker.slot else None
            if counters is None:
                continue
            try:
                cpu_ns, runq_ns, letter = counters.read()
            except (OSError, ValueError):
                self._drop(pid, tid)
                continue
            events.append(Event(now_ns, Kind.THREAD_SAMPLE, side, pid, worker.slot, 0, cpu_ns, runq_ns, letter))
        return events

    def _counters(self, pid: int, tid: int) -> ThreadCounters | None:
        if (pid, tid) not in self._threads:
            try:
                self._threads[pid, tid] = ThreadCounters(pid, tid)
            except OSError:
                self._threads[pid, tid] = None
        return self._threads[pid, tid]

    def _drop(self, pid: int, tid: int) -> None:
        counters = self._threads.get((pid, tid))
        if counters is not None:
            counters.close()
        self._threads[pid, tid] = None

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
        gone = set(pids)
        for pid, tid in [key for key in self._threads if key[0] in gone]:
            self._drop(pid, tid)
            del self._threads[pid, tid]
        for pid in gone:
            self._processes.pop(pid, None)

    def close(self) -> None:
        for pid, tid in list(self._threads):
            self._drop(pid, tid)
