"""States whose ledgers hold what a test asks for."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from tests.unit.states import MS, RUN, T0, answered_request, ledger_of, sleeping_workers
from wsgiviz.settings import make
from wsgiviz.state import Request, Side, State
from wsgiviz.state.ledger import LedgerDraft


def many(count: int, first: int = 1, run: int = 1) -> State:
    """So many answered requests, the later the longer they took."""
    answered = (
        replace(answered_request(n, T0, T0 + n * MS, pid=100), id=run * RUN + n) for n in range(first, first + count)
    )
    return only(answered, run)


def only(requests: Iterable[Request], run: int = 1) -> State:
    """A State whose WSGI side has just these requests."""
    side = sleeping_workers(0.5)
    side = replace(side, ledger=ledger_of(requests), run=replace(side.run, number=run))
    sides = {"wsgi": side, "asgi": Side("asgi", "asgi")}
    return State(run=run, fired=run, settings=make(), sides=sides)


def with_more(state: State, more: State) -> State:
    """The State after the requests of another one have come."""
    side = state.sides["wsgi"]
    draft = LedgerDraft(side.ledger)
    for request in more.sides["wsgi"].ledger:
        draft.put(request)
    return replace(state, sides={**state.sides, "wsgi": replace(side, ledger=draft.publish())})
