"""The ring file: a page that holds the header and the sticky records, then ``capacity`` records of 128 bytes.

Its name is ``side-role-pid-started.ring``. When it was started belongs to the name, since a pid can come back.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from wsgiviz.recorder.codec import RECORD_BYTES, SCHEMA, SIDES, STICKY

MAGIC = b"WSGIVIZ\x00"
HEADER = struct.Struct("<8sIIIiqQ8s16s")
HEADER_BYTES = 4096
CAPACITY = 8192
"""Records in a ring, a power of two: 1 MiB, and a second's worth at several thousand requests a second."""

DRIVER_CAPACITY = 4 * CAPACITY
"""The load driver writes for all workers of its side, three records or more a request: two seconds at 5,000 a second,
for a viewer that gets no core meanwhile."""

LARGEST_CAPACITY = 1 << 20
SUFFIX = ".ring"

STICKY_AT = {int(kind): RECORD_BYTES * (1 + at) for at, kind in enumerate(STICKY)}
"""Where in the first page the newest record of each sticky kind stands."""

STICKY_END = RECORD_BYTES * (1 + len(STICKY))


class RingHeader(NamedTuple):
    """Who writes a ring, and its geometry."""

    magic: bytes
    schema: int
    capacity: int
    record_bytes: int
    pid: int
    started_ns: int
    reserved: int
    side: str
    role: str  # master | worker | driver


def ring_bytes(capacity: int = CAPACITY) -> int:
    """The size of a ring file."""
    return HEADER_BYTES + capacity * RECORD_BYTES


def ring_name(side: str, role: str, pid: int, started_ns: int) -> str:
    """The name of a ring file."""
    return f"{side}-{role}-{pid}-{started_ns:x}{SUFFIX}"


def pack_header(pid: int, started_ns: int, side: str, role: str, capacity: int) -> bytes:
    """The header of a new ring."""
    return HEADER.pack(
        MAGIC, SCHEMA, capacity, RECORD_BYTES, pid, started_ns, 0, side.encode()[:8], role.encode()[:16]
    )


def unpack_header(page: bytes) -> RingHeader | None:
    """The header, or None when this is no ring of ours, or not one that this version can read."""
    if len(page) < HEADER.size:
        return None
    *numbers, side, role = HEADER.unpack_from(page)
    side, role = (raw.rstrip(b"\0").decode("ascii", "replace") for raw in (side, role))
    header = RingHeader._make((*numbers, side, role))
    capacity = header.capacity
    readable = (
        header.magic == MAGIC
        and header.schema == SCHEMA
        and header.record_bytes == RECORD_BYTES
        and 0 < capacity <= LARGEST_CAPACITY
        and capacity & (capacity - 1) == 0
        and header.pid > 0
        and side in SIDES
    )
    return header if readable else None
