"""The recording file (.wviz), format 1: how it is laid out.

It begins with a line of text, ``wsgiviz recording 1``, which names the format. Blocks follow; each is a header of
`HEADER_SIZE` bytes (little-endian) and a payload, deflated by zlib:

| bytes | field | |
|---|---|---|
| 8 | marker | `MARKER`: after damage, reading goes on at the next one |
| 1 | block type | 1 opening · 2 events · 3 chunk · 4 keyframe · 5 end |
| 1 | flags | 1: the block has a RunRequested that is no calibration |
| 2 | | zero |
| 4 | length | of the payload in the file |
| 4 | raw length | of the payload when it is inflated |
| 4 | batches | in the block |
| 4 | events | in the block |
| 8 | number | of events before the block; of a chunk: its own number, from 1 |
| 8 | t_ns | time of the newest event up to the end of the block (CLOCK_MONOTONIC) |
| 4 | CRC-32 | of the payload in the file |
| 4 | CRC-32 | of the header so far |

An inflated payload is MessagePack, but for the opening, which is JSON:

- *opening*, the first block: ``format``, ``wsgiviz`` (the version that wrote it), ``created`` (ISO 8601).
- *events*: an array of batches in the order in which they arrived, each an array of events, each an array: its tag
  and its fields in the order of `wsgiviz.events`. Everything that a person sees follows from these blocks alone.
- *keyframe*: a line that names version and layout, then the State and the Occurrences after all events before it
  (`wsgiviz.log.keyframes`). It saves reducing from the start, and is ignored by a version whose State has another
  layout. A recording that does not begin with the session begins with one.
- *chunk*: 64 neighbours of a ledger. Keyframes name them by number, so that what has not changed is written once.
- *end*: the recording was closed in order; ``number`` is the count of all its events.

The file is only appended to, and each block stands for itself: what was written before a crash can be read.
The format's number grows with every change that an older reader would misread, a new type of event among them.
"""

from __future__ import annotations

import struct
import zlib
from enum import IntEnum
from typing import NamedTuple

FORMAT = 1

PROGRAM = b"wsgiviz recording "
FIRST_LINE = PROGRAM + b"%d\n" % FORMAT

MARKER = b"\xabWVIZ\xbb\r\n"

FIRED = 1
"""Flag of a block that has a RunRequested which is no calibration."""

LONGEST = 8 * 2**20
"""Bytes of a payload, inflated: a larger one is not written, and not read."""

LONGEST_STORED = LONGEST + LONGEST // 256
"""Bytes of the same in the file: what can't be deflated gets a little longer."""

LEVEL = 1
"""Of zlib: at level 6 a recording is a tenth smaller, and takes five times the CPU."""

_FIELDS = struct.Struct("<8sBBxxIIIIQqI")
_SUM = struct.Struct("<I")
HEADER_SIZE = _FIELDS.size + _SUM.size

LATEST_NS = 2**63 - 1


class BlockType(IntEnum):
    OPENING = 1
    EVENTS = 2
    CHUNK = 3
    KEYFRAME = 4
    END = 5


class Damaged(Exception):
    """A part of a recording can't be read. Says why, for developers; never leaves this package."""


class BlockHeader(NamedTuple):
    """What stands before a payload, without marker and its own sum. The fields are named in the table above."""

    type: int
    flags: int
    length: int
    raw_length: int
    batches: int
    events: int
    number: int
    t_ns: int
    payload_sum: int


def pack_block(
    type: BlockType, raw: bytes, number: int = 0, t_ns: int = 0, *, batches: int = 0, events: int = 0, flags: int = 0
) -> bytes:
    """A whole block with ``raw`` as its payload. Raises ValueError when that is longer than `LONGEST`."""
    if len(raw) > LONGEST:
        raise ValueError(f"a block of {len(raw)} bytes")
    payload = zlib.compress(raw, LEVEL)
    t_ns = max(-LATEST_NS, min(t_ns, LATEST_NS))
    sizes = len(payload), len(raw), batches, events
    head = _FIELDS.pack(MARKER, type, flags, *sizes, number, t_ns, zlib.crc32(payload))
    return head + _SUM.pack(zlib.crc32(head)) + payload


def unpack_header(data: bytes) -> BlockHeader | None:
    """The header in ``data``; None when that is none, or is damaged."""
    if len(data) != HEADER_SIZE or not data.startswith(MARKER):
        return None
    if zlib.crc32(data[: _FIELDS.size]) != _SUM.unpack_from(data, _FIELDS.size)[0]:
        return None
    header = BlockHeader(*_FIELDS.unpack_from(data)[1:])
    return header if header.length <= LONGEST_STORED and header.raw_length <= LONGEST else None


def inflate(header: BlockHeader, payload: bytes) -> bytes:
    """The inflated payload. Raises Damaged when it is not what the header says; takes no more memory than that."""
    if len(payload) != header.length or zlib.crc32(payload) != header.payload_sum:
        raise Damaged("the payload's sum is wrong")
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(payload, header.raw_length + 1)
    except zlib.error as error:
        raise Damaged(str(error)) from error
    if len(raw) != header.raw_length:
        raise Damaged("the payload has another length")
    return raw
