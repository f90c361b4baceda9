"""The ledger: every request of a run, by its id. One that changes late is still the same row.

Requests stand in chunks by their number. A State shares all chunks with the one before it, but for those in which
something has changed; so publishing one costs the same whether the ledger holds ten requests or ten thousand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec import Struct, field

from wsgiviz.recorder.codec import RUN_STRIDE
from wsgiviz.state.request import WORKER_DIED, Request

CHUNK_BITS = 6
CHUNK = 1 << CHUNK_BITS
LEDGER_KEPT = 10_000
"""Requests kept of each side, the newest; totals count all. A chunk with a request that is not over stays longer."""

CHUNKS_KEPT = LEDGER_KEPT // CHUNK + 2  # the newest may have just begun
MOST_CHUNKS = 4 * CHUNKS_KEPT
"""Beyond this, chunks go even if something in them is not over."""

EXTERNALS_KEPT = 256
"""External requests that are over are kept in this number."""

LOST_KEPT = 1_000
"""So many of those that died with their workers are kept beside these."""

LOST = (WORKER_DIED, "SystemExit")
"""What has ended them: gunicorn raises SystemExit in whatever a worker runs when its --timeout is over."""


class Chunk(Struct, frozen=True, gc=False):
    """Neighbours by number. ``open``: at least one of them is not over."""

    requests: tuple[Request | None, ...]
    open: bool


class Ledger(Struct, frozen=True, gc=False):
    """The requests of one run at one side. ``external`` are those that our driver has not sent, by id."""

    chunks: Mapping[int, Chunk] = field(default_factory=dict)
    external: Mapping[int, Request] = field(default_factory=dict)

    def get(self, req: int) -> Request | None:
        """The newest that is known of a request; None when it is not kept (any more)."""
        if req < 0:
            return self.external.get(req)
        number = req % RUN_STRIDE
        at, place = number >> CHUNK_BITS, number & (CHUNK - 1)
        chunk = self.chunks.get(at)
        found = chunk.requests[place] if chunk is not None else None
        return found if found is not None and found.id == req else None

    def __iter__(self) -> Iterator[Request]:
        """All that are kept, our driver's in the order of their numbers."""
        for at in sorted(self.chunks):
            yield from filter(None, self.chunks[at].requests)
        yield from self.external.values()

    def ours(self) -> Iterator[Request]:
        """Those of our driver, in the order of their numbers."""
        for at in sorted(self.chunks):
            yield from filter(None, self.chunks[at].requests)

    def latest(self, most: int) -> list[Request]:
        """The ``most`` newest of our driver's that are finished for their client, oldest first."""
        found: list[Request] = []
        for at in sorted(self.chunks, reverse=True):
            found += [
                r for r in reversed(self.chunks[at].requests) if r is not None and (r.received_ns or r.failed_ns)
            ]
            if len(found) >= most:
                break
        return found[:most][::-1]

    def in_flight(self) -> list[Request]:
        """Those with which client or app are not through."""
        found = []
        for at in sorted(at for at, chunk in self.chunks.items() if chunk.open):
            found += _open(self.chunks[at].requests)
        return found + [request for request in self.external.values() if not request.over]

    def __len__(self) -> int:
        return sum(1 for _ in self)


class LedgerDraft:
    """A ledger that is being changed. The one that it was made from stays as it is."""

    __slots__ = ("_before", "_changed", "_external")

    def __init__(self, before: Ledger) -> None:
        self._before = before
        self._changed: dict[int, list[Request | None]] = {}
        self._external: dict[int, Request] | None = None

    def get(self, req: int) -> Request | None:
        if req < 0:
            external = self._before.external if self._external is None else self._external
            return external.get(req)
        number = req % RUN_STRIDE
        at, place = number >> CHUNK_BITS, number & (CHUNK - 1)
        changed = self._changed.get(at)
        if changed is not None:
            found = changed[place]
        else:
            chunk = self._before.chunks.get(at)
            found = chunk.requests[place] if chunk is not None else None
        return found if found is not None and found.id == req else None

    def put(self, request: Request) -> None:
        req = request.id
        if req < 0:
            if self._external is None:
                self._external = dict(self._before.external)
            self._external[req] = request
            return
        number = req % RUN_STRIDE
        at, place = number >> CHUNK_BITS, number & (CHUNK - 1)
        changed = self._changed.get(at)
        if changed is None:
            chunk = self._before.chunks.get(at)
            changed = self._changed[at] = list(chunk.requests) if chunk is not None else [None] * CHUNK
        changed[place] = request

    def in_flight(self) -> list[Request]:
        return self.publish().in_flight()

    def publish(self) -> Ledger:
        """The ledger as it is now."""
        if not self._changed and self._external is None:
            return self._before
        chunks = dict(self._before.chunks)
        for at, requests in self._changed.items():
            chunks[at] = Chunk(tuple(requests), _any_open(requests))
        if len(chunks) > CHUNKS_KEPT:
            _drop_oldest(chunks)
        external = self._before.external if self._external is None else _bounded(self._external)
        return Ledger(chunks, external)


def _open(requests: Sequence[Request | None]) -> list[Request]:
    """Those that are not `Request.over`, which is written out here: this is done for many, several times a frame."""
    return [
        r
        for r in requests
        if r is not None and (not (r.received_ns or r.failed_ns) or (r.began_ns and not r.ended_ns))
    ]


def _any_open(requests: Sequence[Request | None]) -> bool:
    """Whether there is one of `_open`; most often it is one of the newest. Done for each chunk of each batch."""
    for r in reversed(requests):
        if r is not None and (not (r.received_ns or r.failed_ns) or (r.began_ns and not r.ended_ns)):
            return True
    return False


def _drop_oldest(chunks: dict[int, Chunk]) -> None:
    for at in sorted(chunks):
        if len(chunks) <= CHUNKS_KEPT:
            return
        if not chunks[at].open or len(chunks) > MOST_CHUNKS:
            del chunks[at]


def _bounded(external: dict[int, Request]) -> dict[int, Request]:
    """Without the oldest of those that are over, when there are too many. What died with a worker says why it died:
    however many others end after it, it is not among these."""
    over = [req for req, request in external.items() if request.over]
    if len(over) <= EXTERNALS_KEPT:
        return external
    lost = [req for req in over if external[req].raised in LOST]
    oldest = {*_oldest(external, lost, LOST_KEPT), *_oldest(external, set(over).difference(lost), EXTERNALS_KEPT)}
    return {req: request for req, request in external.items() if req not in oldest}


def _oldest(external: Mapping[int, Request], reqs: Collection[int], kept: int) -> list[int]:
    """Those of ``reqs`` that ended before the newest ``kept``."""
    return sorted(reqs, key=lambda req: external[req].ended_ns)[: max(0, len(reqs) - kept)]
