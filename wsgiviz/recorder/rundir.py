"""The run directory: private, in memory where possible, and swept when its owner has died."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path

PREFIX = "wsgiviz-"
OWNER_LOCK = "owner.lock"


def places() -> list[Path]:
    """Where run directories may be, best first: the user's runtime directory, shared memory, the temp dir."""
    candidates = [os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm", tempfile.gettempdir()]
    return [Path(place) for place in candidates if place and os.access(place, os.W_OK | os.X_OK)]


class RunDirectory:
    """A directory of mode 0700 for the rings, logs and sockets of one session.

    Its owner holds a lock on a file in it for as long as it lives: the kernel drops the lock however the owner
    ends, so that a later start can tell a dead owner's directory from a live one's (a pid could be reused).
    Raises OSError when no place is writable.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=places()[0]))
        unnamed = self.path / "owner.new"
        self._lock = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.rename(unnamed, self.path / OWNER_LOCK)  # never to be seen without its lock

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.close(self._lock)


def sweep() -> list[Path]:
    """Remove the run directories of this user whose owners are dead; give those removed."""
    removed = []
    for place in places():
        for path in place.glob(f"{PREFIX}*"):
            if _is_ours(path) and _is_orphaned(path):
                shutil.rmtree(path, ignore_errors=True)
                removed.append(path)
    return removed


def _is_ours(path: Path) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()


def _is_orphaned(path: Path) -> bool:
    try:
        lock = os.open(path / OWNER_LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False  # not a run directory, or one that is being made
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(lock)
