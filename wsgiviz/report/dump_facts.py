"""What ``wsgiviz dump`` knows of one server, as plain values: from outside, and from the probe where there is one.

The keys are those of the JSON (docs/dump.md). Texts are as the server has them: whoever shows
them escapes them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from wsgiviz.analysis import deaths
from wsgiviz.analysis.black_box import MOST_REQUESTS, held_at_death
from wsgiviz.analysis.lints import findings
from wsgiviz.analysis.lints.context import LintContext
from wsgiviz.control.served_log import ServedLog
from wsgiviz.events import NO_TIMEOUT
from wsgiviz.observe.outside import OutsideServer, OutsideWorker, Queue
from wsgiviz.observe.py_spy import Spied
from wsgiviz.observe.worker_timeout import WorkerTimeout, timeout_of
from wsgiviz.report.dump_waits import waiting
from wsgiviz.state import Activity, Request, Side, State, Worker

BLOCKED_S = 10.0
"""A worker that has been at one request for longer is found; or for half of gunicorn's --timeout, if that is less."""

RECENT_NS = 300_000_000_000
"""A death is found for so long."""

OF_DEATHS = frozenset({"worker-died", "worker-timeout"})
"""Lints that are said of each death here."""

FIRST = (
    "no-workers", "worker-dead", "worker-stopped", "worker-died", "worker-timeout", "all-workers-busy",
    "all-workers-blocked", "accept-queue", "loop-held", "request-lasts",
)  # fmt: skip
"""Findings in this order, then all others."""

SAME = {"all-workers-busy": "all-workers-blocked"}

NO_MORE = {
    "dead": "has ended, and its master has not reaped it",
    "stopped": "is stopped (SIGSTOP, or a debugger): it serves nobody",
}
"""What the kernel says of a process counts then: the probe in it can't say it any more."""

MOST_DEATHS = 5
MOST_CLIENTS = 20
Facts = dict[str, Any]

NO_PROBE = (
    "which request each worker has, for how long, and what waits inside the process: "
    "start the server with wsgiviz exec to know"
)
NO_PY_SPY = "at which line it is: pip install 'wsgiviz[dump]' brings py-spy, which reads lines from outside"


def facts(server: OutsideServer, probe: ServedLog | None, spied: Mapping[int, Spied], has_py_spy: bool) -> Facts:
    """Of one server."""
    state = probe.state if probe is not None else None
    timeout = _timeout(server, probe)
    workers = [_worker(server, worker, state, spied.get(worker.pid)) for worker in server.workers]
    found: Facts = {
        "pid": server.tree.master.pid,
        "program": server.tree.program,
        "command": list(server.tree.master.command),
        "folder": server.folder,
        "age_s": server.age_s,
        "probe": probe is not None,
        "kind": _kind(state, server),
        "watched_s": server.watched_s,
        "timeout_s": timeout.seconds if timeout is not None else None,
        "timeout_source": timeout.source if timeout is not None else None,
        "accept_queues": [_queue(queue) for queue in server.queues],
        "workers": workers,
    }
    found["waiting"] = waiting(server, workers, state, _sides(state, server), spied)
    found["findings"] = in_order([*_own_findings(server, found), *_probe_findings(server, state)])
    found["unknown"] = _unknown(found, spied, has_py_spy)
    if probe is not None and probe.damaged:
        found["unknown"].append(probe.damaged)
    return found


def _timeout(server: OutsideServer, probe: ServedLog | None) -> WorkerTimeout | None:
    """gunicorn's --timeout; None of another server. The probe has it from a worker's own settings."""
    if server.tree.program != "gunicorn":
        return None
    if probe is not None and probe.timeout:
        return WorkerTimeout(0.0 if probe.timeout == NO_TIMEOUT else float(probe.timeout), "the probe")
    master = server.tree.master
    return timeout_of(master.pid, probe.about.command if probe is not None else master.command, server.folder)


def _kind(state: State | None, server: OutsideServer) -> str | None:
    kinds = {side.kind for side in _sides(state, server)}
    return kinds.pop() if len(kinds) == 1 else None


def _sides(state: State | None, server: OutsideServer) -> list[Side]:
    """The sides that have a worker of this server; one directory may have several servers (USR2)."""
    if state is None:
        return []
    pids = server.tree.pids
    return [
        side
        for side in state.sides.values()
        if side.server.pid in pids or any(worker.pid in pids for worker in _all(side))
    ]


