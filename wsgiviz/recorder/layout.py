"""The ring file: one page of header, then ``capacity`` records of 128 bytes (see `wsgiviz.events.RECORD`)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from wsgiviz.events import RECORD, SCHEMA, SIDES

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

MAGIC = b"WSGIVIZ\x00"
HEADER = struct.Struct("<8sIIIiqQ8s16s")
HEADER_BYTES = 4096
DROPPED_OFFSET = struct.calcsize("<8sIIIiq")
CAPACITY = 8192
"""Records in a ring, a power of two: 1 MiB, and a second's worth at several thousand requests a second."""

SUFFIX = ".ring"


class Header(NamedTuple):
    """Who writes a ring, and its geometry. ``dropped`` counts events that the writer could not write."""

    magic: bytes
    schema: int
    capacity: int
    record_bytes: int
    pid: int
    started_ns: int
    dropped: int
    side: str
    role: str  # master | worker | driver


def pack_header(pid: int, started_ns: int, side: str, role: str, capacity: int) -> bytes:
    return HEADER.pack(
        MAGIC, SCHEMA, capacity, RECORD.size, pid, started_ns, 0, side.encode()[:8], role.encode()[:16]
    )


def unpack_header(page: Buffer) -> Header | None:
    """The header, or None when this is no ring of ours, or not one that this version can read."""
    *numbers, side, role = HEADER.unpack_from(page)
    side, role = (raw.rstrip(b"\0").decode("ascii", "replace") for raw in (side, role))
    header = Header._make((*numbers, side, role))
    capacity = header.capacity
    readable = (
        header.magic == MAGIC
        and header.schema == SCHEMA
        and header.record_bytes == RECORD.size
        and 0 < capacity <= 1 << 20
        and capacity & (capacity - 1) == 0
        and side in SIDES
    )
    return header if readable else None
