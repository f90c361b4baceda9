"""Rings in memory for tests: an emitter, and a reader of the same bytes."""

from __future__ import annotations

from wsgiviz.recorder.codec import RECORD_BYTES
from wsgiviz.recorder.emitter import Emitter
from wsgiviz.recorder.layout import HEADER_BYTES, pack_header, ring_bytes, unpack_header
from wsgiviz.recorder.reader import Ended, Record, RingReader

CAPACITY = 8
PLENTY = 1 << 20


class MemoryRing:
    """A ring in ``memory``. ``bytes_read`` counts what its readers have read."""

    def __init__(self, capacity: int = CAPACITY, pid: int = 7, side: str = "wsgi", role: str = "worker") -> None:
        self.memory = bytearray(ring_bytes(capacity))
        header = pack_header(pid, 1, side, role, capacity)
        self.memory[: len(header)] = header
        self.emit = Emitter(self.memory, capacity)
        self.capacity = capacity
        self.bytes_read = 0
        self.reader = self.another_reader()

    def another_reader(self) -> RingReader:
        """A reader that begins anew."""
        header = unpack_header(bytes(self.memory))
        assert header is not None
        return RingReader(self.read, header)

    def read(self, size: int, offset: int) -> bytes:
        """As pread(2): fewer bytes where the file ends."""
        self.bytes_read += size
        return bytes(self.memory[offset : offset + size])

    def poll(self, last: bool = False) -> list[Record | Ended]:
        return self.reader.poll(PLENTY, last)

    def requests(self, last: bool = False) -> list[int]:
        """The numbers of the requests that new records are about."""
        return [record.req for record in self.poll(last)]

    def write(self, *reqs: int) -> None:
        """A record for each of these requests."""
        for req in reqs:
            self.emit.first_byte(req)

    def offset(self, sequence: int) -> int:
        """Where the record of this sequence stands."""
        return HEADER_BYTES + sequence % self.capacity * RECORD_BYTES
