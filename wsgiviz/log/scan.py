"""Where the blocks of a recording are, and what of it can't be read. Reads a file once, from front to back."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from wsgiviz.log.format import HEADER_SIZE, MARKER, BlockHeader, unpack_header

WINDOW = 2**20
"""Bytes in which the next marker is looked for at a time."""

MOST_GAPS = 10_000
MOST_BLOCKS = 400_000
"""Our recordings have fewer. What a file has beyond them counts as damaged, so that reading ends."""


class FileBlock(NamedTuple):
    """A block whose sums are right. ``payload_at``: where its payload is in the file."""

    header: BlockHeader
    payload_at: int


class Gap(NamedTuple):
    """So many bytes that are no block."""

    size: int


def scan(file: BinaryIO, at: int, size: int) -> Iterator[FileBlock | Gap]:
    """Blocks and gaps of ``file`` from ``at`` to ``size``."""
    gaps = blocks = spent = 0
    while at < size:
        block = read_block(file, at)
        if block is None:
            gaps += 1
            spent += file.tell() - at  # a block may claim to reach over many others, and so may each of those
            given_up = gaps > MOST_GAPS or spent > 2 * size
            resumed = size if given_up else _next_marker(file, at + 1, size)
            yield Gap(resumed - at)
            at = resumed
            continue
        blocks += 1
        if blocks > MOST_BLOCKS:
            yield Gap(size - at)
            return
        yield block
        at = block.payload_at + block.header.length


def read_block(file: BinaryIO, at: int) -> FileBlock | None:
    """The block at ``at``; None when there is none, or one that is damaged or cut."""
    file.seek(at)
    header = unpack_header(file.read(HEADER_SIZE))
    if header is None:
        return None
    payload = file.read(header.length)
    if len(payload) != header.length or zlib.crc32(payload) != header.payload_sum:
        return None
    return FileBlock(header, at + HEADER_SIZE)


def _next_marker(file: BinaryIO, at: int, size: int) -> int:
    """Where the next marker is; ``size`` when there is none."""
    while at < size:
        file.seek(at)
        window = file.read(WINDOW)
        found = window.find(MARKER)
        if found >= 0:
            return at + found
        if len(window) < len(MARKER):
            return size
        at += len(window) - len(MARKER) + 1
    return size
