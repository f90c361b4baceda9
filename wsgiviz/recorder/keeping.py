"""What is kept of servers that are gone, and of dead workers of those that run: the black box, bounded.

Of a living server, the rings of its newest dead workers are kept, and those of workers that died by themselves, or
were killed, before those that went in order: an app that renews its worker all the time must not push a crash out.
Served directories in which no process lives any more are kept for some days, the newest first. What lives is never
touched. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from wsgiviz.recorder.layout import HEADER_BYTES, SUFFIX, RingHeader, unpack_header
from wsgiviz.recorder.served import SITE, WATCHED, homes, is_private, read_about

MOST_DEAD_RINGS = 16
MOST_DIRECTORIES = 8
MOST_BYTES = 64 << 20
LONGEST_S = 7 * 24 * 3600
NEW_S = 60
"""A server may just be starting in a directory that is no older."""

NAME = re.compile(r"[1-9][0-9]*-[0-9a-f]+")
SECOND_NS = 1_000_000_000


# --- workers


class DeadRing(NamedTuple):
    """The ring of a dead worker; those that went ``in_order`` are the first to go."""

    name: str
    in_order: bool


def went_in_order(status: int, sent: int, by_timeout: bool) -> bool:
    """Whether a worker with this ``status`` of waitpid(2) did what it was to do; ``sent`` is the last signal that its
    master sent to it. Where nobody knows (-1) it did not."""
    if status < 0 or by_timeout:
        return False
    asked = sent in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
    return status == 0 or (asked and os.WIFSIGNALED(status) and os.WTERMSIG(status) == sent)


def rings_to_remove(dead: Sequence[DeadRing], most: int = MOST_DEAD_RINGS) -> list[DeadRing]:
    """Of ``dead``, the longest dead first, those that are too many."""
    first_to_go = sorted(dead, key=lambda ring: not ring.in_order)  # stable: each kind stays in its order
    return first_to_go[: max(0, len(dead) - most)]


class DeadWorkers:
    """The dead workers of a master in ``directory``. It removes the rings that are too many. Raises nothing."""

    def __init__(self, directory: Path, most: int = MOST_DEAD_RINGS) -> None:
        self._directory = directory
        self._most = most
        self._kept: list[DeadRing] = []

    def died(self, pid: int, in_order: bool) -> None:
        """One more, which its master has just reaped."""
        known = {ring.name for ring in self._kept}
        with contextlib.suppress(OSError):
            names = [name for name in os.listdir(self._directory) if f"-worker-{pid}-" in name]
            rings = [name for name in names if name.endswith(SUFFIX) and name not in known]
            self._kept += [DeadRing(name, in_order) for name in rings]
        for ring in rings_to_remove(self._kept, self._most):
            self._kept.remove(ring)
            with contextlib.suppress(OSError):
                os.unlink(self._directory / ring.name)


# --- servers


class Left(NamedTuple):
    """A served directory that no process lives in: its size, and when something was last written there (time(2))."""

    path: Path
    size: int
    written_s: float


def directories_to_remove(
    left: Iterable[Left], now_s: float, most: int = MOST_DIRECTORIES, most_bytes: int = MOST_BYTES
) -> list[Left]:
    """Those that are too old, too many or too big together. The newest is kept whatever its size: it is what a person
    asks for after a crash."""
    removed, kept, size = [], 0, 0
    for one in sorted(left, key=lambda one: one.written_s, reverse=True):
        size += one.size
        if now_s - one.written_s > LONGEST_S or kept >= most or (kept and size > most_bytes):
            removed.append(one)
            size -= one.size
        else:
            kept += 1
    return removed


def prune() -> list[Path]:
    """Remove what is too much of what dead servers of this user have left; give what was removed. Raises nothing."""
    removed = directories_to_remove(_left(), time.time())
    for one in removed:
        shutil.rmtree(one.path, ignore_errors=True)
    return [one.path for one in removed]


def _left() -> Iterator[Left]:
    for home in homes():
        if not is_private(home):
            continue
        paths: list[Path] = []
        with contextlib.suppress(OSError):
            paths = [path for path in home.iterdir() if NAME.fullmatch(path.name) and is_private(path)]
        for path in paths:
            with contextlib.suppress(OSError):
                if not lives(path):
                    _remove_site(path)
                    yield _measured(path)


def _remove_site(path: Path) -> None:
    """The copy of the probe, which no process needs. The directory's time stays: it says how old it is."""
    if (path / SITE).exists():
        status = path.lstat()
        shutil.rmtree(path / SITE, ignore_errors=True)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _measured(path: Path) -> Left:
    found = [path.lstat(), *(Path(entry).lstat() for entry in os.scandir(path))]
    return Left(path, sum(status.st_size for status in found), max(status.st_mtime for status in found))


def lives(directory: Path) -> bool:
    """Whether a process lives that records there, or may be about to. Raises OSError when it can't be read."""
    if time.time() - directory.lstat().st_mtime < NEW_S:
        return True
    about = read_about(directory)
    if about is not None and about.is_elsewhere:  # nobody here knows: it is taken to live until it is old
        return time.time() - _changed_s(directory) < LONGEST_S
    if about is not None and is_alive(about.pid, about.started_ns):
        return True
    return bool(writers(directory))


def _changed_s(directory: Path) -> float:
    """When a process was last started or ended there, or somebody last looked (time(2))."""
    with contextlib.suppress(OSError):
        return max(directory.lstat().st_mtime, (directory / WATCHED).lstat().st_mtime)
    return directory.lstat().st_mtime


def writers(directory: Path) -> set[int]:
    """The processes that live and record there. Raises OSError when it can't be read."""
    return {header.pid for header in living_rings(directory)}


def living_rings(directory: Path) -> list[RingHeader]:
    """The rings there whose writers live. Raises OSError when it can't be read."""
    names = [name for name in os.listdir(directory) if name.endswith(SUFFIX)]
    return [header for header in (_living_ring(directory / name) for name in names) if header is not None]


def _living_ring(ring: Path) -> RingHeader | None:
    """None where its writer is gone."""
    try:
        fd = os.open(ring, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            header = unpack_header(os.pread(fd, HEADER_BYTES, 0))
        finally:
            os.close(fd)
    except OSError:
        return None
    alive = header is not None and is_alive(header.pid, header.started_ns) and not is_zombie(header.pid)
    return header if alive else None


def is_alive(pid: int, since_ns: int) -> bool:
    """Whether the process ``pid`` that lived at ``since_ns`` (CLOCK_MONOTONIC) lives, and is no younger one of the
    same number."""
    age_ns = time.monotonic_ns() - since_ns
    if age_ns < 0:  # of before the machine was started
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return False  # another user's, so no server of ours
    return _age_ns(pid, age_ns) >= age_ns - SECOND_NS


def is_zombie(pid: int) -> bool:
    """It has ended, and nobody has reaped it: in a container whose first process does not, for ever."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    except (OSError, IndexError):
        return False


def _age_ns(pid: int, otherwise: int) -> int:
    """How long it has lived, by its start time in /proc/PID/stat (proc(5)); ``otherwise`` where there is no such."""
    try:
        values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        started_ns = int(values[19]) * SECOND_NS // os.sysconf("SC_CLK_TCK")
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - started_ns
    except (OSError, ValueError, IndexError, AttributeError):
        return otherwise
