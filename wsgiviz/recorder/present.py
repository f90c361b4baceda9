"""The present of one ring: what its writer is at, without all that is over. Standard library only.

A full ring holds thousands of requests that have ended. Who asks what a server does now needs none of them but the
newest, to see how things moved lately: see `PresentReader`.
"""

from __future__ import annotations

from collections.abc import Callable

from wsgiviz.recorder.codec import RECORD_BYTES, Kind
from wsgiviz.recorder.layout import DRIVER_CAPACITY, HEADER_BYTES, RingHeader
from wsgiviz.recorder.reader import Ended, Loss, Read, Record, RingReader, parse

NEWEST = 256

WORDS = RECORD_BYTES // 8
SHORTS = RECORD_BYTES // 2
KIND_AT, SLOT_AT, REQUEST_AT = 8, 9, 3
"""Where kind, slot and request stand in a record (`wsgiviz.recorder.codec.RECORD`): in shorts, the last in words."""

BEGAN, ENDED = int(Kind.REQUEST_BEGAN), int(Kind.REQUEST_ENDED)
ACCEPTED = int(Kind.CONNECTION_ACCEPTED)
OF_PROCESSES = frozenset({
    int(Kind.WORKER_DIED), int(Kind.MASTER_EXITED), int(Kind.WORKER_STOPPING), int(Kind.SLOT_THREAD),
    int(Kind.FORKED), int(Kind.BOOT_LINE_SEEN), int(Kind.MASTER_LOADING), int(Kind.ACCEPTOR_CLOSING),
})  # fmt: skip
"""Rare, and true until something else is said. The sticky kinds are kept beside the ring anyway."""


class PresentReader(RingReader):
    """Its first `poll` gives only: all records of requests that have begun and not ended, and of connections that
    have brought none yet; those of `OF_PROCESSES`; the newest of each sticky kind, and the ``newest`` of all. The
    later polls give what comes then.

    ``lost`` does not count what was passed over. The first poll may give more than its budget, up to all that the
    ring holds.
    """

    def __init__(self, read: Read, header: RingHeader, close: Callable[[], None] = lambda: None) -> None:
        super().__init__(read, header, close)
        self.newest = NEWEST
        """So many of the newest are given whatever they say; to be set before the first `poll`."""
        self._begun = False

    def poll(self, budget: int, last: bool = False) -> list[Record | Ended]:
        """As of any reader. Raises OSError when the file can't be read."""
        before: list[Record | Ended] = []
        if not self._begun and self.header.capacity <= DRIVER_CAPACITY:
            before = self._known(self._go_to_present())
        self._begun = True
        return before + super().poll(budget, last)

    def _go_to_present(self) -> list[Record | Ended]:
        """Pass over all but the newest; give what is still true of what was passed over."""
        raw = self._read(self.header.capacity * RECORD_BYTES, HEADER_BYTES)
        raw = raw[: len(raw) // RECORD_BYTES * RECORD_BYTES]
        heads = memoryview(raw).cast("Q")[::WORDS].tolist()
        written = sorted(head for at, head in enumerate(heads) if head and head & self._mask == at)
        first = written[-1] + 1 - self.newest if written else 1
        if first <= self._next:
            return []
        passed = [head for head in written if head < first and head > written[-1] - self.header.capacity]
        self._losses.append(Loss(self._next, first - 1, 0))  # for the sticky records in there
        self._next = first
        return [record for head in self._still_true(raw, passed) for record in self._one(raw, head)]

    def _still_true(self, raw: bytes, passed: list[int]) -> list[int]:
        """Of the sequences ``passed``, oldest first: those of what has no end among them, and of `OF_PROCESSES`."""
        shorts = memoryview(raw).cast("H")
        kinds, slots = shorts[KIND_AT::SHORTS].tolist(), shorts[SLOT_AT::SHORTS].tolist()
        requests = memoryview(raw).cast("q")[REQUEST_AT::WORDS].tolist()
        begun: dict[int, list[int]] = {}  # by request
        accepted: dict[int, int] = {}  # by slot
        found: list[int] = []
        for head in passed:
            at = head & self._mask
            kind, request = kinds[at], requests[at]
            if kind == ENDED:
                begun.pop(request, None)
                accepted.pop(slots[at], None)
            elif kind == ACCEPTED:
                accepted[slots[at]] = head
            elif kind in OF_PROCESSES:
                found.append(head)
            elif kind == BEGAN or request in begun:
                begun.setdefault(request, []).append(head)
        return sorted([*found, *accepted.values(), *(head for heads in begun.values() for head in heads)])

    def _one(self, raw: bytes, sequence: int) -> list[Record | Ended]:
        """That record, if it is whole and still the same."""
        at = (sequence & self._mask) * RECORD_BYTES
        seen = raw[at : at + RECORD_BYTES]
        return parse(seen, sequence) if self._slots(sequence, 1) == seen else []
