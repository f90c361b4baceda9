"""The result of a run as one JSON object, schema 1.

Top level: ``schema``, ``wsgiviz`` (its version), ``scenario`` (null for an app of one's own), ``started``
(ISO 8601), ``settings``, ``host``, ``lints`` (pitfalls that were met: ``name``, ``side``, ``message``,
``explanation``, ``source``, ``seconds``), ``sides`` by name. Of each side:

- what ran: ``server``, ``worker_class``, ``workers``, ``threads``, ``app``
- counts: ``requests`` planned, ``completed``, these by status in ``statuses``, ``bad_status`` (400 and above),
  ``failed``, and these by kind in ``errors``; exceptions which left the app by name in ``raised``; ``cancelled``,
  ``worker_deaths``
- the whole: ``makespan_s``, ``predicted_makespan_s`` with ``predicted_by`` and ``caveat``, ``throughput_rps``
- distributions: ``latency_s`` (from the planned time), ``latency_from_sent_s``, ``queue_wait_s``,
  ``service_s``, ``schedule_lag_s``; each mean, p50, p90, p95, p99 (nearest rank), max; null without a value
- ``busy_fraction`` of all workers' time, and of the busy time ``blocked_fraction``, ``computing_fraction``,
  ``reading_fraction``, ``writing_fraction``; the same in seconds for each worker in ``per_worker``; on the
  ASGI side ``loop``: ``max_lag_s``, ``busy_fraction``, ``longest_step_s``
- ``max_accept_queue`` (of ``accept_queue_limit``), ``max_in_flight`` (inside the app at once)
- ``driver_max_lag_s``, ``events``, ``events_lost``

With a ledger, ``requests`` at the top level: every request that is kept (`wsgiviz.model.state.LEDGER_KEPT` of
each side), times in seconds from the run's start. What is not known is null, never zero.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from math import isfinite
from typing import Any

import msgspec

from wsgiviz import __version__
from wsgiviz.events import request_number
from wsgiviz.model import metrics
from wsgiviz.model.state import Picture, Request, Side
from wsgiviz.model.theory import Prediction
from wsgiviz.settings import Settings

SCHEMA = 1


def result(
    settings: Settings,
    picture: Picture,
    predictions: Mapping[str, Prediction | None],
    started: str,
    now_ns: int,
    ledger: bool = False,
    lints: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The run that ``picture`` shows, as an object for JSON; ``lints``: what `Watch.rows` gives."""
    sides = {name: picture.sides[name] for name in settings.sides}
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "wsgiviz": __version__,
        "scenario": None if settings.own_app else settings.scenario,
        "started": started,
        "settings": _settings(settings),
        "host": _host(),
        "sides": {name: _side(settings, side, predictions.get(name), now_ns) for name, side in sides.items()},
    }
    found["lints"] = list(lints)
    if ledger:
        found["requests"] = [row for side in sides.values() for row in _ledger(side)]
    return found


def _settings(settings: Settings) -> dict[str, Any]:
    shown = {name: getattr(settings, name) for name in settings.__slots__}
    shown["dsn"] = "given" if settings.dsn else None  # it may hold a password
    shown["parameters"] = dict(settings.parameters)
    return shown


def _host() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "gunicorn": version("gunicorn"),
        "platform": platform.platform(),
    }


def _side(settings: Settings, side: Side, prediction: Prediction | None, now_ns: int) -> dict[str, Any]:
    kind = settings.kinds[side.name]
    fractions = metrics.fractions(side, now_ns)
    shown: dict[str, Any] = {
        "server": "uvicorn" if kind == "uvicorn" else "gunicorn",
        "worker_class": "asgi" if kind == "uvicorn" else kind,
        "workers": side.wanted or settings.processes(side.name),
        "threads": settings.threads_of(side.name),
        "app": settings.target(side.name),
        "requests": side.planned,
        "completed": side.completed,
        "failed": side.failed,
        "bad_status": side.bad_status,
        "statuses": metrics.statuses(side),
        "errors": dict(side.errors),
        "raised": metrics.raised(side),
        "cancelled": side.cancelled,
        "makespan_s": metrics.makespan_ns(side) / 1e9 if side.done else None,
        "predicted_makespan_s": prediction.seconds if prediction and isfinite(prediction.seconds) else None,
        "predicted_by": prediction.formula if prediction else None,
        "caveat": prediction.caveat if prediction else None,
        "throughput_rps": metrics.throughput(side, now_ns),
        "latency_s": _quantiles(metrics.latency(side)),
        "latency_from_sent_s": _quantiles(metrics.latency_from_sent(side)),
        "queue_wait_s": _quantiles(metrics.queue_wait(side)),
        "service_s": _quantiles(metrics.service(side)),
        "schedule_lag_s": _quantiles(metrics.schedule_lag(side)),
        "busy_fraction": fractions.busy,
        "blocked_fraction": fractions.blocked,
        "computing_fraction": fractions.computing,
        "reading_fraction": fractions.reading,
        "writing_fraction": fractions.writing,
        "max_accept_queue": side.max_queue if side.queue_depth >= 0 else None,
        "accept_queue_limit": side.queue_limit if side.queue_limit >= 0 else None,
        "max_in_flight": side.max_in_app,
        "per_worker": msgspec.to_builtins(metrics.per_worker(side, now_ns)),
        "worker_deaths": side.deaths,
        "driver_max_lag_s": side.max_driver_lag_ns / 1e9,
        "events": side.events,
        "events_lost": side.lost,
    }
    if side.is_loop:
        lags = [loop.max_lag_ns for loop in side.loops.values()]
        steps = [loop.longest_step_ns for loop in side.loops.values()]
        shown["loop"] = {
            "max_lag_s": max(lags) / 1e9 if lags else None,
            "busy_fraction": fractions.busy,
            "longest_step_s": max(steps) / 1e9 if steps else None,
        }
    return shown


def _quantiles(values: list[float]) -> Any:
    return msgspec.to_builtins(metrics.quantiles(values))


def _ledger(side: Side) -> list[dict[str, Any]]:
    requests = sorted([*side.finished, *side.in_flight.values()], key=lambda request: request.id)
    return [_row(side, request) for request in requests if request.id > 0]


def _row(side: Side, request: Request) -> dict[str, Any]:
    def since_start(t_ns: int) -> float | None:
        return (t_ns - side.run_started_ns) / 1e9 if t_ns else None

    return {
        "id": request_number(request.id),
        "side": side.name,
        "worker": request.pid or None,
        "planned_s": since_start(request.planned_ns),
        "sent_s": since_start(request.sent_ns),
        "connected_s": since_start(request.connected_ns),
        "accepted_s": since_start(request.accepted_ns),
        "began_s": since_start(request.began_ns),
        "ended_s": since_start(request.ended_ns),
        "first_byte_s": since_start(request.first_byte_ns),
        "received_s": since_start(request.received_ns),
        "status": request.status or None,
        "error": request.error or None,
        "raised": request.raised or None,
        "cpu_s": request.run_ns / 1e9 if side.is_loop else request.cpu_ns / 1e9,
    }
