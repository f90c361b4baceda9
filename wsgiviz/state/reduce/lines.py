"""At which lines requests are."""

from __future__ import annotations

from functools import lru_cache

from msgspec.structs import replace

from wsgiviz.events import InnerLineSeen, LineSeen, NestedLoopSeen
from wsgiviz.state.activity import IN_THREADS, INSIDE_THREAD, Task
from wsgiviz.state.reduce.draft import Handlers, SideDraft
from wsgiviz.state.request import STAYS_KEPT, Location, Request, Stay, joined

WAITS = frozenset({Task.AWAITING, Task.FOR_THREAD, Task.IN_PROCESS, Task.FOR_PROCESS})
"""Its own task does not move then."""


@lru_cache(maxsize=4096)
def location(where: str, line: int) -> Location:
    """The location that an event holds as "file|function|call", or "file|function|call|user"."""
    file, function, call, user = (*where.split("|", 3), "", "", "")[:4]
    return Location(file, line, function, call, user)


def _line_seen(side: SideDraft, event: LineSeen) -> None:
    request = side.ledger.get(event.req)
    if request is not None and not request.ended_ns:
        where = location(event.where, event.line)
        stays = _moved(request, where, event.t_ns)
        side.ledger.put(replace(request, where=where, within=None, stays=stays))


def _moved(request: Request, where: Location, t_ns: int) -> tuple[Stay, ...]:
    """Its stays with one more, which began with the wait that is on, or else when it was seen."""
    stays = joined(request.stays)[1 - STAYS_KEPT :]
    task = Task.IN_THREAD if request.task in INSIDE_THREAD else request.task if request.task in IN_THREADS else None
    since_ns = request.since_ns if request.task in WAITS else t_ns
    if stays and not stays[-1].until_ns:
        since_ns = t_ns
        stays = (*stays[:-1], replace(stays[-1], until_ns=t_ns))
    return (*stays, Stay(where, None, since_ns, task=task))


def _inner_line_seen(side: SideDraft, event: InnerLineSeen) -> None:
    request = side.ledger.get(event.req)
    if request is not None and not request.ended_ns:
        within, stays = location(event.where, event.line), request.stays
        if stays:
            stays = (*stays[:-1], replace(stays[-1], within=within))
        side.ledger.put(replace(request, within=within, stays=stays))


def _nested_loop_seen(side: SideDraft, event: NestedLoopSeen) -> None:
    if not side.of_this_run(event.req):
        return
    known = side.run.nested_loop
    if known is None or (event.req, event.line) > (known[0], known[1].line):
        side.run = replace(side.run, nested_loop=(event.req, location(event.where, event.line)))


HANDLERS: Handlers = {
    LineSeen: _line_seen,
    InnerLineSeen: _inner_line_seen,
    NestedLoopSeen: _nested_loop_seen,
}
