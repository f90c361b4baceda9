"""What the driver takes of the CPU, by itself: it shares the machine with the servers that it measures."""

from __future__ import annotations

import os
import time
from pathlib import Path

SCHEDSTAT = Path("/proc/thread-self/schedstat")


class OwnCpu:
    """The calling thread's CPU time, and where the kernel says so (Linux: schedstat of proc(5)) its time on the run
    queue. The file stays open: a read at offset 0 gives fresh figures. Use it in the thread that made it."""

    def __init__(self) -> None:
        try:
            self._schedstat = os.open(SCHEDSTAT, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._schedstat = -1

    def read(self) -> tuple[int, int]:
        """Both in ns; -1 for a time on the run queue that is not known."""
        return time.thread_time_ns(), self._runq_ns()

    def _runq_ns(self) -> int:
        try:
            return int(os.pread(self._schedstat, 128, 0).split()[1])
        except (OSError, ValueError, IndexError):
            return -1
