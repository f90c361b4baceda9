"""The result of a run as one JSON object, schema 1. All of it comes from the State and the Occurrences, so that a
recording gives what the live run gave.

Top level: ``schema``, ``wsgiviz`` (its version), ``scenario`` (null for an app of one's own), ``started``
(ISO 8601), ``settings``, ``host``, ``lints`` (pitfalls that were met: ``name``, ``side``, ``message``,
``explanation``, ``source``, ``seconds``), ``verdict`` (null unless the run has finished: ``demand``: waiting,
computing, short, mixed or unknown; ``fits``: event loop, workers, either or unknown; ``words``, ``because``,
``change``: what would change it, ``not_measured``, ``next``: what to try now, each with the ``key`` for it on the
live screen and ``words``), ``sides`` by name. ``host`` has ``cores``, ``usable_cores`` and
``platform`` of the machine, ``wsgiviz`` and ``wsgiviz_python`` (the Python that it runs under), and of the servers
``python``, ``gunicorn``, ``gevent`` and ``uvicorn``: with --python the versions there, and of the gunicorn that is
lent to one that has none. Of each side:

- what ran: ``server``, ``worker_class``, ``workers``, ``threads``, ``app``
- counts: ``requests`` planned, ``completed``, these by status in ``statuses``, redirects by status and place in
  ``redirects``, ``bad_status`` (400 and above), ``failed``, and these by kind in ``errors``; exceptions which left
  the app by name in ``raised``; ``cancelled``, ``workers_recycled`` (by gunicorn's max_requests), ``worker_deaths``
  and, of the newest of them, ``deaths`` (``worker`` its number, ``pid``, ``at_s`` from the run's start, ``cause`` in
  words, ``by`` whom: gunicorn, uvicorn, kernel, wsgiviz, itself, or null; ``signal``, ``exit_status``, ``booting``,
  the ``requests`` that it took along, ``last_seen_at`` which line, that it may have left since); ``after_answer``
  (``count`` and ``seconds`` of requests whose app went on after their client had the answer), ``served_for_nobody``
  (requests that a worker served when their client had given up), ``unobserved`` (answers that no worker is known to
  have given: by the server itself, or by a process that the app has forked), ``forks`` (of the app),
  ``external_requests`` (that our driver has not sent, in the app during the run; they are in no other count, and in
  no distribution)
- clients: ``silent_clients`` (``count`` of connections that held a slot and had sent no byte, looked at once a
  second, and ``max_s``, the longest), ``self_calls`` (``max`` connections at once from workers to their own server,
  seen once a second, ``stuck`` of them while nobody was free to answer), ``accepting_threads_held`` (gthread's, by
  clients that do not hang up: ``seconds`` in all and ``max_s``, one that still lasts included)
- connections: ``connections`` that the clients made; where they keep theirs (--reuse-connections),
  ``kept_connections``: ``max_open`` at once, ``reused`` (requests sent over one that was there), ``requests_each``
  (``mean``, and ``max`` of those that have ended), ``closed_by_server``. Where they open WebSockets, ``websockets``:
  ``opened``, ``refused`` (answered with another status), ``max_open`` at once, ``messages`` from the app without its
  pings, ``pings_answered`` (ping frames, and an app's "ping" messages), ``closed_normally``; each is a request with
  status 101 that lasts until it is closed
- where the scenario follows the steps between server and app, ``contract``, the newest of them in order: each
  ``at_s`` from the run's start, ``request`` its id, ``step`` (`wsgiviz.recorder.contract_steps.WORDS`), ``value``
  that is passed, cut short, ``by`` whom: server or app; null elsewhere
- the whole: ``makespan_s``, ``predicted_makespan_s`` with ``predicted_by`` and ``caveat``, ``throughput_rps``
- distributions: ``latency_s`` (from the planned time), ``latency_from_sent_s``, ``queue_wait_s``,
  ``service_s``, ``schedule_lag_s``; each mean, p50, p90, p95, p99 (nearest rank: the smallest value that at least
  that share of all do not exceed), max; null without a value
- where several paths are asked for, ``paths``: of each ``path``, ``weight``, ``requests``, ``completed``, ``failed``,
  ``statuses``, and the distributions ``latency_s``, ``queue_wait_s``, ``service_s``
- ``shares`` of the time of all workers (or loops) from the run's start to its end: ``blocked``, ``computing``,
  ``gil_wait``, ``transfer`` (reading and writing), ``idle``
- ``busy_fraction`` of all workers' time, and of the busy time ``blocked_fraction``, ``computing_fraction``,
  ``gil_wait_fraction`` (could go on, and another thread had the interpreter lock), ``reading_fraction``,
  ``writing_fraction``; the same in seconds for each worker in ``per_worker``
- where requests share event loops, ``loops``, one for each worker, those that died included: ``pid``, ``number``,
  ``requests`` that it has taken, ``max_lag_s``, ``longest_step_s``, ``busy_fraction``; a step that is still on counts
  with its length so far. ``loop`` has the greatest of each of the last three. ``gil_wait_s``: waiting for the GIL, by
  samples
- the pools of threads behind them that requests used, ``pools``: ``kind`` (anyio: AnyIO's default limiter, limiter:
  another one of AnyIO's, asyncio: the loop's default executor, asgiref: its only thread, executor: any other,
  processes: an executor of processes, process-limiter: AnyIO's for processes), ``name`` (of an executor), ``pid``,
  ``number`` of its worker, ``size`` (null for any number of threads),
  ``max_running``, ``max_waiting``, ``running`` and ``waiting`` at the end; sampled, whoever uses them. In
  ``thread_wait_s`` the distribution of how long requests waited for threads, of those that called something in one
- ``max_accept_queue`` (of ``accept_queue_limit``), ``max_in_flight`` (inside the app at once, external ones too)
- ``driver_max_lag_s``, ``driver_busy_fraction`` (of the run that the load driver was on a CPU or waited for one; near
  1 it can't send more), ``events``, ``events_lost``

With a ledger, ``requests`` at the top level: every request that is kept (`wsgiviz.state.LEDGER_KEPT` of each side),
once, by id; times in seconds from the run's start, as they can be true together (`wsgiviz.analysis.stamps`): planned
<= sent <= connected <= accepted <= began <= ended <= released, and sent <= first byte <= received, but for a
``reused`` connection, which was connected before; ``opened_s``: a WebSocket's handshake was accepted;
``location``: of a redirect, where to, without its query; ``for_nobody``: served when its client had given up;
``worker_died``: its worker died and took it along;
``after_answer_s``: for how long the app went on after the answer, 0 when it only closed; of a request that is not
over ``state`` (a loop's: queued, running, ready, awaiting, in a thread, computing in a thread, waiting for the GIL in
a thread, waiting for a thread, in a process, waiting for a process) and ``at``, the app's line; ``in_thread_s``: in
threads behind a loop, of that ``thread_computing_s`` and ``thread_gil_wait_s``, by samples; ``in_process_s``: in
processes of a pool; ``thread_wait_s``: waiting for a thread or such a process. What is not known is null, never zero.
"""

