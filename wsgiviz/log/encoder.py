"""What comes in as batches and snapshots, as blocks of a recording. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from msgspec import Raw

from wsgiviz import __version__
from wsgiviz.events import Event
from wsgiviz.log.format import FIRED, FIRST_LINE, FORMAT, LONGEST, BlockType, pack_block
from wsgiviz.log.keyframes import ChunkNumbers, encode_keyframe
from wsgiviz.log.packing import MOST_BATCHES, encode, encode_batch, encode_batches
from wsgiviz.log.snapshot import Snapshot

BLOCK_BYTES = 256 * 1024
"""A block of events ends when its payload has so many, before it is deflated."""

KEYFRAME_EVENTS = 10_000
"""A keyframe comes after so many events: a jump reduces no more than those."""


class RecordingEncoder:
    """Makes the blocks of one recording, in order."""

    def __init__(self) -> None:
        self._batches: list[Raw] = []
        self._bytes = 0
        self._events = 0  # in those batches
        self._before = 0  # events in the blocks so far
        self._fired = False
        self._newest_ns = 0
        self._keyframe_at = 0
        self._chunks = ChunkNumbers()

    @property
    def events(self) -> int:
        """All so far."""
        return self._before + self._events

    @property
    def keyframe_due(self) -> bool:
        return self.events - self._keyframe_at >= KEYFRAME_EVENTS

    def opening(self) -> bytes:
        """What a file begins with. Reads the calendar's clock."""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        content = {"format": FORMAT, "wsgiviz": __version__, "created": created}
        return FIRST_LINE + pack_block(BlockType.OPENING, json.dumps(content).encode())

    def begin(self, snapshot: Snapshot, events_before: int) -> Iterator[bytes]:
        """A recording of a log that has begun: ``events_before`` events led to ``snapshot``."""
        self._before = events_before
        self._newest_ns = snapshot.state.t_ns
        yield from self.keyframe(snapshot)

    def add(self, events: Sequence[Event]) -> bytes:
        """Take in a batch; gives a block when one is full, else nothing. Raises ValueError for one beyond LONGEST."""
        if not events:
            return b""
        batch, fired = encode_batch(events)
        size = len(memoryview(batch))
        full = self.flush() if self._bytes + size > LONGEST // 2 else b""
        self._batches.append(batch)
        self._bytes += size
        self._events += len(events)
        self._fired = self._fired or fired
        self._newest_ns = max(self._newest_ns, max(event.t_ns for event in events))
        if self._bytes >= BLOCK_BYTES or len(self._batches) == MOST_BATCHES:
            full += self.flush()
        return full

    def flush(self) -> bytes:
        """A block with the batches that have come since the last; nothing when there are none."""
        if not self._batches:
            return b""
        block = pack_block(
            BlockType.EVENTS,
            encode_batches(self._batches),
            self._before,
            self._newest_ns,
            batches=len(self._batches),
            events=self._events,
            flags=FIRED if self._fired else 0,
        )
        self._before += self._events
        self._batches, self._bytes, self._events, self._fired = [], 0, 0, False
        return block

    def keyframe(self, snapshot: Snapshot) -> Iterator[bytes]:
        """Blocks for the snapshot after all events so far. None when it would be too long: it only saves time."""
        yield self.flush()
        self._keyframe_at = self._before
        numbers = {}
        for name, side in snapshot.state.sides.items():
            numbers[name], new = self._chunks.of(side)
            for number, chunk in new:
                yield pack_block(BlockType.CHUNK, encode(chunk), number)
        raw = encode_keyframe(snapshot, numbers)
        if len(raw) <= LONGEST:
            yield pack_block(BlockType.KEYFRAME, raw, self._before, self._newest_ns)

    def end(self) -> bytes:
        """The rest, and the block that says that nothing is missing."""
        rest = self.flush()
        return rest + pack_block(BlockType.END, b"", self._before, self._newest_ns)
