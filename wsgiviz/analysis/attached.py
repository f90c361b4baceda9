"""What somebody else's server has served lately, and what it works at: external requests only. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from wsgiviz.analysis.metrics import nearest_rank
from wsgiviz.state import Request, Side

RECENT_NS = 10_000_000_000
"""Figures are of the requests that ended in so long a time, as far as they are kept."""


class Lately(Struct, frozen=True):
    """Of the newest requests that the app is through with."""

    ended: int = 0  # how many these are
    failed: int = 0  # of them: with a status from 500 on, or an exception
    per_s: float = 0.0
    p50_s: float | None = None  # in the app; None where none has ended


def lately(side: Side, now_ns: int) -> Lately:
    """At ``now_ns``. Of a busy server fewer are kept than end in `RECENT_NS`: the rate is then that of these."""
    ended = [request for request in side.ledger.external.values() if now_ns - RECENT_NS < request.ended_ns <= now_ns]
    if not ended:
        return Lately()
    oldest_ns = min(request.ended_ns for request in ended)
    more = any(0 < request.ended_ns < oldest_ns for request in side.ledger.external.values())
    span_ns = RECENT_NS if more else max(1, now_ns - oldest_ns)
    times = sorted(request.ended_ns - request.began_ns for request in ended if request.began_ns)
    p50_s = nearest_rank(times, 50) / 1e9 if times else None
    return Lately(len(ended), sum(map(failed, ended)), len(ended) * 1e9 / max(span_ns, 1_000_000_000), p50_s)


def failed(request: Request) -> bool:
    """The app has answered with a status from 500 on, or with an exception."""
    return request.app_status >= 500 or bool(request.raised)


def oldest(requests: Sequence[Request]) -> Request | None:
    """The one that has been in the app for longest; None when none is."""
    return min((request for request in requests if request.in_app), key=lambda one: one.began_ns, default=None)


def served(side: Side) -> int:
    """Requests that were seen, and with which the app is through."""
    return max(0, side.run.external - side.run.in_app)
