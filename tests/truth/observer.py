"""An observer from outside: py-spy reads a process's Python stacks, /proc tells what its threads do."""

from __future__ import annotations

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsgiviz.state import Activity

APP_FOLDERS = ("demo_apps/", "tests/truth/")

READS = frozenset({"get_data", "recv", "parse", "__next__", "chunk", "read_line", "wait_for_data"})

LOOKERS = ThreadPoolExecutor(4)


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of one thread between two times (CLOCK_MONOTONIC ns)."""

    pid: int
    thread_id: int
    from_ns: int
    to_ns: int
    activity: Activity
    file: str
    line: int
    function: str
    """The app's innermost place; "", 0 and "" when no frame of the app was on the stack."""
    number: int
    """The request's, which that function holds in a variable of this name; 0 where there is none."""
    has_gil: bool
    functions: tuple[str, ...]
    """All functions on the stack, innermost first."""


def look(pids: list[int]) -> list[Sight]:
    """One look at every Python thread of these processes; nothing of one that is gone or may not be looked at."""
    return [sight for found in LOOKERS.map(_look, pids) for sight in found]


def _look(pid: int) -> list[Sight]:
    from_ns = time.monotonic_ns()
    try:
        states: dict[str, list[str]] = {thread.name: [] for thread in Path(f"/proc/{pid}/task").iterdir()}
    except OSError:
        return []
    _note_states(pid, states)
    command = ["py-spy", "dump", "--json", "--locals", "--pid", str(pid)]
    found = subprocess.run(command, capture_output=True, text=True)
    _note_states(pid, states)
    to_ns = time.monotonic_ns()
    if found.returncode:
        return []
    return [
        _sight(pid, thread, states.get(str(thread["os_thread_id"]), []), (from_ns, to_ns))
        for thread in json.loads(found.stdout)
    ]


def _note_states(pid: int, states: dict[str, list[str]]) -> None:
    for thread_id, seen in states.items():
        try:
            stat = Path(f"/proc/{pid}/task/{thread_id}/stat").read_text()
        except OSError:
            continue
        seen.append(stat[stat.rindex(")") + 2])


def _sight(pid: int, thread: dict[str, Any], states: list[str], when: tuple[int, int]) -> Sight:
    frames = thread["frames"]  # innermost first
    own = next((frame for frame in frames if any(folder in frame["filename"] for folder in APP_FOLDERS)), None)
    names = [frame["name"].rpartition(".")[2] for frame in frames]
    files = [frame["filename"] for frame in frames]
    ran = states.count("R") * 2 > len(states)
    has_gil = bool(thread["owns_gil"])
    app = own["name"].rpartition(".")[2] if own else ""
    activity = _activity(names, files, app, ran, has_gil)
    file, line = (own["filename"], own["line"]) if own else ("", 0)
    number = _number(own) if own else 0
    who = pid, thread["os_thread_id"]
    return Sight(*who, *when, activity, file, line, app, number, has_gil, tuple(names))


def _number(frame: dict[str, Any]) -> int:
    for variable in frame["locals"] or ():
        if variable["name"] == "number" and str(variable["repr"]).isdigit():
            return int(variable["repr"])
    return 0


IN_PYTHON = frozenset({"computes", "count_primes"})
IN_C, ASLEEP = "hashes", "sleeps"
"""Functions of apps that do nothing but this: what a thread is at in them needs no guess."""


def _activity(names: list[str], files: list[str], app: str, ran: bool, has_gil: bool) -> Activity:
    """The state of a worker thread: in the app by its function there, else by where the server's own code is."""
    if "load_wsgi" in names:
        return Activity.BOOTING
    if app == ASLEEP:
        return Activity.BLOCKED
    if app == IN_C:
        return Activity.COMPUTING
    if app in IN_PYTHON:
        return Activity.COMPUTING if has_gil else Activity.WAITING_FOR_GIL
    if app:
        return Activity.COMPUTING if ran else Activity.BLOCKED
    if "close_graceful" in names:
        return Activity.CLOSING
    if "write" in names or "sendall" in names or "write_file" in names:
        return Activity.WRITING
    if any("/http/" in file for file in files) and READS & set(names):
        return Activity.READING
    return Activity.IDLE
