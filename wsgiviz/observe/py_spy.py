"""Lines of processes without a probe, by py-spy (https://github.com/benfred/py-spy), where that is installed.

It reads the other process's memory and stops it for that, for some milliseconds. It takes the right to trace the
process (ptrace(2)): in a container that is the capability SYS_PTRACE.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

AT_ONCE = 4
MOST_OUTPUT = 4 * 1024 * 1024
MOST_FRAMES = 200
NOT_THE_APPS = ("/site-packages/", "/dist-packages/", "/.venv/", "/wsgiviz/probe/")


@dataclass(frozen=True, slots=True)
class SpiedLine:
    """The innermost line of the app's own code in one thread. It is the other process's text: escape it."""

    thread_id: int  # native
    file: str
    line: int
    function: str

    @property
    def words(self) -> str:
        return f"{self.file.rpartition('/')[2]}:{self.line} in {self.function}"


@dataclass(frozen=True, slots=True)
class Spied:
    """``lines`` of the threads that are in the app, the main thread's first; ``problem``: why they are not known, or
    "" """

    lines: tuple[SpiedLine, ...] = ()
    problem: str = ""


def program() -> str | None:
    """Where py-spy is: beside this Python, or on the PATH."""
    beside = os.path.join(os.path.dirname(sys.executable), "py-spy")
    return beside if os.access(beside, os.X_OK) else shutil.which("py-spy")


def spy(py_spy: str, pids: Sequence[int], folder: str | None, within_s: float) -> dict[int, Spied]:
    """The lines of these processes, as far as they come ``within_s`` seconds."""
    until_s = time.monotonic() + within_s
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(pids, pool.map(lambda pid: _spied(py_spy, pid, folder, until_s), pids), strict=True))


def _spied(py_spy: str, pid: int, folder: str | None, until_s: float) -> Spied:
    left_s = until_s - time.monotonic()
    if left_s <= 0:
        return Spied(problem="py-spy had no time left for it")
    command = [py_spy, "dump", "--json", "--pid", str(pid)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=left_s, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        return Spied(problem="py-spy did not answer in time")
    except OSError as error:
        return Spied(problem=f"py-spy: {error.strerror}")
    if done.returncode:
        return Spied(problem=_reason(done.stderr))
    try:
        return Spied(app_lines(json.loads(done.stdout[:MOST_OUTPUT]), pid, folder))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Spied(problem="py-spy's answer can't be read")


def _reason(stderr: bytes) -> str:
    text = stderr[:4096].decode("utf-8", "replace")
    if "EPERM" in text or "Permission denied" in text:
        return "py-spy may not trace it: ptrace is not permitted here (capability SYS_PTRACE, or run it as root)"
    first = next((line.strip() for line in text.splitlines() if line.strip()), "it gave no reason")
    return f"py-spy failed: {first[:120]}"


def app_lines(threads: list[dict[str, Any]], pid: int, folder: str | None) -> tuple[SpiedLine, ...]:
    """Of each thread that is in the app, the innermost line of it: of a file in ``folder``, or else of one that is
    neither Python's nor an installed package's."""
    found = []
    for thread in sorted(threads, key=lambda thread: thread["os_thread_id"] != pid):
        frames = thread["frames"][:MOST_FRAMES]
        own = next((frame for frame in frames if _is_own(str(frame["filename"]), folder)), None)
        if own is not None:
            place = str(own["filename"]), int(own["line"]), str(own["name"])
            found.append(SpiedLine(int(thread["os_thread_id"]), *place))
    return tuple(found)


def _is_own(file: str, folder: str | None) -> bool:
    if file.startswith("<") or any(part in file for part in NOT_THE_APPS):
        return False
    if folder is not None and (not os.path.isabs(file) or file.startswith(folder.rstrip("/") + "/")):
        return not file.startswith(os.path.join(folder, "bin/"))
    standard = os.path.dirname(sysconfig.get_paths()["stdlib"])
    name = os.path.basename(file)
    python = file.startswith(standard) or "/lib/python3" in file
    return not python and name.endswith(".py") and "/bin/" not in file
