"""The reducer: folds events into the picture. Pure: the same picture and events give the same picture.

Events of one process come in order; those of different processes may be late by a poll or two, so each handler
takes what it knows and leaves the rest: a request may be begun before it is known to have been sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from wsgiviz.events import Event, Kind
from wsgiviz.model.folding import driver, requests, samples, tasks, whereabouts, workers
from wsgiviz.model.folding.fold import Fold, Handlers
from wsgiviz.model.state import Picture

HANDLERS: Handlers = {
    kind: handle
    for teller in (workers, requests, tasks, whereabouts, driver, samples)
    for kind, handle in teller.HANDLERS.items()
}


def reduce(picture: Picture, events: Sequence[Event]) -> Picture:
    """The picture after ``events``, which should be in order of time as far as possible."""
    if not events:
        return picture
    folds = {name: Fold(side) for name, side in picture.sides.items()}
    run = picture.run
    for event in events:
        fold = folds.get(event.side)
        handle = HANDLERS.get(event.kind)
        if fold is None or handle is None:
            continue
        fold.events += 1
        handle(fold, event)
        if event.kind == Kind.RUN_STARTED and event.req > run:
            run = event.req
    newest = max(event.t_ns for event in events)
    return Picture(max(picture.t_ns, newest), run, {name: fold.side() for name, fold in folds.items()})