def _all(side: Side) -> list[Worker]:
    return list(side.server.workers.values())


def _queue(queue: Queue) -> Facts:
    return {"address": queue.address, "depth": queue.depth, "depth_before": queue.before, "limit": queue.limit}


# --- workers ------------------------------------------------------------------------------------------------------


def _worker(server: OutsideServer, worker: OutsideWorker, state: State | None, spied: Spied | None) -> Facts:
    main = worker.main
    clients = worker.clients
    row: Facts = {
        "pid": worker.pid,
        "number": None,
        "age_s": worker.age_s,
        "later": worker.later,
        "activity": worker.activity,
        "for_s": None,
        "requests": None,
        "lines": [line.words for line in spied.lines] if spied is not None and not spied.problem else None,
        "rss_bytes": worker.rss_bytes,
        "cpu": worker.cpu,
        "children": worker.children,
        "threads": len(worker.threads) or None,
        "waits_in": main.words if main is not None else None,
        "threads_in": [thread.words for thread in worker.threads[1:]],
        "clients": None if clients is None else len(clients),
        "peers": None if clients is None else [one.peer for one in clients[:MOST_CLIENTS] if one.peer],
        "unread_bytes": None if clients is None else sum(one.waiting or 0 for one in clients),
    }
    for side in _sides(state, server):
        slots = [slot for slot in _all(side) if slot.pid == worker.pid]
        if slots and state is not None:
            row |= _probed(side, slots, state.t_ns, row["waits_in"])
            if worker.activity in NO_MORE:
                row["activity"] = worker.activity
    return row


def _probed(side: Side, slots: Sequence[Worker], now_ns: int, waits_in: str | None) -> Facts:
    """What the probe adds. A step that waits (``waits_in``, from outside) keeps its loop, and does not compute."""
    pid = slots[0].pid
    requests = sorted(
        (one for one in side.ledger.in_flight() if one.pid == pid and one.in_app), key=lambda one: one.began_ns
    )
    shown = max(slots, key=lambda slot: (slot.busy, now_ns - slot.since_ns))
    row: Facts = {
        "number": shown.number,
        "requests": [_request(one, slots, side, now_ns) for one in requests[:MOST_REQUESTS]],
    }
    if side.is_loop:
        row["activity"] = "waiting" if requests else "idle"
        if any(one.task.value == "running" for one in requests):
            row["activity"] = "computing" if waits_in is None or waits_in.startswith("epoll") else "blocked"
        if not shown.alive or shown.activity in (Activity.BOOTING, Activity.STOPPING):
            row["activity"] = shown.activity.value
    else:
        row["activity"] = shown.activity.value
        row["for_s"] = _s(now_ns - shown.since_ns)
    if requests:
        row["lines"] = [where for one in row["requests"] if (where := one["line"])] or row.get("lines")
    if row.get("lines") is None:
        row.pop("lines", None)
    return row


def _request(one: Request, slots: Sequence[Worker], side: Side, now_ns: int) -> Facts:
    slot = next((slot for slot in slots if slot.req == one.id), None)
    activity = one.task.value if side.is_loop or slot is None else slot.activity.value
    return {
        "id": one.id,
        "target": one.target or None,
        "age_s": _s(now_ns - one.began_ns),
        "activity": activity,
        "queue_wait_s": _s(one.began_ns - one.accepted_ns) if one.accepted_ns else None,
        "line": one.where.words if one.where is not None else None,
        "thread": slot.slot if slot is not None else None,
    }


def _s(ns: int) -> float:
    return max(0, ns) / 1e9


# --- findings -----------------------------------------------------------------------------------------------------


def in_order(found: Sequence[Facts]) -> list[Facts]:
    """What ends requests, or keeps all of them out, first. What the lints of the probe say of the same again goes."""
    names = {one["name"] for one in found}
    again = {ours for ours, theirs in SAME.items() if theirs in names}
    rank = {name: at for at, name in enumerate(FIRST)}
    return sorted(
        (one for one in found if one["name"] not in again), key=lambda one: rank.get(one["name"], len(rank))
    )


