"""Bind a child process to its parent's life, however the parent ends: SIGKILL leaves no time for clean-up."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time

PARENT_VARIABLE = "WSGIVIZ_PARENT"
PR_SET_PDEATHSIG = 1
POLL_S = 0.5


def parent_environment() -> dict[str, str]:
    """What a parent adds to the environment of a child that calls `die_with_parent`."""
    return {PARENT_VARIABLE: str(os.getpid())}


def die_with_parent(parent: int | None = None) -> None:
    """Have this process killed when its parent dies, or at once when it is dead already.

    ``parent`` is the parent's pid *as the parent knows it*: a child that only asks getppid(2) may ask too late, and
    take the process that inherited it for its parent. Without it WSGIVIZ_PARENT of the environment counts, which the
    parent sets (`parent_environment`) and this call removes, since it is not meant for grandchildren: a worker that
    a master forks gives the master's pid. Where there is neither, it is getppid(2) after all.

    Linux: the kernel does it (PR_SET_PDEATHSIG of prctl(2); it does not outlast a fork, so each child calls this
    itself, and it is bound to the *thread* that forked, which must live as long). Elsewhere a thread watches the
    parent's pid.
    """
    named = os.environ.pop(PARENT_VARIABLE, "")
    if parent is None:
        parent = int(named) if named.isdecimal() else os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            _die()
    else:
        threading.Thread(target=_watch, args=(parent,), name="wsgiviz-lifeline", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_S)
    _die()


def _die() -> None:
    with contextlib.suppress(OSError):
        os.write(2, b"wsgiviz: the process that started this one is gone\n")
    os.kill(os.getpid(), signal.SIGKILL)
