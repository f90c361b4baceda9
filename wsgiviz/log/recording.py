"""A recording, read: its batches, and what was known at any position of it.

Nothing in the file is trusted. Every block has a sum, every event is checked while it is decoded, settings are
validated again, and a batch that can't be applied is left out. `Recording.damage` says what could not be read.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Self, TypeVar

from wsgiviz.errors import UsageError
from wsgiviz.events import Event
from wsgiviz.log.batches import StoredBatches
from wsgiviz.log.encoder import KEYFRAME_EVENTS
from wsgiviz.log.format import FIRST_LINE, Damaged
from wsgiviz.log.index import Index
from wsgiviz.log.keyframes import decode_chunk, decode_keyframe
from wsgiviz.log.opening import HINT, open_file, read_opening
from wsgiviz.log.scan import scan
from wsgiviz.log.snapshot import Snapshot
from wsgiviz.state import State, reduce
from wsgiviz.state.ledger import Chunk

Known = TypeVar("Known", Snapshot, State)

CHUNKS_KEPT = 400
"""Chunks of ledgers that stay decoded: a jump to the neighbourhood needs the same again."""

BUILT_KEPT = 64
"""Snapshots that are kept where the file has no keyframe."""

NEARBY_EVENTS = 1_000
"""So far apart are the snapshots that are kept from the last jump, so that steps back take no time."""


class Recording:
    """A recording in ``file``; get one from `open_recording`. Raises UsageError when it is none that can be read.

    A position is a number of batches, from 0 to `end`. ``version`` and ``created`` (ISO 8601) say what wrote it, and
    when; like all that a recording holds, they may be hostile, and are escaped where they are shown.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file
        opening = read_opening(path, file)
        self.version = str(opening.get("wsgiviz", ""))
        self.created = str(opening.get("created", ""))
        self._index = Index(scan(file, len(FIRST_LINE), os.fstat(file.fileno()).st_size))
        if not self._index.end:
            raise UsageError(f"{path} has no events that can be read", HINT)
        self._batches = StoredBatches(file, self._index)
        self._chunks: dict[int, Chunk] = {}
        self._built: dict[int, Snapshot] = {}
        self._spacing = KEYFRAME_EVENTS  # events between those
        self._nearby: dict[int, Snapshot] = {}
        self._not_applied: set[int] = set()
        self._events_before = [0]  # of each block of events, as far as they were asked for
        self._start = self._keyframe(0)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def first(self) -> int:
        """The earliest position."""
        return 0

    @property
    def end(self) -> int:
        """The position after the last batch."""
        return self._index.end

    @cached_property
    def events(self) -> int:
        """How many can be read."""
        return sum(one.block.header.events for one in self._index.events)

    @cached_property
    def start_ns(self) -> int:
        """When it begins."""
        first, end_ns = self.batch(0), self.t_ns(1)
        return min(end_ns, first[0].t_ns) if first else end_ns

    @property
    def end_ns(self) -> int:
        """When the newest event was."""
        return self._index.events[-1].last_ns

    @cached_property
    def fired_ns(self) -> int | None:
        """When the first run was requested that a person asked for; None when there is none."""
        return self._batches.fired_ns

    def batch(self, position: int) -> tuple[Event, ...]:
        """The batch that leads from ``position`` to the next; empty when it could not be decoded."""
        return self._batches.batch(position)

    def t_ns(self, position: int) -> int:
        """The time of the newest event before ``position``, which is 1 or more. It never falls."""
        return self._batches.t_ns(position)

    def position_at(self, t_ns: int) -> int:
        """The position at a time: how many batches there are up to it."""
        return self._batches.position_at(t_ns)

    def events_before(self, position: int) -> int:
        """How many of its events there are before a position."""
        blocks, at = self._index.events, self._index.block_at(position)
        counted = self._events_before
        while len(counted) <= at:
            counted.append(counted[-1] + blocks[len(counted) - 1].block.header.events)
        if position >= self.end:
            return counted[at] + blocks[at].block.header.events
        return counted[at] + sum(len(self.batch(one)) for one in range(blocks[at].first, position))

    # --- what was known -------------------------------------------------------------------------------------------

    def at(self, position: int) -> Snapshot:
        """What was known at a position: by the nearest keyframe, and the batches from there on."""
        with _collector_paused():
            return self._reached(max(0, min(position, self.end)))

    def _reached(self, position: int) -> Snapshot:
        """`at`, and what is kept of the way."""
        start, snapshot = self._nearest(position)
        self._nearby = {start: snapshot}
        since_built = since_nearby = 0
        for one in range(start, position):
            snapshot = self.after(one, snapshot)
            since_built += len(self.batch(one))
            since_nearby += len(self.batch(one))
            if since_built >= self._spacing:
                self._build(one + 1, snapshot)
                self._nearby.clear()
                since_built = since_nearby = 0
            elif since_nearby >= NEARBY_EVENTS:
                self._nearby[one + 1] = snapshot
                since_nearby = 0
        return snapshot

    def forward(self, position: int, snapshot: Snapshot, target: int) -> Snapshot:
        """What was known at ``target``, from what was at ``position`` before it; by a keyframe if that is far."""
        blocks = self._index.events
        passed = [blocks[self._index.block_at(one)].block.header.number for one in (position, target)]
        if passed[1] - passed[0] > KEYFRAME_EVENTS:
            return self.at(target)
        for one in range(position, target):
            snapshot = self.after(one, snapshot)
        return snapshot

    def after(self, position: int, snapshot: Snapshot) -> Snapshot:
        """One batch on from ``snapshot``, which is that of ``position``."""
        return self._restored(position) or self._applied(position, snapshot, snapshot.after)

    def state_after(self, position: int, state: State) -> State:
        """The same of the State alone."""
        restored = self._restored(position)
        if restored is not None:
            return restored.state
        return self._applied(position, state, lambda batch: reduce(state, batch))

    def _restored(self, position: int) -> Snapshot | None:
        """What is known one batch on where events are missing before it, by a keyframe."""
        return self._keyframe(position + 1) if position + 1 in self._index.restores else None

    def _applied(self, position: int, before: Known, apply: Callable[[tuple[Event, ...]], Known]) -> Known:
        """What ``apply`` makes of the next batch; ``before`` where that can't be."""
        batch = self.batch(position)
        if not batch:
            return before
        try:
            return apply(batch)
        except Exception:  # each event is well formed, but what they say together may be impossible
            self._not_applied.add(position)
            return before

    def snapshots(self) -> Iterator[Snapshot]:
        """What was known at each position, from 0 on, reduced from the events."""
        snapshot = self._start or Snapshot()
        yield snapshot
        for position in range(self.end):
            snapshot = self.after(position, snapshot)
            yield snapshot

    def _nearest(self, position: int) -> tuple[int, Snapshot]:
        """The last position up to ``position`` whose snapshot is there, and that."""
        there = self._built | self._nearby
        for one in sorted({*there, *self._index.keyframes}, reverse=True):
            found = (there.get(one) or self._keyframe(one)) if one <= position else None
            if found is not None:
                return one, found
        return 0, self._start or Snapshot()

    def _build(self, position: int, snapshot: Snapshot) -> None:
        """Keep it. When there are too many, every second goes, and the next are further apart."""
        self._built[position] = snapshot
        if len(self._built) > BUILT_KEPT:
            self._spacing *= 2
            self._built = {one: self._built[one] for one in sorted(self._built)[1::2]}

    def _keyframe(self, position: int) -> Snapshot | None:
        """The one at a position; None when there is none, or it can't be read."""
        block = self._index.keyframes.get(position)
        if block is None:
            return None
        try:
            return decode_keyframe(self._batches.payload(block), self._chunk)
        except Damaged:
            del self._index.keyframes[position]
            return None

    def _chunk(self, number: int) -> Chunk:
        found = self._chunks.pop(number, None)
        if found is None:
            block = self._index.chunks.get(number)
            if block is None:
                raise Damaged(f"chunk {number} is missing")
            found = decode_chunk(self._batches.payload(block))
        self._chunks[number] = found
        while len(self._chunks) > CHUNKS_KEPT:
            del self._chunks[next(iter(self._chunks))]
        return found

    # --- what is missing ------------------------------------------------------------------------------------------

    @property
    def damage(self) -> str:
        """What can't be read or used, as far as that is known by now; empty when nothing is."""
        index = self._index
        problems = []
        if index.gaps:
            parts = "1 part" if len(index.gaps) == 1 else f"{len(index.gaps):,} parts"
            problems.append(f"{parts} of the file ({sum(index.gaps):,} bytes) can't be read")
        if index.missing:
            problems.append(f"{index.missing:,} events are missing")
        if index.not_kept:
            lost = "" if self._start else ", and what followed from them can't be read"
            problems.append(f"its first {index.not_kept:,} events were no longer kept when it was saved{lost}")
        if not index.ended:
            problems.append("it has no end: the program was killed, or is still recording, or the file was cut")
        left_out = len(self._batches.not_decoded | self._not_applied)
        if left_out:
            problems.append(f"{left_out:,} of {index.end:,} batches of events make no sense, and are left out")
        return "; ".join(problems)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """A jump makes tens of thousands of objects that all stay. Looking for garbage among them as often as Python
    does, when so many come, takes longer than the jump itself."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def open_recording(path: str | Path) -> Recording:
    """Open a recording to read it. Raises UsageError when it is none, or one that this version can't read."""
    path = Path(path)
    file = open_file(path)
    try:
        return Recording(path, file)
    except OSError as error:
        file.close()
        raise UsageError(f"can't read {path}: {error.strerror}", HINT) from error
    except BaseException:
        file.close()
        raise
