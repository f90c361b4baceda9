"""The batches of a recording by position, decoded as they are needed."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import BinaryIO

from wsgiviz.events import Event, RunRequested
from wsgiviz.log.format import Damaged, inflate
from wsgiviz.log.index import Index
from wsgiviz.log.packing import decode_batch, split_batches
from wsgiviz.log.scan import FileBlock

BLOCKS_KEPT = 3
"""Blocks of events that stay decoded: at the playhead, the next one, and where marks are looked for."""

Batch = tuple[Event, ...]


class StoredBatches:
    """Reads them from ``file``. ``not_decoded``: positions of those that could not be, which count as empty."""

    def __init__(self, file: BinaryIO, index: Index) -> None:
        self._file = file
        self._blocks = index.events
        self._index = index
        self._decoded: dict[int, tuple[list[Batch], list[int]]] = {}  # newest last
        self.not_decoded: set[int] = set()

    def batch(self, position: int) -> Batch:
        """The one that leads from ``position`` to the next."""
        at = self._index.block_at(position)
        return self._block(at)[0][position - self._blocks[at].first]

    def t_ns(self, position: int) -> int:
        """The time of the newest event before ``position``, which is 1 or more."""
        at = self._index.block_at(position - 1)
        return self._block(at)[1][position - 1 - self._blocks[at].first]

    def position_at(self, t_ns: int) -> int:
        """How many there are up to a time."""
        at = bisect_right(self._blocks, t_ns, key=lambda one: one.last_ns)
        if at == len(self._blocks):
            return self._index.end
        return self._blocks[at].first + bisect_right(self._block(at)[1], t_ns)

    @property
    def fired_ns(self) -> int | None:
        """When the first run was requested that a person asked for; None when there is none."""
        found = self._index.fired
        for position in range(found.first, found.end) if found else ():
            for event in self.batch(position):
                if isinstance(event, RunRequested) and not event.calibration:
                    return min(event.t_ns, self.t_ns(position + 1))
        return None

    def payload(self, block: FileBlock) -> bytes:
        """The inflated payload of any block. Raises Damaged."""
        try:
            self._file.seek(block.payload_at)
            return inflate(block.header, self._file.read(block.header.length))
        except OSError as error:
            raise Damaged(str(error)) from error

    def _block(self, at: int) -> tuple[list[Batch], list[int]]:
        """Batches of the block number ``at``, and the time after each."""
        found = self._decoded.pop(at, None)
        if found is None:
            batches = self._decode(at)
            found = batches, self._times(at, batches)
        self._decoded[at] = found
        while len(self._decoded) > BLOCKS_KEPT:
            del self._decoded[next(iter(self._decoded))]
        return found

    def _decode(self, at: int) -> list[Batch]:
        first, count = self._blocks[at].first, self._blocks[at].block.header.batches
        try:
            raws = split_batches(self.payload(self._blocks[at].block), count)
        except Damaged:
            self.not_decoded.update(range(first, first + count))
            return [()] * count
        batches: list[Batch] = []
        for position, raw in enumerate(raws, first):
            try:
                batches.append(decode_batch(raw))
            except Damaged:
                self.not_decoded.add(position)
                batches.append(())
        return batches

    def _times(self, at: int, batches: list[Batch]) -> list[int]:
        """Never falling, and never past what the index says of the block: a search relies on both."""
        last_ns = self._blocks[at].last_ns
        if at:
            before_ns = self._blocks[at - 1].last_ns
        else:
            before_ns = min((event.t_ns for batch in batches for event in batch), default=last_ns)
        newest = (max((event.t_ns for event in batch), default=before_ns) for batch in batches)
        return [min(t_ns, last_ns) for t_ns in accumulate(newest, max, initial=before_ns)][1:]
