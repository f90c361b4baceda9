"""An observer from outside: py-spy reads a process's Python stacks, /proc tells what its threads do."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsgiviz.state import Activity

APP_FOLDERS = ("demo_apps/", "tests/truth/")

READS = frozenset({"get_data", "recv", "read", "parse", "__next__", "chunk", "read_line", "wait_for_data"})


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
    busy: bool
    """Several readings of the thread's state say that it ran, or was ready to."""


def look(pid: int) -> list[Sight]:
    """One look at every Python thread of a process; nothing when it is gone or may not be looked at."""
    from_ns = time.monotonic_ns()
    states: dict[str, list[str]] = {thread.name: [] for thread in Path(f"/proc/{pid}/task").iterdir()}
    _note_states(pid, states)
    found = subprocess.run(["py-spy", "dump", "--json", "--pid", str(pid)], capture_output=True, text=True)
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
    names = [frame["name"] for frame in frames]
    files = [frame["filename"] for frame in frames]
    ran = states.count("R") * 2 > len(states)
    activity = _activity(names, files, own is not None, ran)
    place = (own["filename"], own["line"], own["name"]) if own else ("", 0, "")
    file, line, function = place
    return Sight(pid, thread["os_thread_id"], *when, activity, file, line, function, ran)


def _activity(names: list[str], files: list[str], in_app: bool, ran: bool) -> Activity:
    """The state of a worker thread, by where gunicorn's own code is."""
    if in_app:
        return Activity.COMPUTING if ran else Activity.BLOCKED
    if "close_graceful" in names:
        return Activity.CLOSING
    if "write" in names or "sendall" in names or "write_file" in names:
        return Activity.WRITING
    if any("/http/" in file for file in files) and READS & set(names):
        return Activity.READING
    return Activity.IDLE
