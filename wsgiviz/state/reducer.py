"""The reducer: from a State and a batch of events to the next State. Pure: the same log gives the same State.

Events of one process come in order; those of different processes may be late by a poll or two, so each handler takes
what it knows and leaves the rest: a request may be begun before it is known to have been sent, and a worker may be
known to be dead before its last event is read.
"""

from __future__ import annotations

from collections.abc import Sequence

from wsgiviz.events import Event
from wsgiviz.state.reduce import contract, lines, load, requests, samples, session, tasks, threads, workers
from wsgiviz.state.reduce.draft import Handlers, SideDraft
from wsgiviz.state.reduce.session import StateDraft
from wsgiviz.state.reduce.workers import bury, revive
from wsgiviz.state.state import State

OF_SIDE: Handlers = {
    kind: handle
    for source in (workers, requests, tasks, threads, lines, contract, load, samples)
    for kind, handle in source.HANDLERS.items()
}

OF_WORKER: frozenset[type[Event]] = frozenset(
    {
        *requests.HANDLERS,
        *tasks.HANDLERS,
        *threads.HANDLERS,
        *lines.HANDLERS,
        *contract.HANDLERS,
        *samples.HANDLERS,
        *(
            kind
            for kind in workers.HANDLERS
            if kind.__name__ not in ("WorkerDied", "WorkerGone", "WorkerHeard", "MasterExited")
        ),
    }
)
"""Events whose pid is that of a worker, which may be dead by the time that they are read."""


def reduce(state: State, events: Sequence[Event]) -> State:
    """The State after ``events``, which should be in order of time as far as possible."""
    if not events:
        return state
    draft = StateDraft(state)
    drafts, of_side = draft.drafts, OF_SIDE
    newest_ns = 0
    for event in events:
        if event.t_ns > newest_ns:
            newest_ns = event.t_ns
        kind = type(event)
        handle = of_side.get(kind)
        if handle is None:
            of_all = session.HANDLERS.get(kind)
            if of_all is not None:
                of_all(draft, event)
            continue
        side = drafts.get(event.side) or draft.side(event.side)
        if side is None:
            continue
        side.events += 1
        if side.graves and event.pid in side.graves and kind in OF_WORKER:
            _reduce_late(side, event)
        else:
            handle(side, event)
    return draft.publish(newest_ns)


def _reduce_late(side: SideDraft, event: Event) -> None:
    """An event of a worker that is known to be dead: it happened before that, or its pid has come again."""
    handle, death = OF_SIDE[type(event)], side.graves[event.pid]
    if event.t_ns > death.t_ns:
        if type(event).__name__ == "WorkerBooting":
            del side.graves[event.pid]
        handle(side, event)
        return
    revive(side, event.pid)
    handle(side, event)
    if event.pid in side.graves:  # its master has gone since, too; what it died of comes first
        revive(side, event.pid)
    bury(side, event.pid, death)
