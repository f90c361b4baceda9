"""What somebody else's server has served lately, and what it works at: external requests only. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from wsgiviz.analysis.metrics import nearest_rank
from wsgiviz.state import Request, Side

SECOND_NS = 1_000_000_000
RECENT_NS = 10_000_000_000
"""Figures are of the requests that ended in so long a time, as far as they are kept."""


class Lately(Struct, frozen=True):
    """Of the newest requests that the app is through with."""

    ended: int = 0  # how many these are
    failed: int = 0  # of them: with a status from 500 on, or an exception
    per_s: float = 0.0
    p50_s: float | None = None  # in the app; None where none has ended


def lately(side: Side, now_ns: int) -> Lately:
    """At ``now_ns``. Of a busy server fewer are kept than end in `RECENT_NS`: times and failures are of these. The
    rate is that of all that were seen to end, in whole seconds."""
    per_s = _per_s(side, now_ns)
    ended = [request for request in side.ledger.external.values() if now_ns - RECENT_NS < request.ended_ns <= now_ns]
    times = sorted(request.ended_ns - request.began_ns for request in ended if request.began_ns)
    p50_s = nearest_rank(times, 50) / 1e9 if times else None
    return Lately(len(ended), sum(map(failed, ended)), per_s, p50_s)


def _per_s(side: Side, now_ns: int) -> float:
    """Over the whole seconds of `RECENT_NS` before ``now_ns``, or since the first request that was seen to end."""
    now, seconds = now_ns // SECOND_NS, RECENT_NS // SECOND_NS
    earlier = {second: count for second, count in side.run.served.items() if second < now}
    if not earlier:
        return float(side.run.served.get(now, 0))
    recent = sum(count for second, count in earlier.items() if second >= now - seconds)
    return recent / min(seconds, now - min(earlier))


def failed(request: Request) -> bool:
    """The app has answered with a status from 500 on, or with an exception."""
    return request.app_status >= 500 or bool(request.raised)


def oldest(requests: Sequence[Request]) -> Request | None:
    """The one that has been in the app for longest; None when none is."""
    return min((request for request in requests if request.in_app), key=lambda one: one.began_ns, default=None)


def served(side: Side) -> int:
    """Requests that were seen, and with which the app is through."""
    return max(0, side.run.external - side.run.in_app)
