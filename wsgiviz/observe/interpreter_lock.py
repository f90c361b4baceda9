"""Whether a thread sleeps because another one of its process holds the interpreter lock (GIL). Linux only.

CPython waits for the lock on a condition variable, which is in the runtime's static data (`take_gil` in
Python/ceval_gil.c, `_PyRuntime`); glibc waits for that in the system call futex. So a thread waits for the lock when
/proc/PID/task/TID/syscall (proc(5)) shows that call with an address in the data of the Python program or library.
Python's other locks, `threading.Lock` first, are in memory that was allocated, or on a thread's stack. Seen so in
CPython 3.11 to 3.14. It takes the right to trace the process (ptrace(2), PTRACE_MODE_ATTACH_FSCREDS).
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

FUTEX = {"x86_64": b"202", "aarch64": b"98", "riscv64": b"98", "ppc64le": b"221", "s390x": b"238"}.get(
    platform.machine()
)
"""The number of that system call on this machine; None where it is not known."""

RUNS = b"running"
"""What the file says in place of a number when the thread is not waiting."""

Areas = tuple[tuple[int, int], ...]
"""Addresses, each from a first to behind the last."""


def static_data(pid: int) -> Areas:
    """Where the static data of Python is in a process; nothing where that or its meaning is not known.

    musl, the C library of Alpine Linux, has its waits on the stack, which says nothing.
    """
    try:
        program = os.readlink(f"/proc/{pid}/exe")
        maps = Path(f"/proc/{pid}/maps").read_text(errors="replace").splitlines()
    except OSError:
        return ()
    if FUTEX is None or any("/ld-musl" in line for line in maps):
        return ()
    return python_data(maps, program)


def python_data(maps: Sequence[str], program: str) -> Areas:
    """The writable mappings of the program and of libpython; the nameless one behind each is its zeroed part."""
    found: list[tuple[int, int]] = []
    adjoining = 0
    for line in maps:
        fields = line.split(maxsplit=5)
        first, end = (int(address, 16) for address in fields[0].split("-"))
        path = fields[5] if len(fields) > 5 else ""
        is_python = path == program or path.rpartition("/")[2].startswith("libpython")
        if "w" in fields[1] and (is_python or (not path and first == adjoining)):
            found.append((first, end))
            adjoining = end if is_python else 0
    return tuple(found)


def waits_for_lock(syscall: bytes, areas: Areas) -> bool:
    """Whether a thread whose syscall file says this waits for the lock whose process has these `static_data`."""
    number, _, rest = syscall.partition(b" ")
    if number != FUTEX:
        return False
    address = int(rest.split(maxsplit=1)[0], 16)
    return any(first <= address < end for first, end in areas)