def _own_findings(server: OutsideServer, found: Facts) -> list[Facts]:
    names = []
    for row in found["workers"]:
        if row["activity"] in NO_MORE:
            names.append(_finding(f"worker-{row['activity']}", f"{row['pid']} {NO_MORE[row['activity']]}"))
    if not found["workers"]:
        names.append(_finding("no-workers", "the master has no workers"))
    names += _too_long(found["workers"], blocked_limit_s(found["timeout_s"]))
    for queue in server.queues:
        words = _queue_words(queue)
        if words:
            names.append(_finding("accept-queue", words))
    in_queue = sum(queue.depth or 0 for queue in server.queues if queue.before)
    busy = [row for row in found["workers"] if row["activity"] in ("blocked", "computing", "reading", "writing")]
    if in_queue and busy and len(busy) == len(found["workers"]):
        who = "the only worker is" if len(busy) == 1 else f"all {len(busy)} workers are"
        wait = "connection waits" if in_queue == 1 else "connections wait"
        names.append(
            _finding(
                "all-workers-busy",
                f"{who} busy, and {in_queue} {wait} to be accepted",
            )
        )
    return names


def blocked_limit_s(timeout_s: float | None) -> float:
    return min(BLOCKED_S, timeout_s / 2) if timeout_s else BLOCKED_S


def _too_long(rows: Sequence[Facts], limit_s: float) -> list[Facts]:
    old = [(row["pid"], one) for row in rows for one in row["requests"] or [] if one["age_s"] > limit_s]
    if not old:
        return []
    old.sort(key=lambda found: -found[1]["age_s"])
    pid, first = old[0]
    what = first["target"] or "a request"
    where = f", now at {first['line']}" if first["line"] else ""
    words = f"worker {pid} has been at {what} for {first['age_s']:.0f} s{where}"
    if len(old) > 1:
        words = f"{len(old)} requests have been in the app for more than {limit_s:g} s, the longest: {words}"
    return [_finding("request-lasts", words)]


def _queue_words(queue: Queue) -> str:
    if not queue.depth or not queue.before:
        return ""
    if queue.limit is not None and queue.depth > queue.limit:
        return f"{queue.address}: its accept queue is full ({queue.depth} of {queue.limit})"
    if queue.growing:
        return f"{queue.address}: its accept queue grows ({queue.before}, then {queue.depth})"
    return ""


def _probe_findings(server: OutsideServer, state: State | None) -> list[Facts]:
    if state is None:
        return []
    context = LintContext.of(state, state.t_ns)
    names = {side.name for side in _sides(state, server)}
    messages = [one for one in findings(context) if one.side in names and one.lint not in OF_DEATHS]
    found = [_finding(one.lint, one.message) for one in messages]
    for side in _sides(state, server):
        found += [_died(side, worker, state.t_ns) for worker in _lately_dead(side, state.t_ns)]
    return found


def _lately_dead(side: Side, now_ns: int) -> list[Worker]:
    """The newest first."""
    dead = [one for one in deaths.dead(side) if one.death is not None and now_ns - one.death.t_ns < RECENT_NS]
    return dead[::-1][:MOST_DEATHS]


def _died(side: Side, worker: Worker, now_ns: int) -> Facts:
    ago_s = _s(now_ns - worker.death.t_ns) if worker.death is not None else 0.0
    words = f"worker {worker.pid} {deaths.cause(worker, side).words} {ago_s:.0f} s ago"
    held = held_at_death(side, worker)
    for one in held[:1]:
        where = f", last seen at {one.where.words}" if one.where is not None else ""
        words += f", with {one.target or 'a request'}{where}"
    if len(held) > 1:
        words += f", and {len(held) - 1} more"
    return _finding("worker-timeout" if worker.died_of == "timeout" else "worker-died", words)


def _finding(name: str, words: str) -> Facts:
    return {"name": name, "words": words}


def _unknown(found: Facts, spied: Mapping[int, Spied], has_py_spy: bool) -> list[str]:
    unknown = []
    if not found["probe"]:
        unknown.append(NO_PROBE)
        if not has_py_spy:
            unknown.append(NO_PY_SPY)
    problems = {one.problem for one in spied.values() if one.problem}
    unknown += sorted(problems)
    if found["program"] == "gunicorn" and found["timeout_s"] is None:
        unknown.append(f"gunicorn's --timeout: {found['timeout_source']}")
    if any(queue["depth"] is None for queue in found["accept_queues"]):
        unknown.append("how many connections wait at a unix socket")
    if any(row["clients"] is None for row in found["workers"]):
        unknown.append("what its processes hold: /proc does not let this user look, or is not there")
    return unknown


def now_iso() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
