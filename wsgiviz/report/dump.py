"""``wsgiviz dump``: what servers that run already are doing now, on one page or as JSON.

docs/dump.md has the keys of the JSON; a test compares them with what is written.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from wsgiviz.control.served_log import ServedLog, ring_headers
from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.observe import py_spy
from wsgiviz.observe.outside import OutsideServer, look
from wsgiviz.observe.server_trees import ServerTree, processes, server_with, successor_of, trees
from wsgiviz.recorder import served
from wsgiviz.recorder.keeping import is_alive
from wsgiviz.report.dump_facts import Facts, facts, now_iso
from wsgiviz.report.dump_page import page
from wsgiviz.report.output import as_json, write_whole

FOUND = 1
OUTSIDE_S = 0.3
PROBED_S = 0.8
"""A probe asks every half second whether a viewer is attached, and then samples lines."""

LOOK_EVERY_S = 0.033
SPY_WITHIN_S = 1.0


def run_dump(pid: int | None, json: str | None, ascii_only: bool) -> int:
    """Write the page, or the JSON. Gives the exit status. Raises UsageError when there is no such server."""
    dumped = dump(pid)
    write(dumped, page(dumped, ascii_only), json)
    return int(dumped["status"])


def write(dumped: Facts, text: str, json: str | None) -> None:
    """The text on stdout; where the JSON goes there, on stderr."""
    if json is None:
        sys.stdout.write(text)
    elif json == "-":
        print(as_json(dumped))
    else:
        write_whole(Path(json), as_json(dumped) + "\n")
        sys.stdout.write(text)


def dump(pid: int | None = None) -> Facts:
    """Of the server that ``pid`` belongs to, or of all of this user."""
    chosen = _chosen(pid)
    logs = _logs(chosen)
    try:
        return _dumped(chosen, logs)
    finally:
        for log in set(logs.values()):
            log.close()


def _chosen(pid: int | None) -> list[ServerTree]:
    rows = processes()
    found = trees(rows, successor_of)
    if pid is None:
        return found
    one = server_with(pid, rows, found)
    if one is None:
        raise UsageError(f"dump: there is no process {pid} of this user", "wsgiviz dump lists what there is")
    return [one]


def _logs(chosen: Sequence[ServerTree]) -> dict[int, ServedLog]:
    """By master's pid: the directory that a server's processes record in."""
    found: dict[int, ServedLog] = {}
    for directory, about in reversed(list(served.found())):
        # A pid can come back: only a process that lived when its ring was made is its writer.
        pids = {one.pid for one in ring_headers(directory) if is_alive(one.pid, one.started_ns)}
        mine = [tree for tree in chosen if tree.pids & pids and tree.master.pid not in found]
        if mine:
            with contextlib.suppress(WsgivizError):  # it was removed just now
                log = ServedLog(directory, about)
                found |= {tree.master.pid: log for tree in mine}
    return found


def _dumped(chosen: Sequence[ServerTree], logs: dict[int, ServedLog]) -> Facts:
    servers = look(chosen, lambda: _watch(list(set(logs.values()))))
    program = py_spy.program()
    spied = _spied(program, [tree for tree in chosen if tree.master.pid not in logs])
    found = [_facts(server, logs.get(server.tree.master.pid), spied, program is not None) for server in servers]
    status = FOUND if any(one["findings"] for one in found) else 0
    return {"schema": 1, "taken": now_iso(), "status": status, "servers": found, "not_read": not_read()}


def _facts(server: OutsideServer, log: ServedLog | None, spied: dict[int, py_spy.Spied], has_py_spy: bool) -> Facts:
    mine = {pid: one for pid, one in spied.items() if pid in server.tree.pids}
    return facts(server, log, mine, has_py_spy)


def _spied(program: str | None, chosen: Sequence[ServerTree]) -> dict[int, py_spy.Spied]:
    """Lines, one after the other's server: each server has a folder of its own. Last of all: py-spy stops a process
    while it reads it, and a system call that it has interrupted can't be told any more."""
    spied: dict[int, py_spy.Spied] = {}
    until_s = time.monotonic() + SPY_WITHIN_S
    for tree in chosen if program is not None else ():
        pids = [row.pid for row in tree.workers]
        spied |= py_spy.spy(program or "", pids, folder_of(tree), until_s - time.monotonic())
    return spied


def folder_of(tree: ServerTree) -> str | None:
    """Where the server's app is: its master's working directory."""
    try:
        return str(Path(f"/proc/{tree.master.pid}/cwd").readlink())
    except OSError:
        return None


MOST_NOT_READ = 10
MOST_NAMES = 10_000


def not_read() -> list[str]:
    """Directories where servers record, and that can't be read."""
    found = []
    for home in served.homes():
        if os.path.lexists(home) and not served.is_private(home):
            found.append(f"{home}: it is not a directory of this user's alone (mode 0700)")
        elif served.is_private(home):
            with contextlib.suppress(OSError):
                names = sorted(islice((path.name for path in home.iterdir()), MOST_NAMES))
                found += [f"{home}/{name}: no about.json that makes sense" for name in names if _fails(home / name)]
    found += [f"{path}: it is of another pid namespace, a container's perhaps" for path in served.elsewhere()]
    more = [f"and {len(found) - MOST_NOT_READ} more"] if len(found) > MOST_NOT_READ else []
    return found[:MOST_NOT_READ] + more


def _fails(directory: Path) -> bool:
    return served.is_private(directory) and served.read_about(directory) is None


def _watch(logs: Sequence[ServedLog]) -> None:
    """Until what waits has been seen: what the rings hold is read meanwhile."""
    until_s = time.monotonic() + (PROBED_S if logs else OUTSIDE_S)
    for log in logs:
        log.watch()
    for log in logs:
        log.begin()
        log.look(listeners_due=True)
    while (left_s := until_s - time.monotonic()) > 0:
        time.sleep(min(left_s, LOOK_EVERY_S))
        for log in logs:
            log.look()
    for log in logs:
        log.look(listeners_due=True)
