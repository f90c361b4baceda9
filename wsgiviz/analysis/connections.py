"""Connections that last, in words: WebSockets, and those that clients keep for their next request. Pure."""

from __future__ import annotations

from wsgiviz.analysis.lints import LintContext, wording
from wsgiviz.state import Run, Side


def websockets(context: LintContext) -> str:
    """What became of the WebSockets of a run that is over; "" where none were asked for."""
    sides = [side for side in context.sides if side.run.websocket and side.run.ended_ns and side.run.completed]
    return ". ".join(f"{context.label(side)} {websockets_of(side)}" for side in sides)


NO_WAY = "its contract has no way to hand over a connection"


def websockets_of(side: Side) -> str:
    """The same of one side, as a predicate: "refused all 20 WebSockets (400): ..."."""
    run, found = side.run, side.run.websockets
    if not found.opened:
        why = f": {NO_WAY}" if side.protocol == "wsgi" else ""
        return f"refused {_of(run.refused, run.planned)} WebSockets ({_statuses(run)}){why}"
    workers = len(side.server.processes())
    on = "1 worker" if workers == 1 else f"{workers} workers"
    held = found.most_open if found.most_open == run.planned else f"{found.most_open} of {run.planned}"
    return f"held {held} at once on {on}; clients answered {found.pings_answered} pings"


def _of(count: int, planned: int) -> str:
    return f"all {count}" if count == planned else f"{count} of {planned}"


def _statuses(run: Run) -> str:
    return ", ".join(str(status) for status in sorted(run.statuses) if status != 101)


def while_open(context: LintContext) -> str:
    """While a run is on: what its open WebSockets hold, and who has refused them; "" when none is open."""
    sides = [side for side in context.sides if side.run.websocket]
    held = [side for side in sides if side.run.running and side.run.websockets.open]
    if not held:
        return ""
    each = [f"{side.run.websockets.open} WebSockets{context.of_side(side)} are open" for side in held]
    refusing = [side for side in sides if side.run.ended_ns and side.run.refused]
    refusals = [f"{context.label(side)} {websockets_of(side)}" for side in refusing]
    return ". ".join([f"{', '.join(each)}, and each is a task that waits{context.waits_in(held[0])}", *refusals])


def kept(context: LintContext) -> str:
    """What clients that keep their connections got from each side, as a verdict; "" where they do not."""
    sides = [side for side in context.sides if side.run.ended_ns and side.run.connections.made]
    if not context.state.settings.reuse_connections or not sides:
        return ""
    again = any(side.run.connections.reused for side in sides)
    if not again and all(side.run.planned <= context.users for side in sides):
        return "each user sent one request, so no connection was used twice."
    each = [_carried(side) for side in sides]
    alike = len(each) == 2 and each[0] == each[1]
    parts = (
        [f"both {each[0]}"] if alike else [f"{context.label(s)} {did}" for s, did in zip(sides, each, strict=True)]
    )
    idle = _idle(sides)
    return f"{'; '.join(parts)}.{f' {idle}.' if idle else ''}"


def _carried(side: Side) -> str:
    """What it did, as a predicate: "answered 40 requests over 8 connections"."""
    made = side.run.connections
    requests = wording.requests(side.run.completed)
    connections = "1 connection" if made.made == 1 else f"{made.made} connections"
    who = _reason(side)
    return f"answered {requests} over {connections}{f', since {who}' if who else ''}"


def _reason(side: Side) -> str:
    """Why none was used twice; "" where one was, or where nobody is known to have closed any."""
    made = side.run.connections
    if made.reused:
        return ""
    if side.kind == "sync":
        return "a sync worker closes each after its answer"
    return "the server closed each" if made.closed_by_server else ""


def while_kept(context: LintContext) -> str:
    """While a run is on: what the connections hold that are open between two requests; "" when none is."""
    sides = [side for side in context.sides if side.run.running and side.run.connections.reused]
    if not sides:
        return ""
    if len(sides) == 1:
        return f"{sides[0].run.connections.open} connections are kept open. {_idle(sides)}."
    open_now = [f"{side.run.connections.open} by {context.label(side)}" for side in sides]
    return f"Connections are kept open: {', '.join(open_now)}. {_idle(sides)}."


def _idle(sides: list[Side]) -> str:
    """ "One that is idle holds no thread and no task"."""
    keeping = [side for side in sides if side.run.connections.reused]
    holds = {"gevent": "a greenlet that waits", "gthread": "no thread"}
    held = dict.fromkeys(holds.get(side.kind, "no task") for side in keeping)
    return f"One that is idle holds {' and '.join(held)}" if held else ""
