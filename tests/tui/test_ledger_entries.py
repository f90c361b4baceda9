"""The entries of the ledger follow the State, and only what has changed is made anew."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from tests.tui.ledgers import many, with_more
from tests.tui.stand_in import sleeping
from tests.unit.states import RUN
from wsgiviz.analysis.entries import Entry, entries
from wsgiviz.state import Activity, Request, Side
from wsgiviz.tui import ledger_entries
from wsgiviz.tui.ledger_entries import LedgerEntries


def test_only_chunks_that_have_changed_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def noted(side: Side, requests: Iterable[Request]) -> list[Entry]:
        requests = list(requests)
        made.extend(request.id - RUN for request in requests)
        return entries(side, requests)

    monkeypatch.setattr(ledger_entries, "entries", noted)
    kept, state = LedgerEntries(), many(100)
    changed, gone = kept.update(state)
    assert (len(changed), gone) == (100, [])
    made.clear()
    assert kept.update(replace(state, t_ns=1)) == ([], [])
    assert made == []
    changed, gone = kept.update(with_more(state, many(2, first=101)))
    assert [entry.id for entry in changed] == made == [101, 102]
    assert gone == []
    assert len(kept.entries()) == 102


def test_what_its_worker_does_changes_the_entry_of_a_request_that_has_not_changed() -> None:
    kept, state = LedgerEntries(), sleeping()
    kept.update(state)
    side = state.sides["wsgi"]
    worker = side.server.workers[100, 0]
    computing = replace(worker, activity=Activity.COMPUTING)
    server = replace(side.server, workers={**side.server.workers, worker.key: computing})
    changed, _ = kept.update(replace(state, sides={**state.sides, "wsgi": replace(side, server=server)}))
    assert [(entry.req, entry.state) for entry in changed] == [(worker.req, "computing")]


def test_requests_that_a_step_back_undoes_are_gone() -> None:
    kept, state = LedgerEntries(), many(3)
    kept.update(with_more(state, many(200, first=4)))
    changed, gone = kept.update(state)
    assert changed == []
    assert gone == [("wsgi", RUN + n) for n in range(4, 204)]
    assert [entry.id for entry in kept.entries()] == [1, 2, 3]
