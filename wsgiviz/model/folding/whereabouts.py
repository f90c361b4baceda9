"""At which line requests are, and who holds a loop there."""

from __future__ import annotations

from msgspec.structs import replace

from wsgiviz.events import Event, Kind
from wsgiviz.model.folding.fold import Fold, Handlers
from wsgiviz.model.state import Hold, Loop, Place


def _where(fold: Fold, event: Event) -> None:
    request = fold.in_flight.get(event.req)
    if request is not None and not request.ended_ns:
        fold.in_flight[event.req] = replace(request, where=place(event.text, event.a), within=None)


def _within(fold: Fold, event: Event) -> None:
    request = fold.in_flight.get(event.req)
    if request is not None and not request.ended_ns:
        fold.in_flight[event.req] = replace(request, within=place(event.text, event.a))


def _nested_loop(fold: Fold, event: Event) -> None:
    if fold.of_this_run(event.req):
        fold.now = replace(fold.now, nested_loop=(event.req, place(event.text, event.a)))


def place(text: str, line: int) -> Place:
    file, function, call = (*text.split("|", 2), "", "")[:3]
    return Place(file, line, function, call)


def _children(fold: Fold, event: Event) -> None:
    request = fold.in_flight.get(event.req)
    if request is not None:
        fold.in_flight[event.req] = replace(request, children=event.a, children_started=event.b)


def _loop_held(fold: Fold, event: Event) -> None:
    loop = fold.loops.get(event.pid) or Loop(event.pid)
    hold = Hold(event.req, event.a, place(event.text, event.b))
    longest = loop.longest_hold
    if longest is None or hold.held_ns > longest.held_ns:
        longest = hold
    fold.loops[event.pid] = replace(loop, held=hold, longest_hold=longest)


HANDLERS: Handlers = {
    Kind.LOOP_HELD: _loop_held,
    Kind.CHILDREN: _children,
    Kind.WHERE: _where,
    Kind.WITHIN: _within,
    Kind.NESTED_LOOP: _nested_loop,
}
