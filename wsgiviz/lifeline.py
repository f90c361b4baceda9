"""Bind a child process to its parent's life, however the parent ends: SIGKILL leaves no time for clean-up."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1
POLL_S = 0.5


def die_with_parent() -> None:
    """Have this process killed when its parent dies.

    Linux: the kernel does it (PR_SET_PDEATHSIG of prctl(2); it does not outlast a fork, so each child calls this
    itself, and it is bound to the *thread* that forked, which must live as long). Elsewhere a thread watches the
    parent's pid.
    """
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died while we asked
            os.kill(os.getpid(), signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), name="wsgiviz-lifeline", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_S)
    os.kill(os.getpid(), signal.SIGKILL)
