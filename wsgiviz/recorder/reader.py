"""The reader: follows one ring, distinguishes whole records from torn or overwritten ones, and counts what it lost.

A ring belongs to another process and may hold anything. So it is read with pread(2), not mapped: where a file shrank,
this gives fewer bytes, and a mapping would end this process with SIGBUS. No content costs more than a walk over the
ring.

A record counts only when two looks at it, one after the other, show the same bytes: a writer that came round
in between has changed it (see `wsgiviz.recorder.pack` on what may be seen in which order).
"""

from __future__ import annotations

import os
import stat
from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Self

from wsgiviz.recorder.codec import (
    BARE_ENDED,
    DROPPED,
    ENDED,
    FIELDS,
    RAISED_BYTES,
    RECORD_BYTES,
    RECORD_ENDS,
    TEXT_BYTES,
    Kind,
)
from wsgiviz.recorder.layout import (
    HEADER_BYTES,
    STICKY_AT,
    STICKY_END,
    RingHeader,
    ring_bytes,
    unpack_header,
)

PATIENCE_POLLS = 8
"""A hole in the sequence (a writer thread that was interrupted between taking its number and writing) is waited
for during this many polls, then counted as lost. So is a sticky record that is torn."""

LOSSES_KEPT = 64
PEEK_RECORDS = 8
CHUNK_RECORDS = 256
LOST_LIMIT = 1 << 53
"""A ring may claim any sequence: no count of lost records grows beyond this."""

REQUEST_ENDED = int(Kind.REQUEST_ENDED)
KNOWN = frozenset(map(int, FIELDS)) | {REQUEST_ENDED}

Read = Callable[[int, int], bytes]
"""Read so many bytes from an offset; fewer where the file ends."""


class Record(NamedTuple):
    """One record as it was written; `wsgiviz.recorder.codec.FIELDS` says what its values are. ``t_ns``: monotonic."""

    t_ns: int
    kind: int
    slot: int
    req: int
    a: int
    b: int
    text: str


class Ended(NamedTuple):
    """The record of a request's end (`wsgiviz.events.RequestEnded`)."""

    t_ns: int
    kind: int
    slot: int
    req: int
    cpu_ns: int
    began_ns: int
    response_ns: int
    returned_ns: int
    ended_ns: int
    status: int
    chunks: int
    raised: str


class Loss(NamedTuple):
    """Records ``first`` to ``last`` were lost; they would have stood at ``position`` in what a poll gives."""

    first: int
    last: int
    position: int


_make_record = partial(tuple.__new__, Record)  # half the time of a call to the class
_make_ended = partial(tuple.__new__, Ended)


def parse(raw: bytes, sequence: int) -> list[Record | Ended]:
    """The whole records at the start of ``raw``, of which the first must have this ``sequence``."""
    records: list[Record | Ended] = []
    make = _make_record
    at = 0
    for head, t_ns, kind, slot, length, req, a, b, bare_tail, tail in RECORD_ENDS.iter_unpack(raw):
        low = sequence & 0xFFFFFFFF
        if head != sequence:
            break
        if kind == REQUEST_ENDED:
            ended = _parse_ended(raw, at, low)
            if ended is None:
                break
            records.append(ended)
        elif length:
            if tail != low or length > TEXT_BYTES:
                break
            text = str(raw[at + 48 : at + 48 + length], "utf-8", "replace")
            records.append(make((t_ns, kind, slot, req, a, b, text)))
        elif bare_tail == low or tail == low:
            records.append(make((t_ns, kind, slot, req, a, b, "")))
        else:
            break
        sequence += 1
        at += RECORD_BYTES
    return records


def _parse_ended(raw: bytes, at: int, low: int) -> Ended | None:
    values = BARE_ENDED.unpack_from(raw, at)
    length, tail, name = values[4], values[-1], ""
    if length:
        *_, raised, tail = ENDED.unpack_from(raw, at)
        name = str(raised[:length], "utf-8", "replace")
    if tail != low or length > RAISED_BYTES:
        return None
    return _make_ended((*values[1:4], *values[5:13], name))


