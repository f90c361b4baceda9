"""The reader: follows one ring, tells whole records from torn or overwritten ones, and counts what it lost."""

from __future__ import annotations

import mmap
import os

from wsgiviz.events import RECORD, TEXT_BYTES, Event
from wsgiviz.recorder.layout import DROPPED_OFFSET, HEADER_BYTES, Header, unpack_header

PATIENCE_POLLS = 8
"""A hole in the sequence (a writer thread that was interrupted between taking its number and writing) is waited
for during this many polls, then counted as lost."""


class RingReader:
    """Follows the ring ``memory``. Each `poll` gives the events that came since, in the order of sequence."""

    def __init__(self, memory: mmap.mmap | bytes | bytearray, header: Header) -> None:
        self.header = header
        self.lost = 0
        self._memory = memory
        self._next = 1
        self._holes = 0
        self._dropped = 0
        # One integer a record: where a record begins, its sequence stands.
        self._mask = header.capacity - 1

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> RingReader | None:
        """A reader of the file at ``path``; None when it is not a ring that this version can read."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            size = os.fstat(fd).st_size
            if size < HEADER_BYTES:
                return None
            memory = mmap.mmap(fd, size, prot=mmap.PROT_READ)
        finally:
            os.close(fd)
        header = unpack_header(memory)
        if header is None or size < HEADER_BYTES + header.capacity * RECORD.size:
            memory.close()
            return None
        return cls(memory, header)

    def poll(self, last: bool = False) -> list[Event]:
        """New events. ``last`` says that the writer is dead: what is missing then stays missing."""
        events: list[Event] = []
        while True:
            event = self._record(self._next)
            if event is not None:
                events.append(event)
                self._next += 1
                self._holes = 0
                continue
            if not self._skip(last):
                self._note_drops()
                return events

    def _record(self, sequence: int) -> Event | None:
        """The record ``sequence`` when it is there and whole."""
        memory = self._memory
        at = HEADER_BYTES + (sequence & self._mask) * RECORD.size
        record = memory[at : at + RECORD.size]
        head, t_ns, kind, slot, length, req, a, b, text, tail = RECORD.unpack(record)
        if not length:
            tail = int.from_bytes(text[:4], "little")
        if head != sequence or tail != sequence & 0xFFFFFFFF or length > TEXT_BYTES:
            return None
        # A writer that came round while we copied has changed the head before anything else.
        if memory[at : at + 8] != record[:8]:
            return None
        header = self.header
        words = text[:length].decode("utf-8", "replace") if length else ""
        return Event(t_ns, kind, header.side, header.pid, slot, req, a, b, words)

    def _head(self, sequence: int) -> int:
        at = HEADER_BYTES + (sequence & self._mask) * RECORD.size
        return int.from_bytes(self._memory[at : at + 8], "little")

    def _skip(self, last: bool) -> bool:
        """Step over what can't be read any more; False when there is nothing to step over (yet)."""
        found = self._head(self._next)
        if found > self._next:  # overwritten: go to the oldest record that can still be there
            newest = self._newest(found)
            self._lose(max(1, newest - self._mask - self._next))
            return True
        following = self._head(self._next + 1)
        if following <= self._next:
            return False
        self._holes += 1
        if self._holes <= PATIENCE_POLLS and not last:
            return False
        self._lose(1)
        return True

    def _newest(self, known: int) -> int:
        """The newest sequence in the ring; ``known`` is one that has been written."""
        while self._head(known + 1) == known + 1:
            known += 1
        return known

    def _lose(self, count: int) -> None:
        self.lost += count
        self._next += count
        self._holes = 0

    def _note_drops(self) -> None:
        dropped = int.from_bytes(self._memory[DROPPED_OFFSET : DROPPED_OFFSET + 8], "little")
        self.lost += dropped - self._dropped
        self._dropped = dropped

    def close(self) -> None:
        if isinstance(self._memory, mmap.mmap):
            self._memory.close()
