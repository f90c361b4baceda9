"""The run directory: private, swept when its owner has died; rings in memory where possible, logs on disk."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path

from wsgiviz.recorder.layout import CAPACITY, ring_bytes

PREFIX = "wsgiviz-"
OWNER_LOCK = "owner.lock"


def locations() -> list[Path]:
    """Where run directories may be, best first: the user's runtime directory, shared memory, the temp dir."""
    candidates = [os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm", tempfile.gettempdir()]
    return [Path(path) for path in dict.fromkeys(candidates) if path and os.access(path, os.W_OK | os.X_OK)]


def room_for(directory: Path, rings: int, capacity: int = CAPACITY) -> None:
    """Check that ``directory`` has room for so many rings more. Raises OSError (ENOSPC) when it has not.

    An answer for now (statvfs(2)): `wsgiviz.recorder.emitter.create_emitter` reserves the space, and may still fail.
    """
    status = os.statvfs(directory)
    free = status.f_bavail * status.f_frsize
    needed = rings * ring_bytes(capacity)
    if status.f_blocks and free < needed:  # a tmpfs without a limit has no blocks
        words = f"{os.strerror(errno.ENOSPC)}: {needed >> 20} MiB needed, {free >> 20} MiB free"
        raise OSError(errno.ENOSPC, words, str(directory))


class OwnedDirectory:
    """A directory of mode 0700. Its owner holds a lock on a file in it for as long as it lives.

    The kernel drops the lock however the owner ends, so that a later start knows a dead owner's directory from a
    live one's (a pid could be reused). Raises OSError.
    """

    def __init__(self, parent: Path, prefix: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=parent))
        unnamed = self.path / "owner.new"
        self._lock = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.rename(unnamed, self.path / OWNER_LOCK)  # never to be seen without its lock

    def remove(self) -> None:
        """Remove it with all that is in it. May be called again."""
        shutil.rmtree(self.path, ignore_errors=True)
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)


class RunDirectory:
    """The directories of one session: ``path`` for rings and sockets, ``logs`` for what may grow.

    Logs share no space with the rings: a server that fills its log would take what its workers' rings need. ``path``
    is at the best location that has room for ``rings`` rings. Raises OSError when there is none: ENOSPC where
    locations lack only room.
    """

    def __init__(self, rings: int = 0) -> None:
        self._rings = OwnedDirectory(_roomy_location(rings), PREFIX)
        try:
            self._logs = OwnedDirectory(Path(tempfile.gettempdir()), f"{PREFIX}logs-")
        except OSError:
            self._rings.remove()
            raise
        self.path = self._rings.path
        self.logs = self._logs.path

    def remove(self) -> None:
        """Remove both. May be called again."""
        self._rings.remove()
        self._logs.remove()


def _roomy_location(rings: int) -> Path:
    problem = OSError(errno.ENOENT, "no directory is writable", tempfile.gettempdir())
    for location in locations():
        try:
            room_for(location, rings)
        except OSError as error:
            problem = error
        else:
            return location
    raise problem


def sweep() -> list[Path]:
    """Remove the directories of this user whose owners are dead, of both kinds; give those removed."""
    removed = []
    for location in locations():
        for path in location.glob(f"{PREFIX}*"):
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