from __future__ import annotations

from dataclasses import fields
from math import isfinite
from typing import Any

import msgspec

from wsgiviz import __version__
from wsgiviz.analysis import contract, deaths, metrics
from wsgiviz.analysis.by_path import by_path
from wsgiviz.analysis.cpu_load import driver_load
from wsgiviz.analysis.entries import entries
from wsgiviz.analysis.loop_times import loop_times
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.analysis.prediction import prediction
from wsgiviz.analysis.shares import shares
from wsgiviz.analysis.stamps import stamps
from wsgiviz.analysis.verdict import verdict
from wsgiviz.events import request_number
from wsgiviz.settings import Settings
from wsgiviz.state import Request, Run, Side, State, Task, ThreadPool
from wsgiviz.state.request import WORKER_DIED

SCHEMA = 1


def result(state: State, occurrences: Occurrences, ledger: bool = False) -> dict[str, Any]:
    """The run that ``state`` shows, at the time of its newest event, as an object for JSON."""
    settings = state.settings
    sides = {name: state.sides[name] for name in settings.sides if name in state.sides}
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "wsgiviz": __version__,
        "scenario": None if settings.own_app else settings.scenario,
        "started": state.started,
        "settings": _settings(settings),
        "host": dict(state.host),
        "sides": {name: _side(state, side) for name, side in sides.items()},
        "lints": occurrences.rows(),
        "verdict": msgspec.to_builtins(verdict(state, state.t_ns)),
    }
    if ledger:
        found["requests"] = [row for side in sides.values() for row in _rows(side, state.t_ns)]
    return found


def _settings(settings: Settings) -> dict[str, Any]:
    shown = {entry.name: getattr(settings, entry.name) for entry in fields(settings)} | settings.hidden
    shown["parameters"] = dict(settings.parameters)
    return shown


