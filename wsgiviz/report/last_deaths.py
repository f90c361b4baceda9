"""``wsgiviz dump --last``: the black box. What workers under ``wsgiviz exec`` did when they were killed or crashed.

docs/dump.md has the keys of the JSON; a test compares them with what is written.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from wsgiviz.analysis import deaths
from wsgiviz.analysis.black_box import LostRequest, held_at_death, lost, report
from wsgiviz.control.served_log import ServedLog, ring_headers
from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.observe.kernel import gone_status
from wsgiviz.recorder import served
from wsgiviz.recorder.keeping import is_alive
from wsgiviz.report.dump import not_read, write
from wsgiviz.report.dump_facts import Facts, now_iso
from wsgiviz.report.dump_page import WORTH_SAYING_S, clipped, length, wrapped
from wsgiviz.state import Side, Worker

MOST_DIRECTORIES = 32
MOST_DEATHS = 20
"""Of each server, and that are shown in all."""

UNSEEN = "is gone, and nothing is recorded of how: its master is gone too"
NOBODY_KNOWN = (
    "who has sent it is not recorded: its master has not, and the kernel counts no process ended for lack of memory"
)
NOT_YET_KNOWN = "who has sent it is not known yet: its master has not recorded its end"
NOT_YET = "is gone, and its master has not recorded how"


def run_last(pid: int | None, json: str | None, ascii_only: bool) -> int:
    """Write the page, or the JSON. Gives 1 where there is a death, else 0. Raises UsageError."""
    found = last(pid)
    write(found, page(found, ascii_only), json)
    return int(found["status"])


def last(pid: int | None = None) -> Facts:
    """The deaths of the servers that ``pid`` belonged to, or of all."""
    directories = list(served.found())[-MOST_DIRECTORIES:]
    if pid is not None:
        directories = [
            (path, about)
            for path, about in directories
            if pid == about.pid or any(pid == header.pid for header in ring_headers(path))
        ]
        if not directories:
            raise UsageError(f"dump --last: nothing is recorded of a server {pid}", "wsgiviz dump --last shows all")
    found: list[Facts] = []
    for path, about in reversed(directories):
        with suppress(WsgivizError), closing(ServedLog(path, about)) as log:  # it may have been removed just now
            log.begin()
            found += _of_server(log)
    found.sort(key=lambda death: death["ago_s"])
    return {
        "schema": 1,
        "taken": now_iso(),
        "status": int(bool(found)),
        "deaths": found[:MOST_DEATHS],
        "not_read": not_read(),
    }


def _of_server(log: ServedLog) -> list[Facts]:
    found: list[Facts] = []
    for side in log.state.sides.values():
        seen = deaths.dead(side)[-MOST_DEATHS:]
        found += [_death(log, side, worker, True) for worker in seen]
        found += [_death(log, side, worker, False) for worker in _unseen(log, side)][-MOST_DEATHS:]
    return found


def _unseen(log: ServedLog, side: Side) -> Iterator[Worker]:
    """Workers that live as far as the records go, and whose process is gone; each process once."""
    shown: dict[int, Worker] = {}
    for worker in side.server.workers.values():
        since_ns = worker.booted_ns or log.about.started_ns
        gone = worker.alive and not worker.exited and not _runs(worker.pid, since_ns)
        if gone and (worker.pid not in shown or worker.req):
            shown[worker.pid] = worker
    yield from shown.values()


def _runs(pid: int, since_ns: int) -> bool:
    """A zombie, which nobody has reaped yet, does not."""
    return is_alive(pid, since_ns) and gone_status(pid) is None


def _death(log: ServedLog, side: Side, worker: Worker, seen: bool) -> Facts:
    last_ns = log.last_ns.get(worker.pid, 0)
    known = report(side, worker, last_ns)
    cause, until_ns, requests = known.cause, known.at_ns or last_ns, known.requests
    if not seen:  # it lives as far as the records go
        cause = deaths.Cause(NOT_YET if _runs(side.server.pid, log.about.started_ns) else UNSEEN, "not known")
        until_ns = last_ns
        requests = tuple(lost(one, last_ns) for one in held_at_death(side, worker))
    return {
        "pid": worker.pid,
        "worker": worker.number,
        "server": log.about.pid,
        "command": list(log.about.command),
        "folder": log.about.folder,
        "at": _iso(log.about, until_ns) if until_ns else None,
        "ago_s": _ago_s(log.about, until_ns),
        "cause": cause.words,
        "by": cause.by,
        "signal": cause.signal,
        "note": _note(worker, cause) if seen else None,
        "exit_status": cause.exit_status,
        "booting": known.booting if seen else not worker.ready_ns,
        "silent_s": known.silent_ns / 1e9 if seen and known.silent_ns is not None else None,
        "seen": seen,
        "requests": [_request(one) for one in requests],
        "line": known.line,
    }


def _note(worker: Worker, cause: deaths.Cause) -> str | None:
    """What is known of a SIGKILL that nobody is known to have sent."""
    death = worker.death
    if cause.by is not None or cause.signal != "SIGKILL" or death is None or death.oom:
        return None
    return NOT_YET_KNOWN if death.unreported else NOBODY_KNOWN


def _request(request: LostRequest) -> Facts:
    return {
        "target": request.target or None,
        "age_s": request.age_ns / 1e9,
        "line": request.line,
        "line_since_s": request.line_ns / 1e9 if request.line_ns is not None else None,
    }


def _wall(about: served.About, at_ns: int) -> datetime | None:
    """Both clocks were noted when the command was run, so that this holds after a reboot too."""
    with suppress(ValueError, OverflowError):
        started = datetime.fromisoformat(about.started)
        if started.tzinfo is not None:
            return started.astimezone(UTC) + timedelta(microseconds=(at_ns - about.started_ns) / 1000)
    return None


def _iso(about: served.About, at_ns: int) -> str | None:
    at = _wall(about, at_ns)
    return at.isoformat(timespec="seconds") if at is not None else None


def _ago_s(about: served.About, at_ns: int) -> float:
    at = _wall(about, at_ns)
    return max(0.0, time.time() - at.timestamp()) if at is not None else 0.0


# --- the page -----------------------------------------------------------------------------------------------------


def page(found: Facts, ascii_only: bool) -> str:
    """The text, with a newline at its end."""
    lines: list[str] = []
    for death in found["deaths"]:
        lines += [*_rows(death, ascii_only), ""]
    if not found["deaths"]:
        lines = ["No worker under wsgiviz exec has died out of order, as far as the black box goes."]
    lines += [line for words in found["not_read"] for line in wrapped(f"? not read: {words}", "", ascii_only)]
    return "\n".join(clipped(line, ascii_only) for line in lines).rstrip("\n") + "\n"


def _rows(death: dict[str, Any], ascii_only: bool) -> Iterator[str]:
    at = f"{death['at'].replace('T', ' ').removesuffix('+00:00')} UTC" if death["at"] else "time not known"
    yield f"{at}, {length(death['ago_s'])} ago: worker {death['pid']}"
    yield f"  of {' '.join(death['command'])} ({death['server']})"
    yield from wrapped(f"! it {death['cause']}", "  ", ascii_only)
    if death["note"]:
        yield from wrapped(death["note"], "  ", ascii_only)
    if death["silent_s"] is not None and death["silent_s"] >= WORTH_SAYING_S:
        yield f"  its last record was {length(death['silent_s'])} older"
    if death["booting"]:
        yield f"  while it loaded the app{' at ' + death['line'] if death['line'] else ''}"
    elif not death["requests"]:
        yield "  it held no request"
    at_least = "" if death["seen"] else "at least "
    for one in death["requests"]:
        line = f", last seen at {one['line']}" if one["line"] else ", at no line that was seen"
        since = f" (there for {length(one['line_since_s'])})" if one["line_since_s"] is not None else ""
        yield f"  {(one['target'] or 'a request')[:50]}, for {at_least}{length(one['age_s'])}{line}{since}"
