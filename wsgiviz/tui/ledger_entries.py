"""The entries of the ledger, brought up to date by what has changed in it."""

from __future__ import annotations

from collections.abc import Iterator

from wsgiviz.analysis.entries import Entry, entries
from wsgiviz.state import Ledger, Request, Side, State

Key = tuple[str, int]
"""Side, and id of the request."""

EMPTY = Ledger()


class LedgerEntries:
    """An entry for each request of the newest State."""

    def __init__(self) -> None:
        self._sides: dict[str, _SideEntries] = {}

    def entries(self) -> list[Entry]:
        return [entry for side in self._sides.values() for entry in side.entries.values()]

    def update(self, state: State) -> tuple[list[Entry], list[Key]]:
        """Take in a State. Gives the entries that are new or others than before, and the requests that are gone."""
        changed: list[Entry] = []
        gone = [(name, req) for name in self._sides.keys() - state.sides for req in self._sides.pop(name).entries]
        for side in state.sides.values():
            known = self._sides.get(side.name)
            if known is None or known.run != side.run.number:
                gone += [(side.name, req) for req in (known.entries if known else ())]
                known = self._sides[side.name] = _SideEntries(side.run.number)
            gone += [(side.name, req) for req in known.forget(side.ledger)]
            changed += known.take(side)
        return changed, gone


class _SideEntries:
    """Those of one run at one side."""

    def __init__(self, run: int) -> None:
        self.run = run
        self.entries: dict[int, Entry] = {}
        self._ledger = EMPTY

    def forget(self, ledger: Ledger) -> list[int]:
        """Drop the requests that ``ledger`` does not keep any more; gives their ids."""
        gone = [request.id for request in _differing(ledger, self._ledger) if ledger.get(request.id) is None]
        for req in gone:
            self.entries.pop(req, None)
        return gone

    def take(self, side: Side) -> list[Entry]:
        """The entries that are new or changed. What is in flight may change by what its worker does."""
        requests = {request.id: request for request in _differing(self._ledger, side.ledger)}
        requests |= {request.id: request for request in side.ledger.in_flight()}
        self._ledger = side.ledger
        found = [entry for entry in entries(side, requests.values()) if self.entries.get(entry.req) != entry]
        self.entries.update((entry.req, entry) for entry in found)
        return found


def _differing(before: Ledger, after: Ledger) -> Iterator[Request]:
    """The requests of ``after`` that are not the same in ``before``. Chunks that both share are passed over."""
    for at, chunk in after.chunks.items():
        other = before.chunks.get(at)
        if other is chunk:
            continue
        others = other.requests if other is not None else (None,) * len(chunk.requests)
        for request, known in zip(chunk.requests, others, strict=True):
            if request is not None and request is not known:
                yield request
    if after.external is not before.external:
        for req, request in after.external.items():
            if before.external.get(req) is not request:
                yield request