def _side(state: State, side: Side) -> dict[str, Any]:
    """All that is documented of one side."""
    return {
        **_what_ran(state.settings, side),
        **_counts(side, state.t_ns),
        **_clients(state, side),
        **_connections(state.settings, side),
        "contract": contract.rows(side) if contract.is_followed(state.settings) else None,
        **_whole(state, side),
        **_distributions(side),
        "paths": msgspec.to_builtins(by_path(side)),
        **_shares(side, state.t_ns),
        **_extremes(side),
    }


def _what_ran(settings: Settings, side: Side) -> dict[str, Any]:
    return {
        "server": "uvicorn" if side.kind == "uvicorn" else "gunicorn",
        "worker_class": "asgi" if side.kind == "uvicorn" else side.kind,
        "workers": side.server.wanted or settings.processes(side.name),
        "threads": settings.threads_of(side.name),
        "app": settings.target(side.name),
    }


def _counts(side: Side, now_ns: int) -> dict[str, Any]:
    run = side.run
    return {
        "requests": run.planned,
        "completed": run.completed,
        "failed": run.failed,
        "bad_status": run.bad_status,
        "statuses": metrics.statuses(side),
        "redirects": metrics.redirects(side),
        "errors": dict(run.errors),
        "raised": metrics.raised(side),
        "cancelled": run.cancelled,
        "worker_deaths": side.deaths,
        "workers_recycled": run.recycled,
        "deaths": msgspec.to_builtins(deaths.rows(side)),
        "after_answer": msgspec.to_builtins(metrics.after_answer(side, now_ns)),
        "served_for_nobody": run.for_nobody,
        "unobserved": metrics.unobserved(side),
        "forks": side.server.forks,
        "external_requests": run.external,
    }


def _clients(state: State, side: Side) -> dict[str, Any]:
    """What clients did to slots, and workers as clients; only Linux knows."""
    run = side.run
    linux = str(state.host.get("platform", "")).startswith("Linux")
    held = metrics.accepting_threads_held(side, state.t_ns) if side.kind == "gthread" else None
    silent = {"count": run.silent_clients, "max_s": run.silent_most_ns / 1e9}
    return {
        "silent_clients": silent if linux and not side.is_loop else None,
        "self_calls": {"max": run.self_calls, "stuck": run.self_calls_stuck} if linux else None,
        "accepting_threads_held": msgspec.to_builtins(held),
    }


def _connections(settings: Settings, side: Side) -> dict[str, Any]:
    """How many the clients made; and of those that last, what they carried."""
    run, made = side.run, side.run.connections
    each = {"mean": run.completed / made.made if made.made else None, "max": made.most_answered or None}
    kept = {
        "max_open": made.most_open,
        "reused": made.reused,
        "requests_each": each,
        "closed_by_server": made.closed_by_server,
    }
    return {
        "connections": made.made,
        "kept_connections": kept if settings.reuse_connections else None,
        "websockets": _websockets(run) if run.websocket else None,
    }


def _websockets(run: Run) -> dict[str, Any]:
    found = run.websockets
    return {
        "opened": found.opened,
        "refused": run.refused,
        "max_open": found.most_open,
        "messages": found.messages,
        "pings_answered": found.pings_answered,
        "closed_normally": found.closed_normally,
    }


def _whole(state: State, side: Side) -> dict[str, Any]:
    found = prediction(state, side.name)
    return {
        "makespan_s": metrics.makespan_ns(side) / 1e9 if side.run.done else None,
        "predicted_makespan_s": found.seconds if found and isfinite(found.seconds) else None,
        "predicted_by": found.formula if found else None,
        "caveat": found.caveat if found else None,
        "throughput_rps": metrics.throughput(side, state.t_ns),
    }


def _distributions(side: Side) -> dict[str, Any]:
    measured = {
        "latency_s": metrics.latency(side),
        "latency_from_sent_s": metrics.latency_from_sent(side),
        "queue_wait_s": metrics.queue_wait(side),
        "service_s": metrics.service(side),
        "schedule_lag_s": metrics.schedule_lag(side),
    }
    return {name: msgspec.to_builtins(metrics.quantiles(values)) for name, values in measured.items()}


def _shares(side: Side, now_ns: int) -> dict[str, Any]:
    fractions = metrics.fractions(side, now_ns)
    shown: dict[str, Any] = {f"{name}_fraction": share for name, share in msgspec.structs.asdict(fractions).items()}
    shown["shares"] = msgspec.to_builtins(shares(side, now_ns))
    shown["per_worker"] = msgspec.to_builtins(metrics.per_worker(side, now_ns))
    if side.is_loop:
        shown |= _loops(side, now_ns)
    return shown


