"""Which processes the kernel has killed for lack of memory, as far as it lets us know.

It counts them for the whole machine (oom_kill of /proc/vmstat), and names each in its log (/dev/kmsg), by its pid in
the first pid namespace. Who may read that log, and lives in that namespace, knows; for others it may be so.
"""

from __future__ import annotations

import contextlib
import os
import re

VMSTAT = "/proc/vmstat"
LOG = "/dev/kmsg"
NAMESPACE = "/proc/self/ns/pid"
FIRST_NAMESPACE = 0xEFFFFFFC
"""The inode of the first pid namespace (PROC_PID_INIT_INO of the kernel's proc_ns.h)."""

KILLED = re.compile(rb"Killed process (\d+)")
RECORD_BYTES = 8192
MOST_RECORDS = 10_000


def counted() -> int:
    """Processes of this machine that the kernel has killed for lack of memory; 0 where it does not say."""
    try:
        with open(VMSTAT, "rb") as file:
            found = [line.split()[1] for line in file if line.startswith(b"oom_kill ")]
    except OSError:
        return 0
    return int(found[0]) if found else 0


class MemoryKills:
    """Of the time since it was made."""

    def __init__(self) -> None:
        self._count = counted()
        self._nobody_s = 0  # kills that no process has been found for
        self._named: set[int] = set()
        self._log = _open_log()

    def forked(self, pid: int) -> None:
        """A process has come, with a pid that another one may have had."""
        self._named.discard(pid)

    def of(self, pid: int) -> bytes:
        """Whether ``pid``, which SIGKILL has ended, is one of them: b"pid" when the kernel names it, b"oom" when it
        has killed some process and does not say to us which; b"" when it has not."""
        before, self._count = self._count, counted()
        self._nobody_s += self._count - before
        if self._log is not None:
            self._read(self._log)
            return b"pid" if pid in self._named else b""
        if self._nobody_s <= 0:
            return b""
        self._nobody_s -= 1
        return b"oom"

    def _read(self, log: int) -> None:
        """All that is new in the log; each read(2) gives one record."""
        for _ in range(MOST_RECORDS):
            try:
                found = KILLED.search(os.read(log, RECORD_BYTES))
            except BrokenPipeError:  # some were overwritten before they were read
                continue
            except OSError:  # EAGAIN: that was all
                return
            if found is not None:
                self._named.add(int(found[1]))


def _open_log() -> int | None:
    """A descriptor at the log's end; None where it may not be read, or its pids are not those of this process."""
    try:
        if os.stat(NAMESPACE).st_ino != FIRST_NAMESPACE:
            return None
        log = os.open(LOG, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        os.lseek(log, 0, os.SEEK_END)
        return log
    except OSError:
        with contextlib.suppress(OSError):
            os.close(log)
        return None
