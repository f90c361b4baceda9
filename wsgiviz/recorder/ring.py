"""The writer. It never raises into its host, never waits, never grows: what it can't write, it counts."""

from __future__ import annotations

import itertools
import mmap
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from wsgiviz.events import BARE_RECORD, RECORD, TEXT_BYTES
from wsgiviz.recorder.layout import CAPACITY, DROPPED_OFFSET, HEADER_BYTES, SUFFIX, pack_header


class Write(Protocol):
    """Record one event, stamped now unless ``t_ns`` is given."""

    def __call__(
        self, kind: int, req: int = 0, a: int = 0, b: int = 0, text: bytes = b"", slot: int = 0, t_ns: int = 0
    ) -> None: ...


def create_ring(
    directory: str | os.PathLike[str], side: str, role: str, capacity: int = CAPACITY
) -> tuple[mmap.mmap, Write]:
    """Create this process's ring in ``directory``; give its memory and the function that writes to it.

    The file appears under its final name only when its header is whole. Raises OSError when it can't be made.
    """
    pid = os.getpid()
    path = Path(directory) / f"{side}-{role}-{pid}{SUFFIX}"
    hidden = path.with_suffix(".new")
    fd = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        size = HEADER_BYTES + capacity * RECORD.size
        os.ftruncate(fd, size)
        memory = mmap.mmap(fd, size)
    finally:
        os.close(fd)
    header = pack_header(pid, time.monotonic_ns(), side, role, capacity)
    memory[: len(header)] = header
    os.rename(hidden, path)
    return memory, writer(memory, capacity)


def writer(memory: mmap.mmap | bytearray, capacity: int) -> Write:
    """The function that writes events to ``memory``, a whole ring file.

    Several threads may call it: `itertools.count` hands out each sequence number once, and one ``pack_into``
    is one uninterrupted C call under the GIL. A closure over locals, since every name looked up here is paid
    for on each event of somebody else's server.
    """
    pack_into = RECORD.pack_into
    pack_bare_into = BARE_RECORD.pack_into
    mask = capacity - 1
    next_sequence = itertools.count(1).__next__
    now: Callable[[], int] = time.monotonic_ns
    dropped = itertools.count(1)

    def write(
        kind: int, req: int = 0, a: int = 0, b: int = 0, text: bytes = b"", slot: int = 0, t_ns: int = 0
    ) -> None:
        try:
            sequence = next_sequence()
            at = HEADER_BYTES + (sequence & mask) * 128
            tail = sequence & 0xFFFFFFFF
            if text:
                length = min(len(text), TEXT_BYTES)
                pack_into(memory, at, sequence, t_ns or now(), kind, slot, length, req, a, b, text, tail)
            else:
                pack_bare_into(memory, at, sequence, t_ns or now(), kind, slot, 0, req, a, b, tail)
        except Exception:  # noqa: BLE001 - a probe's fault must never become its host's
            _count_drop(memory, next(dropped))

    return write


def _count_drop(memory: mmap.mmap | bytearray, dropped: int) -> None:
    try:
        memory[DROPPED_OFFSET : DROPPED_OFFSET + 8] = dropped.to_bytes(8, "little")
    except (ValueError, TypeError):  # the ring is closed: there is nobody left to tell
        return
