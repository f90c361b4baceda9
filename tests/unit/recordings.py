"""Recordings made in memory, taken apart, and put together again with right sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wsgiviz.events import Event
from wsgiviz.log import Snapshot
from wsgiviz.log.encoder import RecordingEncoder
from wsgiviz.log.format import FIRST_LINE, HEADER_SIZE, BlockHeader, BlockType, inflate, pack_block, unpack_header


class Part(NamedTuple):
    """A block: its header, its inflated payload, and where it is in the file."""

    header: BlockHeader
    raw: bytes
    start: int
    end: int


def recorded(batches: Sequence[Sequence[Event]], keyframe_batches: int = 0, block_batches: int = 5) -> bytes:
    """A whole recording: a block of events after so many batches, and a keyframe, unless that is 0."""
    encoder, snapshot = RecordingEncoder(), Snapshot()
    made = [encoder.opening()]
    for number, batch in enumerate(batches, 1):
        snapshot = snapshot.after(tuple(batch))
        made.append(encoder.add(batch))
        if number % block_batches == 0:
            made.append(encoder.flush())
        if keyframe_batches and number % keyframe_batches == 0:
            made += encoder.keyframe(snapshot)
    return b"".join([*made, encoder.end()])


def parts(recording: bytes) -> list[Part]:
    found, at = [], len(FIRST_LINE)
    while at < len(recording):
        header = unpack_header(recording[at : at + HEADER_SIZE])
        assert header is not None
        end = at + HEADER_SIZE + header.length
        found.append(Part(header, inflate(header, recording[at + HEADER_SIZE : end]), at, end))
        at = end
    return found


def parts_of(recording: bytes, type: BlockType) -> list[Part]:
    return [part for part in parts(recording) if part.header.type == type]


def packed(part: Part, raw: bytes) -> bytes:
    """The same block with another payload, and right sums."""
    header = part.header
    return pack_block(
        BlockType(header.type),
        raw,
        header.number,
        header.t_ns,
        batches=header.batches,
        events=header.events,
        flags=header.flags,
    )


def with_payload(recording: bytes, part: Part, raw: bytes) -> bytes:
    return recording[: part.start] + packed(part, raw) + recording[part.end :]


def without(recording: bytes, part: Part) -> bytes:
    return recording[: part.start] + recording[part.end :]


def with_flipped_byte(recording: bytes, at: int) -> bytes:
    return recording[:at] + bytes([recording[at] ^ 0xFF]) + recording[at + 1 :]
