"""Servers that run under ``wsgiviz exec``: which of them are there, and which one a person means by a pid."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from wsgiviz.control.addressee import owner_of
from wsgiviz.errors import UsageError
from wsgiviz.recorder.keeping import is_alive, living_rings
from wsgiviz.recorder.served import About, elsewhere, found

HINT = "wsgiviz exec COMMAND runs a server with the probe inside; wsgiviz dump PID works without it"
ELSEWHERE = "look at a container's server inside it, or share its pids: docker run --pid container:NAME"
MOST_SERVERS = 2
"""So many have a pane."""
COMMAND_SHOWN = 100


class Running(NamedTuple):
    """A server that runs: where it records, what was run, and its processes that record; how many are workers."""

    directory: Path
    about: About
    pids: frozenset[int]
    workers: int

    def has(self, pid: int) -> bool:
        """It is one of its processes, or the command's own."""
        return pid in self.pids or (pid == self.about.pid and is_alive(pid, self.about.started_ns))

    @property
    def words(self) -> str:
        command = shlex.join(self.about.command)
        shown = command if len(command) <= COMMAND_SHOWN else f"{command[:COMMAND_SHOWN]} ..."
        return f"{self.about.pid:>7}  {shown}  in {self.about.folder}, since {self.about.started}"


def running() -> list[Running]:
    """All of this user's, the newest last."""
    servers = []
    for directory, about in found():
        with contextlib.suppress(OSError):
            if rings := living_rings(directory):
                workers = {ring.pid for ring in rings if ring.role == "worker"}
                servers.append(Running(directory, about, frozenset(ring.pid for ring in rings), len(workers)))
    return servers


def choose(pids: Sequence[int]) -> list[Path]:
    """The directories of the servers that ``pids`` belong to; without a pid, that of the only server.

    Raises UsageError where that can't be said; the message says why.
    """
    servers = running()
    chosen = [_with(pid, servers) for pid in pids] or [_only(servers)]
    directories = list(dict.fromkeys(server.directory for server in chosen))
    if len(directories) > MOST_SERVERS:
        raise UsageError(f"{len(directories)} servers are too many", f"{MOST_SERVERS} have a pane each")
    return directories


def none_runs() -> UsageError:
    """What is said where no server runs."""
    words = "no server of yours runs under wsgiviz exec"
    if not (others := elsewhere()):
        return UsageError(words, HINT)
    return UsageError(f"{words} here; {others[-1].parent} has {len(others)} of other pid namespaces", ELSEWHERE)


def _only(servers: Sequence[Running]) -> Running:
    if not servers:
        raise none_runs()
    if len(servers) > 1:
        listed = "\n".join(server.words for server in servers)
        raise UsageError(f"{len(servers)} servers run: which one?", "wsgiviz attach PID, or two of them", listed)
    return servers[0]


def _with(pid: int, servers: Sequence[Running]) -> Running:
    server = next((server for server in reversed(servers) if server.has(pid)), None)
    if server is not None:
        return server
    raise UsageError(*_why_not(pid))


def _why_not(pid: int) -> tuple[str, str]:
    """Why there is nothing to attach to in that process, and what to do."""
    theirs = f"pid {pid} is another user's", "a server is watched by the user that runs it"
    try:
        os.kill(pid, 0)
        if pid > 0 and owner_of(pid) not in (None, os.getuid()):
            return theirs
    except (ProcessLookupError, OverflowError):
        if elsewhere():
            return f"there is no process {pid} here", ELSEWHERE
        return f"there is no process {pid}", "wsgiviz attach without a pid finds the servers that run"
    except PermissionError:
        return theirs
    return f"pid {pid} is no server under wsgiviz exec", ELSEWHERE if elsewhere() else HINT
