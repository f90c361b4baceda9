"""Where the lesson on this machine is, for `wsgiviz notes` on a second terminal: a small file in a private folder.

The lesson that was there first holds a lock and writes the file; notes reads it. What stands in it is trusted as
little as any file: it is short, has the fields of `Position` and no others, and is made printable where it is shown.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import warnings
from pathlib import Path

import msgspec
from platformdirs import user_cache_path, user_runtime_path

from wsgiviz.errors import WsgivizError
from wsgiviz.tui.lesson.progress import replace_file

FILE, LOCK = "lesson.json", "lesson.lock"
MOST_BYTES = 200_000


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step of a lesson. ``step`` counts from 1, of ``steps``.

    ``elapsed_s`` seconds of the timer at ``at_s`` on CLOCK_MONOTONIC; it goes on from there when it is ``running``.
    """

    lesson: str
    file: str
    step: int
    steps: int
    title: str
    notes: str
    upcoming: str
    elapsed_s: float
    at_s: float
    running: bool

    def timer_s(self, now_s: float) -> float:
        """What the timer shows at ``now_s``."""
        return self.elapsed_s + (max(0.0, now_s - self.at_s) if self.running else 0.0)


def folder() -> Path:
    """The private folder, made if need be. Raises WsgivizError when there is none that only this user can use."""
    problem = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of what is checked below
        runtime = [user_runtime_path("wsgiviz")] if os.environ.get("XDG_RUNTIME_DIR") else []
    for path in (*runtime, user_cache_path("wsgiviz") / "lesson"):
        try:
            path.mkdir(parents=True, mode=0o700, exist_ok=True)
            status = path.lstat()
        except OSError as error:
            problem = f"{path}: {error.strerror}"
            continue
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not stat.S_IMODE(status.st_mode) & 0o077:
            return path
        problem = f"{path} is not a folder that only you can use"
    raise WsgivizError(problem, "chmod 700 it, or set XDG_RUNTIME_DIR")


class Publisher:
    """Writes positions, as soon as and as long as no other lesson does. ``problem``: why it can't."""

    def __init__(self, place: Path | None = None) -> None:
        self.problem = ""
        self._place = place
        self._lock = -1
        self._newest: Position | None = None

    def publish(self, position: Position) -> None:
        """Write it when it says something new. Never raises: a lesson goes on without its notes."""
        if self._newest is not None and _apart_from_time(position) == _apart_from_time(self._newest):
            return
        try:
            place = self._place = self._place or folder()
            if not self._hold(place):
                return
            replace_file(place / FILE, msgspec.json.encode(position))
            self._newest = position
        except (OSError, WsgivizError) as error:
            self.problem = f"wsgiviz notes can't follow: {error}"

    def _hold(self, place: Path) -> bool:
        """Whether the lock is ours."""
        if self._lock >= 0:
            return True
        lock = os.open(place / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return False
        self._lock = lock
        return True

    def close(self) -> None:
        """No lesson is on any more. May be called again."""
        lock, self._lock, self._newest = self._lock, -1, None
        if lock >= 0 and self._place is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._place / FILE)
            os.close(lock)


def _apart_from_time(position: Position) -> Position:
    """The same with its timer as it was when that was started, to a tenth of a second; as it stands when paused."""
    began_s = position.elapsed_s - (position.at_s if position.running else 0.0)
    return msgspec.structs.replace(position, elapsed_s=round(began_s, 1), at_s=0.0)


def read_position(place: Path) -> Position | None:
    """Where the lesson is now; None when none is on. Raises WsgivizError when what is there is no position."""
    if not _held(place):
        return None
    try:
        number = os.open(place / FILE, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(number, "rb") as file:
            status = os.fstat(number)
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
                raise WsgivizError(f"{place / FILE} is not a file of yours")
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WsgivizError(f"can't read {place / FILE}: {error.strerror}") from error
    try:
        return msgspec.json.decode(data, type=Position)
    except (ValueError, RecursionError) as error:
        raise WsgivizError(f"{place / FILE} has no position of a lesson", "is that a newer wsgiviz?") from error


def _held(place: Path) -> bool:
    """Whether a lesson holds the lock; who has died holds none."""
    try:
        lock = os.open(place / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(lock)
