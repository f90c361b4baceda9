"""The report of a recording that ``wsgiviz attach --record`` has made: what was seen of somebody else's servers.

The JSON, schema 1, null for what is not known, times in seconds; "at" is since the viewer was attached, so that what
was read of the time before is negative:

- ``schema``, ``wsgiviz`` (its version), ``attached`` (true), ``started`` (ISO 8601, when the viewer was), ``host``,
  ``seconds`` (how long it looked), ``lints`` (as `wsgiviz.report.result` has them), ``sides`` by name
- of a side: ``kind`` (sync, gthread, gevent, asgi, uvicorn), ``command``, ``address``, ``pid`` (its master's),
  ``masters`` (two while USR2 replaced one), ``ended``, ``served`` (requests that ended in that time, and before it as
  far as the rings went back), ``in_app`` (at the end) and ``max_in_app``, ``per_s`` and ``p50_s`` (of the last 10 s),
  ``accept_queue`` (``depth`` at the end, ``max``, ``limit``), ``events``, ``events_lost``, ``workers``, ``deaths``
- of a worker at the end: ``pid``, ``number``, ``thread`` (0 where its process is one), ``activity``, ``for_s``,
  ``rss_bytes``, ``request`` (its id)
- of a death: ``pid``, ``worker`` (its number), ``at_s``, ``cause`` (words), ``by``, ``signal``, ``exit_status``,
  ``booting``, ``silent_s`` (from its last record), ``heartbeat_s`` (from its last heartbeat), ``requests`` (each with
  ``target``, ``age_s``, ``line``, ``line_since_s``)
- with a ledger, ``requests`` at the top level, those that are kept: ``side``, ``id``, ``target``, ``client``,
  ``pid``, ``thread``, ``accepted_s``, ``began_s``, ``ended_s``, ``status``, ``raised``, ``cpu_s``, ``line``
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from wsgiviz import __version__
from wsgiviz.analysis.attached import lately, served
from wsgiviz.analysis.attached_captions import attached_captions
from wsgiviz.analysis.black_box import DeathReport, reports
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.report.plain import spelled
from wsgiviz.state import Request, Side, State, Worker

SCHEMA = 1


def attached_result(state: State, occurrences: Occurrences, ledger: bool = False) -> dict[str, Any]:
    """As it was at the newest event of ``state``, as an object for JSON."""
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "wsgiviz": __version__,
        "attached": True,
        "started": state.started,
        "host": dict(state.host),
        "seconds": max(0, state.t_ns - state.attached_ns) / 1e9,
        "sides": {name: _side(state, state.sides[name]) for name in state.side_names},
        "lints": [row for row in occurrences.rows() if row["side"] in state.sides],
    }
    if ledger:
        found["requests"] = [
            _request(state, name, one) for name in state.side_names for one in state.sides[name].ledger
        ]
    return found


def _side(state: State, side: Side) -> dict[str, Any]:
    server, recent = side.server, lately(side, state.t_ns)
    known = server.queue_depth >= 0
    return {
        "kind": side.kind,
        "command": list(server.command),
        "address": server.address or None,
        "pid": server.pid or None,
        "masters": list(server.masters),
        "ended": bool(server.gone_ns),
        "served": served(side),
        "in_app": side.run.in_app,
        "max_in_app": side.run.in_app_peak.most,
        "per_s": recent.per_s,
        "p50_s": recent.p50_s,
        "accept_queue": {
            "depth": server.queue_depth if known else None,
            "max": side.run.max_queue if known else None,
            "limit": server.queue_limit if known and server.queue_limit >= 0 else None,
        },
        "events": server.events,
        "events_lost": server.lost,
        "workers": [_worker(state, one) for one in server.living()],
        "deaths": [_death(state, one) for one in reports(side)],
    }


def _worker(state: State, worker: Worker) -> dict[str, Any]:
    return {
        "pid": worker.pid,
        "number": worker.number,
        "thread": worker.slot,
        "activity": worker.activity.value,
        "for_s": max(0, state.t_ns - worker.since_ns) / 1e9,
        "rss_bytes": worker.rss_bytes or None,
        "request": worker.req or None,
    }


def _death(state: State, report: DeathReport) -> dict[str, Any]:
    return {
        "pid": report.pid,
        "worker": report.number,
        "at_s": _at_s(state, report.at_ns),
        "cause": report.cause.words,
        "by": report.cause.by,
        "signal": report.cause.signal,
        "exit_status": report.cause.exit_status,
        "booting": report.booting,
        "silent_s": _s(report.silent_ns),
        "heartbeat_s": _s(report.heartbeat_ns),
        "requests": [
            {"target": one.target or None, "age_s": _s(one.age_ns), "line": one.line, "line_since_s": _s(one.line_ns)}
            for one in report.requests
        ],
    }


def _request(state: State, side: str, request: Request) -> dict[str, Any]:
    return {
        "side": side,
        "id": request.id,
        "target": request.target or None,
        "client": request.peer or None,
        "pid": request.pid or None,
        "thread": request.slot,
        "accepted_s": _at_s(state, request.accepted_ns),
        "began_s": _at_s(state, request.began_ns),
        "ended_s": _at_s(state, request.ended_ns),
        "status": request.app_status or None,
        "raised": request.raised or None,
        "cpu_s": _s(request.cpu_ns if request.cpu_ns >= 0 else None),
        "line": request.where.words if request.where is not None else None,
    }


def _s(ns: int | None) -> float | None:
    return None if ns is None else ns / 1e9


def _at_s(state: State, t_ns: int) -> float | None:
    return (t_ns - state.attached_ns) / 1e9 if t_ns else None


# --- in words -----------------------------------------------------------------------------------------------------


def attached_summary(state: State, occurrences: Occurrences, ascii_only: bool = False) -> RenderableType:
    """The servers in one table, and below it what the screen says of them, deaths, and which lints applied."""
    sides = [state.sides[name] for name in state.side_names]
    seconds = max(0, state.t_ns - state.attached_ns) / 1e9
    style = box.ASCII if ascii_only else box.HEAVY_HEAD
    table = Table(title=Text(f"attached for {seconds:.1f} s"), title_justify="left", box=style)
    table.add_column("")
    for side in sides:
        table.add_column(Text(spelled(" ".join(side.server.command), ascii_only)), justify="right")
    columns = [dict(_figures(state, side)) for side in sides]
    for label in columns[0] if columns else ():
        table.add_row(label, *(Text(spelled(column[label], ascii_only)) for column in columns))
    return Group(table, *(Text(spelled(line, ascii_only)) for line in _lines(state, occurrences, sides)))


def _figures(state: State, side: Side) -> Iterator[tuple[str, str]]:
    server, recent = side.server, lately(side, state.t_ns)
    waiting = f"{server.queue_depth} (peak {side.run.max_queue})" if server.queue_depth >= 0 else "unknown"
    yield "kind", side.kind
    yield "master", ", ".join(map(str, server.masters)) or str(server.pid)
    yield "listens at", server.address or "unknown"
    yield "workers", str(len(server.processes()))
    yield "served", str(served(side))
    yield "a second, lately", f"{recent.per_s:.1f}"
    yield "in the app", f"{side.run.in_app} (peak {side.run.in_app_peak.most})"
    yield "accept queue", waiting
    yield "workers that died", str(server.deaths)
    yield "events lost", str(server.lost)


def _lines(state: State, occurrences: Occurrences, sides: list[Side]) -> Iterator[str]:
    said = attached_captions(state, state.t_ns, occurrences.found)
    several = len(sides) > 1
    for side in sides:
        yield f"{side.kind}: {said[side.name].text}" if several else said[side.name].text
    for side in sides:
        for one in reports(side):
            held = ", ".join(f"{lost.target or 'a request'}{_at(lost.line)}" for lost in one.requests[:3])
            yield f"Worker {one.number} (pid {one.pid}) {one.cause.words}{' with ' + held if held else ''}."
    for row in occurrences.rows():
        if row["side"] in state.sides:
            yield f"{row['name']}: {row['message']}"


def _at(line: str | None) -> str:
    return f" at {line}" if line else ""