def _loops(side: Side, now_ns: int) -> dict[str, Any]:
    """Each loop, and the worst of each figure."""
    loops = msgspec.to_builtins(loop_times(side, now_ns))
    figures = "max_lag_s", "busy_fraction", "longest_step_s"
    worst = {name: max((loop[name] for loop in loops if loop[name] is not None), default=None) for name in figures}
    return {"loop": worst, "loops": loops, **_pools(side)}


def _pools(side: Side) -> dict[str, Any]:
    """The pools of threads that the run has used, and how long requests waited for threads."""
    used = [pool for pool in side.server.thread_pools.values() if pool.most_running or pool.most_waiting]
    waited = msgspec.to_builtins(metrics.quantiles(metrics.thread_wait(side)))
    return {"pools": [_pool(side, pool) for pool in used], "thread_wait_s": waited}


def _pool(side: Side, pool: ThreadPool) -> dict[str, Any]:
    worker = side.server.workers.get((pool.pid, 0))
    return {
        "kind": pool.kind.value,
        "name": pool.name or None,
        "pid": pool.pid,
        "number": worker.number if worker is not None else None,
        "size": pool.size if pool.size >= 0 else None,
        "max_running": pool.most_running,
        "max_waiting": pool.most_waiting,
        "running": pool.running,
        "waiting": pool.waiting,
    }


def _extremes(side: Side) -> dict[str, Any]:
    server, run = side.server, side.run
    return {
        "max_accept_queue": run.max_queue if server.queue_depth >= 0 else None,
        "accept_queue_limit": server.queue_limit if server.queue_limit >= 0 else None,
        "max_in_flight": run.in_app_peak.most,
        "driver_max_lag_s": run.max_driver_late_ns / 1e9,
        "driver_busy_fraction": driver_load(run).busy,
        "events": server.events,
        "events_lost": server.lost,
    }


def _rows(side: Side, now_ns: int) -> list[dict[str, Any]]:
    requests = list(side.ledger.ours())
    states = [entry.state for entry in entries(side, requests)]
    return [_row(side, request, doing, now_ns) for request, doing in zip(requests, states, strict=True)]


def _row(side: Side, request: Request, doing: str, now_ns: int) -> dict[str, Any]:
    def since_start(t_ns: int) -> float | None:
        return (t_ns - side.run.started_ns) / 1e9 if t_ns else None

    known = stamps(request)
    return {
        "id": request_number(request.id),
        "side": side.name,
        "worker": request.pid or None,
        "planned_s": since_start(known.planned_ns),
        "sent_s": since_start(known.sent_ns),
        "connected_s": since_start(known.connected_ns),
        "reused": request.reused,
        "opened_s": since_start(request.opened_ns),
        "accepted_s": since_start(known.accepted_ns),
        "began_s": since_start(known.began_ns),
        "ended_s": since_start(known.ended_ns),
        "released_s": since_start(known.released_ns),
        "first_byte_s": since_start(known.first_byte_ns),
        "received_s": since_start(known.received_ns),
        "status": request.status or None,
        "location": request.location or None,
        "error": request.error or None,
        "raised": None if request.raised in ("", WORKER_DIED) else request.raised,
        "worker_died": request.raised == WORKER_DIED,
        "cpu_s": _cpu_s(side, request),
        "gil_wait_s": request.gil_ns / 1e9 if request.gil_ns >= 0 else None,
        **_in_threads(request, doing, now_ns),
        "for_nobody": request.for_nobody,
        "after_answer_s": request.after_answer_ns(now_ns) / 1e9 if request.received_ns and request.began_ns else None,
    }


def _in_threads(request: Request, doing: str, now_ns: int) -> dict[str, Any]:
    """What a request does that is not over, and what it has done in threads."""
    called = request.calls.all
    return {
        "state": doing or None,
        "at": request.where.words if doing and request.where is not None else None,
        "in_thread_s": request.in_threads_ns(now_ns) / 1e9 if called else None,
        "thread_computing_s": request.spent_ns(Task.THREAD_COMPUTES, now_ns) / 1e9 if called else None,
        "thread_gil_wait_s": request.spent_ns(Task.THREAD_FOR_GIL, now_ns) / 1e9 if called else None,
        "in_process_s": request.spent_ns(Task.IN_PROCESS, now_ns) / 1e9 if called else None,
        "thread_wait_s": request.for_threads_ns(now_ns) / 1e9 if called else None,
    }


def _cpu_s(side: Side, request: Request) -> float | None:
    """On the CPU; of a task, how long it held the loop. Of a thread it is known when the request has ended."""
    if not request.began_ns or not (side.is_loop or request.ended_ns):
        return None
    return (request.run_ns if side.is_loop else request.cpu_ns) / 1e9
