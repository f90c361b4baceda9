"""A process that a signal may be sent to: held so that the signal can reach no other one.

A pid says little: its process may have ended, and another may have come by the same number. So the process is
opened (pidfd_open(2)) before it is looked at, and the signal goes to what was opened. In any case its start time is
compared again just before.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Collection
from pathlib import Path
from typing import Self

from wsgiviz.errors import WsgivizError
from wsgiviz.recorder.keeping import is_alive

MOST_COMMAND_BYTES = 4096
PROC = Path("/proc")


class Addressee:
    """The process ``pid`` that lived at ``since_ns`` (CLOCK_MONOTONIC), and is this user's.

    Raises WsgivizError where it is gone, or another process has its number, or is another user's.
    """

    def __init__(self, pid: int, since_ns: int) -> None:
        self.pid = pid
        self._since_ns = since_ns
        self._fd = -1
        with contextlib.suppress(OSError, AttributeError):
            self._fd = os.pidfd_open(pid)
        try:
            self._check()
            self.command = command_of(pid)
            self._started = started_ticks(pid)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self) -> None:
        if not is_alive(self.pid, self._since_ns):
            raise WsgivizError(f"process {self.pid} has ended: nothing was sent")
        owner = owner_of(self.pid)
        if owner is not None and owner != os.getuid():
            raise WsgivizError(f"process {self.pid} is another user's: nothing was sent")

    def handles(self, number: signal.Signals) -> bool:
        """It has a handler for the signal, which would end it or stop it otherwise. False where that is not known."""
        return number in caught(self.pid)

    def send(self, number: signal.Signals) -> None:
        """Raises WsgivizError where it is gone, or another process has its number by now."""
        self._check()
        if started_ticks(self.pid) != self._started:
            raise WsgivizError(f"process {self.pid} has ended, and another has its number: nothing was sent")
        try:
            if self._fd >= 0:
                signal.pidfd_send_signal(self._fd, number)
            else:
                os.kill(self.pid, number)
        except ProcessLookupError as error:
            raise WsgivizError(f"process {self.pid} has ended: nothing was sent") from error
        except OSError as error:
            raise WsgivizError(f"process {self.pid}: {error.strerror}: nothing was sent") from error

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


def owner_of(pid: int) -> int | None:
    """The user whose process it is; None where the platform does not say, or it is gone."""
    try:
        return os.stat(PROC / str(pid)).st_uid
    except OSError:
        return None


def started_ticks(pid: int) -> int | None:
    """When the process was started, in ticks since the machine was (starttime of /proc/PID/stat); None as above."""
    try:
        return int((PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def command_of(pid: int) -> tuple[str, ...]:
    """Its command line as the kernel has it; it may hold anything."""
    with contextlib.suppress(OSError), (PROC / str(pid) / "cmdline").open("rb") as file:
        words = file.read(MOST_COMMAND_BYTES).rstrip(b"\0").split(b"\0")
        return tuple(word.decode("utf-8", "replace") for word in words)
    return ()


def caught(pid: int) -> Collection[int]:
    """The signals that the process has handlers for: SigCgt of /proc/PID/status (proc(5))."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in (PROC / str(pid) / "status").read_text("utf-8", "replace").splitlines():
            if line.startswith("SigCgt:"):
                mask = int(line.split()[1], 16)
                return frozenset(number for number in range(1, 65) if mask >> (number - 1) & 1)
    return frozenset()
