"""Where servers under ``wsgiviz exec`` record: a directory for each command, in one place of the user's.

    HOME/                     0700, the user's own
      PID-STARTED/            0700; PID ran the command, and may long be another process
        about.json            what was run (`About`)
        *.ring                of each master and worker, kept when it is gone: the black box
        watched               its time of change says when somebody last looked
        site/                 what the command's Python finds: the probe, and a sitecustomize

HOME is `wsgiviz` in the user's runtime directory, or `wsgiviz-UID` elsewhere; a person may name it: WSGIVIZ_HOME.
Whatever is not private to this user is not used, and not read. Standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from wsgiviz.recorder.rundir import locations, room_for

HOME_VARIABLE = "WSGIVIZ_HOME"
ABOUT, WATCHED, SITE = "about.json", "watched", "site"
MOST_ABOUT_BYTES = 64 * 1024
FIRST_RINGS = 3
"""There has to be room for as many: a master's, a worker's, and as much as the probe's copy takes."""

WATCHED_NS = 3_000_000_000
"""Somebody looks, if `WATCHED` was changed no longer ago."""


@dataclass(frozen=True, slots=True)
class About:
    """What was run: ``command`` in ``folder``, by ``pid``, at ``started`` (ISO 8601) and ``started_ns`` (monotonic).

    ``redact``: paths of requests are not to be recorded. ``always``: lines are sampled without a viewer, too.
    ``pid_namespace``: that of all its pids, 0 where it is not known.
    """

    pid: int
    started_ns: int
    started: str
    command: tuple[str, ...]
    folder: str
    redact: bool = False
    always: bool = False
    pid_namespace: int = 0

    @property
    def is_elsewhere(self) -> bool:
        """Its pids are those of another pid namespace: a container's, or a host's. Here they mean nothing."""
        return bool(self.pid_namespace) and self.pid_namespace != pid_namespace()


def pid_namespace() -> int:
    """Names this process's pid namespace (namespaces(7)); 0 where there are none."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def homes() -> list[Path]:
    """Where such directories may be, best first, whether or not they are there."""
    named = os.environ.get(HOME_VARIABLE)
    if named:
        return [Path(named)]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return [
        place / ("wsgiviz" if str(place) == runtime else f"wsgiviz-{os.getuid()}")
        for place in locations()
    ]  # fmt: skip


def is_private(path: Path) -> bool:
    """Whether it is a directory (no link to one) that is this user's, and closed to all others."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077


def make_private(path: Path) -> Path:
    """Make the directory, where it is not there. Raises OSError, also where it is there and not private."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    if not is_private(path):
        raise OSError(errno.EPERM, "it is not a directory of this user's alone (mode 0700)", str(path))
    return path


def create(about: About) -> Path:
    """The directory of a command that is about to run. Raises OSError when there is no place for it."""
    problem = OSError(errno.ENOENT, "no directory is writable")
    for home in homes():
        try:
            room_for(make_private(home), FIRST_RINGS)
            path = make_private(home / f"{about.pid}-{about.started_ns:x}")
            hidden = path / f"{ABOUT}.new"
            hidden.write_text(json.dumps({"schema": 1, **asdict(about)}))
            hidden.rename(path / ABOUT)
            (path / WATCHED).touch(mode=0o600)
            os.utime(path / WATCHED, ns=(0, 0))
        except OSError as error:
            problem = error
        else:
            return path
    raise problem


def found() -> Iterator[tuple[Path, About]]:
    """All directories of this user's, and what was run there, the newest last. What is not ours is passed over, and
    what was recorded in another pid namespace (`elsewhere`)."""
    return ((path, about) for path, about in _all() if not about.is_elsewhere)


def elsewhere() -> list[Path]:
    """Those of another pid namespace. Whether anything of them lives can't be known here."""
    return [path for path, about in _all() if about.is_elsewhere]


def _all() -> Iterator[tuple[Path, About]]:
    directories = []
    for home in homes():
        if is_private(home):
            with contextlib.suppress(OSError):
                directories += [path for path in home.iterdir() if is_private(path)]
    read = ((path, read_about(path)) for path in directories)
    yield from sorted(((path, about) for path, about in read if about), key=lambda one: one[1].started_ns)


def read_about(directory: Path) -> About | None:
    """What was run there; None when that can't be read. Any process of the user may have written it."""
    try:
        fd = os.open(directory / ABOUT, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(fd, "rb") as file:
            values = json.loads(file.read(MOST_ABOUT_BYTES))
        values.setdefault("pid_namespace", 0)  # of an earlier version
        about = About(**{field.name: values[field.name] for field in fields(About)})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    numbers = all(type(number) is int and 0 < number < 1 << 62 for number in (about.pid, about.started_ns))
    texts = all(isinstance(text, str) for text in (about.started, about.folder, *_texts(about.command)))
    numbers = numbers and type(about.pid_namespace) is int
    return replace(about, command=tuple(about.command)) if numbers and texts else None


def _texts(command: object) -> tuple[object, ...]:
    return tuple(command) if isinstance(command, list | tuple) else (None,)


def watch(directory: Path, begins: bool = False) -> None:
    """Somebody looks now; to be said every second. Raises OSError when the directory is gone.

    ``begins``: who looks has not looked before. The servers then say again what is going on.
    """
    if begins:
        fd = os.open(directory / WATCHED, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            os.write(fd, b".")
        finally:
            os.close(fd)
    os.utime(directory / WATCHED, follow_symlinks=False)


class Watched:
    """Asked in an observed process: does anybody look? It asks the file system at most once in ``every_ns``.

    ``viewers``: another number than before says that one more has begun to look.
    """

    def __init__(self, directory: Path, every_ns: int = 500_000_000) -> None:
        self._path = directory / WATCHED
        self._every_ns = every_ns
        self._asked_ns = 0
        self._answer = False
        self.viewers = 0

    def __call__(self) -> bool:
        now_ns = time.monotonic_ns()
        if now_ns - self._asked_ns >= self._every_ns or not self._asked_ns:
            self._asked_ns = now_ns
            try:
                status = self._path.stat()
                self._answer = time.time_ns() - status.st_mtime_ns < WATCHED_NS
                self.viewers = status.st_size
            except OSError:
                self._answer = False
        return self._answer