class RingReader:
    """Follows a ring. Each `poll` gives the records that came since, in the order of sequence.

    ``lost`` counts what could not be read, ``unknown`` what this version does not know. ``drained`` says that the
    last poll found nothing more to read.
    """

    def __init__(self, read: Read, header: RingHeader, close: Callable[[], None] = lambda: None) -> None:
        self.header = header
        self.lost = 0
        self.unknown = 0
        self.drained = False
        self.close = close
        self._read = read
        self._mask = header.capacity - 1
        self._next = 1
        self._holes = 0
        self._idle = b""  # what was seen when there was nothing to read
        self._losses: list[Loss] = []
        self._torn_polls = 0
        self._repeated: dict[int, int] = {}

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self | None:
        """A reader of the file at ``path``; None when it is not a ring that this version can read.

        It holds one file descriptor until `close`. Raises OSError when the file can't be opened.
        """
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            status = os.fstat(fd)
            header = unpack_header(os.pread(fd, HEADER_BYTES, 0)) if stat.S_ISREG(status.st_mode) else None
            if header is not None and status.st_size >= ring_bytes(header.capacity):
                kept, fd = fd, -1
                return cls(partial(os.pread, kept), header, partial(os.close, kept))
            return None
        finally:
            if fd >= 0:
                os.close(fd)

    def poll(self, budget: int, last: bool = False) -> list[Record | Ended]:
        """New records, at most ``budget``; and the newest of each sticky kind among those that were lost, if any.

        ``last`` says that the writer is dead: what is missing then stays missing. Raises OSError when the file can't
        be read.
        """
        if self._idle and not last and not self._losses and self._slots(self._next, PEEK_RECORDS) == self._idle:
            self.drained = True  # most polls of most rings end here
            return []
        records: list[Record | Ended] = []
        left = min(budget, 2 * self.header.capacity)  # what is skipped counts as well: no content is a long walk
        size = PEEK_RECORDS
        self.drained = False
        while left > 0:
            raw = self._slots(self._next, size)
            fresh = self._whole(raw[: left * RECORD_BYTES])
            if fresh:
                records += fresh
                self._next += len(fresh)
                self._holes = 0
                left -= len(fresh)
                size = min(4 * size, CHUNK_RECORDS)
                continue
            raw = self._slots(self._next, size)
            if self._skip(raw, last, len(records)):
                left -= 1
            else:
                self.drained = True
                self._idle = b"" if self._holes else raw
                break
        if self._losses:
            self._repeat_sticky(records, last)
        return self._known(records)

    def _slots(self, sequence: int, count: int) -> bytes:
        """The bytes of ``count`` records from ``sequence`` on; fewer where the ring has fewer, or the file ends."""
        at = sequence & self._mask
        before_end = self._mask + 1 - at
        if count <= before_end:
            raw = self._read(count * RECORD_BYTES, HEADER_BYTES + at * RECORD_BYTES)
            return raw if len(raw) == count * RECORD_BYTES else raw[: len(raw) // RECORD_BYTES * RECORD_BYTES]
        count = min(count, self.header.capacity)
        before_end = min(count, before_end)
        raw = self._read(before_end * RECORD_BYTES, HEADER_BYTES + at * RECORD_BYTES)
        if count > before_end and len(raw) == before_end * RECORD_BYTES:
            raw += self._read((count - before_end) * RECORD_BYTES, HEADER_BYTES)
        return raw[: len(raw) // RECORD_BYTES * RECORD_BYTES]

    def _whole(self, raw: bytes) -> list[Record | Ended]:
        """The whole records at the start of ``raw``, which begins with the next one."""
        fresh = parse(raw, self._next)
        if not fresh:
            return fresh
        seen = raw[: len(fresh) * RECORD_BYTES]
        again = self._slots(self._next, len(fresh))
        if again == seen:
            return fresh
        at = 0  # the writer has come round, or is just at it
        while seen[at : at + RECORD_BYTES] == again[at : at + RECORD_BYTES]:
            at += RECORD_BYTES
        return fresh[: at // RECORD_BYTES]

    def _known(self, records: list[Record | Ended]) -> list[Record | Ended]:
        """Without those of other versions, and those that say: one was dropped here."""
        if all(record[1] in KNOWN for record in records):
            return records
        known = [record for record in records if record.kind in KNOWN]
        dropped = sum(record.kind == DROPPED for record in records)
        self.lost = min(self.lost + dropped, LOST_LIMIT)
        self.unknown += len(records) - len(known) - dropped
        return known

    def _skip(self, raw: bytes, last: bool, position: int) -> bool:
        """Step over what can't be read any more; False when there is nothing to step over (yet)."""
        heads = [ends[0] for ends in RECORD_ENDS.iter_unpack(raw)]
        if not heads:
            return False
        if heads[0] > self._next:  # overwritten: go to the oldest record that can still be there
            oldest = self._newest(heads[0]) - self._mask
            self._lose(max(1, oldest - self._next), position)
            return True
        torn = heads[0] == self._next
        if not (torn and last) and max(heads) <= self._next:
            return False
        self._holes += 1
        if self._holes <= PATIENCE_POLLS and not last:
            return False
        self._lose(1, position)
        return True

    def _newest(self, known: int) -> int:
        """The newest sequence in the ring, by bisection; ``known`` is one that has been written."""
        low, high = known, known + self._mask
        while low < high:
            middle = (low + high + 1) // 2
            if self._head(middle) >= middle:
                low = middle
            else:
                high = middle - 1
        return low

    def _head(self, sequence: int) -> int:
        at = HEADER_BYTES + (sequence & self._mask) * RECORD_BYTES
        return int.from_bytes(self._read(8, at), "little")

    def _lose(self, count: int, position: int) -> None:
        self._losses.append(Loss(self._next, self._next + count - 1, position))
        self.lost = min(self.lost + count, LOST_LIMIT)
        self._next += count
        self._holes = 0

    def _repeat_sticky(self, records: list[Record | Ended], last: bool) -> None:
        """Put the sticky records that are among the losses where they would have been, each once.

        One that is torn is being written: the losses are kept, and looked up again at the next poll.
        """
        found, torn = self._sticky()
        firsts = [loss.first for loss in self._losses]
        for sequence, record in sorted(found.items(), reverse=True):
            at = bisect_right(firsts, sequence) - 1
            if at < 0 or sequence > self._losses[at].last or self._repeated.get(record.kind) == sequence:
                continue
            self._repeated[record.kind] = sequence
            records.insert(self._losses[at].position, record)
        self._torn_polls = self._torn_polls + 1 if torn and not last else 0
        keep = 0 < self._torn_polls <= PATIENCE_POLLS
        self._losses = [loss._replace(position=0) for loss in self._losses[-LOSSES_KEPT:]] if keep else []

    def _sticky(self) -> tuple[dict[int, Record], bool]:
        """The sticky records by sequence, and whether one of them is torn."""
        page = self._read(STICKY_END, 0)
        again = self._read(STICKY_END, 0)
        found: dict[int, Record] = {}
        torn = False
        for kind, at in STICKY_AT.items():
            raw = page[at : at + RECORD_BYTES].ljust(RECORD_BYTES, b"\0")
            sequence = int.from_bytes(raw[:8], "little")
            if not sequence:
                continue
            record = next(iter(parse(raw, sequence)), None)
            if isinstance(record, Record) and record.kind == kind and raw == again[at : at + RECORD_BYTES]:
                found[sequence] = record
            else:
                torn = True
        return found, torn
