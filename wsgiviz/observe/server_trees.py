"""gunicorn and uvicorn servers among this user's processes, recognised from outside: by their commands and titles.

A server is a master with its workers; uvicorn without --workers and --reload is one process, and its own worker.
What stands in another process's command line is its own to say: it is matched, and never run.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import psutil

TITLE = re.compile(r"(gunicorn): (master|worker|[\w-]+) \[", re.ASCII)
"""What gunicorn calls its processes where setproctitle is installed."""

PYTHON = re.compile(r"(python|pypy)[\d.]*(t|d)?\Z", re.ASCII)
TAKE_A_VALUE = frozenset({"-X", "-W", "--check-hash-based-pycs"})
SPAWNED = "--multiprocessing-fork"
"""In the command line of a process that Python's multiprocessing has spawned; the resource tracker's has none."""

SPAWN_CODE = "from multiprocessing.spawn import spawn_main"
MOST_COMMAND = 64
"""Words of a command that are kept."""


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """A process: its command as the kernel has it, and when it was started (seconds since the epoch)."""

    pid: int
    parent: int
    command: tuple[str, ...]
    started_s: float


@dataclass(frozen=True, slots=True)
class ServerTree:
    """A server: "gunicorn", "uvicorn", or "python" where a person named the pid of another program."""

    program: str
    master: ProcessRow
    workers: tuple[ProcessRow, ...]

    @property
    def alone(self) -> bool:
        """One process, which is its own worker."""
        return self.workers == (self.master,)

    @property
    def pids(self) -> frozenset[int]:
        return frozenset({self.master.pid, *(worker.pid for worker in self.workers)})


def program_of(command: Sequence[str]) -> str | None:
    """ "gunicorn" or "uvicorn", where a command runs one of them; None for all others."""
    if not command:
        return None
    title = TITLE.match(" ".join(command[:3]))
    if title:
        return title[1]
    name = os.path.basename(command[0])
    if PYTHON.match(name):
        name = _run_by_python(command[1:])
    return name if name in ("gunicorn", "uvicorn") else None


def _run_by_python(arguments: Sequence[str]) -> str:
    """The script's name, or the first part of the module's."""
    rest = iter(arguments)
    for argument in rest:
        if argument.startswith("-m"):
            return (argument[2:] or next(rest, "")).partition(".")[0]
        if argument.startswith("-c"):
            return ""
        if argument in TAKE_A_VALUE:
            next(rest, None)
        elif not argument.startswith("-"):
            return os.path.basename(argument).removesuffix(".py")
    return ""


def trees(rows: Iterable[ProcessRow], upgraded_from: Callable[[int], int | None]) -> list[ServerTree]:
    """The servers among these processes, the oldest first.

    ``upgraded_from``: of a process, the pid of the gunicorn master that has started it as its successor (USR2).
    """
    by_pid = {row.pid: row for row in rows}
    programs = {pid: program_of(row.command) for pid, row in by_pid.items()}
    children: dict[int, list[ProcessRow]] = {}
    for row in by_pid.values():
        children.setdefault(row.parent, []).append(row)
    masters = [
        (programs[pid], row)
        for pid, row in by_pid.items()
        if programs[pid] and (programs.get(row.parent) != programs[pid] or upgraded_from(pid) == row.parent)
    ]
    successors = {row.pid for _, row in masters}
    found = []
    for program, master in masters:
        mine = [row for row in children.get(master.pid, ()) if row.pid not in successors]
        found.append(ServerTree(program or "", master, _workers(program or "", master, mine)))
    return sorted(found, key=lambda tree: (tree.master.started_s, tree.master.pid))


def _workers(program: str, master: ProcessRow, children: Sequence[ProcessRow]) -> tuple[ProcessRow, ...]:
    own = [row for row in children if _is_worker(program, row)]
    if not own and program == "uvicorn":
        return (master,)
    return tuple(sorted(own, key=lambda row: (row.started_s, row.pid)))


def _is_worker(program: str, row: ProcessRow) -> bool:
    if program == "uvicorn":
        return SPAWNED in row.command and any(word.startswith(SPAWN_CODE) for word in row.command)
    title = TITLE.match(" ".join(row.command[:3]))
    return program_of(row.command) == program and (title is None or title[2] == "worker")


def processes() -> list[ProcessRow]:
    """This user's processes. Source: psutil, /proc."""
    rows, user = [], os.getuid()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.uids().real == user:
                rows.append(_row(process))
    return rows


def _row(process: psutil.Process) -> ProcessRow:
    with process.oneshot():
        command = tuple(process.cmdline()[:MOST_COMMAND])
        return ProcessRow(process.pid, process.ppid(), command, process.create_time())


def successor_of(pid: int) -> int | None:
    """The gunicorn master that has started the master ``pid`` on USR2: it says so in its environment."""
    with contextlib.suppress(psutil.Error, OSError, ValueError):
        return int(psutil.Process(pid).environ().get("GUNICORN_PID", ""))
    return None


def servers() -> list[ServerTree]:
    """All servers of this user that run now."""
    return trees(processes(), successor_of)


def server_with(pid: int, rows: Sequence[ProcessRow], found: Sequence[ServerTree]) -> ServerTree | None:
    """The server that ``pid`` belongs to, as its master or one of its workers, or as the shell that has started it;
    else, of any other program of this user, that process with what Python has spawned for it."""
    for tree in found:
        if pid in tree.pids:
            return tree
    below = [tree for tree in found if pid in _ancestors(tree.master.pid, {row.pid: row for row in rows})]
    if len(below) == 1:
        return below[0]
    row = next((row for row in rows if row.pid == pid), None)
    if row is None:
        return None
    spawned = tuple(child for child in rows if child.parent == pid and SPAWNED in child.command)
    return ServerTree("python", row, spawned or (row,))


def _ancestors(pid: int, by_pid: Mapping[int, ProcessRow]) -> list[int]:
    found: list[int] = []
    while pid in by_pid and by_pid[pid].parent not in found and len(found) < 64:
        pid = by_pid[pid].parent
        found.append(pid)
    return found
