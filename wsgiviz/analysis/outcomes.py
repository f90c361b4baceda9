"""How a run ended, in words: what failed, how long its sides took, and what that says. Pure.

Words may come from an app: escape them before they are shown.
"""

from __future__ import annotations

import math

from wsgiviz.analysis import connections, metrics
from wsgiviz.analysis.lints import LintContext, seen, wording
from wsgiviz.analysis.lints.loops import FASTER_FROM
from wsgiviz.state import Side
from wsgiviz.state.request import WORKER_DIED


def failures(context: LintContext) -> str:
    """How many requests of the present run got no answer, or an error as the answer; "" when none did."""
    lost = [side for side in context.sides if side.run.failed]
    if len(lost) == 2 and not any(side.run.bad_status for side in lost):
        return _lost_at_both(context, *lost)
    words = "; ".join(filter(None, (_failed_of(context, side) for side in context.sides)))
    whole = [side for side in context.sides if side.run.ended_ns and side.run.completed and not _troubled(side)]
    if not words or len(whole) != 1 or context.running:
        return words
    return f"{words}; {context.label(whole[0])} answered {_every(whole[0].run.completed)}"


def _troubled(side: Side) -> bool:
    """It has not answered all that it was asked, or an answer was an error."""
    return bool(side.run.failed or side.run.bad_status or side.run.cancelled)


def _every(count: int) -> str:
    return f"all {count}" if count > 2 else "both" if count == 2 else "its only request"


def _lost_at_both(context: LintContext, first: Side, second: Side) -> str:
    """In one clause: of two, narrow screens would leave out the second."""
    each = [f"from {context.label(side)} ({_kinds(side)})" for side in (first, second)]
    of_first = f"{first.run.failed} of {wording.requests(first.run.planned)} got no answer {each[0]}"
    return f"{of_first}, {second.run.failed} of {second.run.planned} {each[1]}"


def _failed_of(context: LintContext, side: Side) -> str:
    run, name = side.run, context.label(side)
    bad_status = 0 if run.websocket else run.bad_status  # `connections.websockets` says these
    if not (run.failed or bad_status):
        return ""
    counts = [f"{run.failed} got no answer ({_kinds(side)})"] if run.failed else []
    if bad_status:
        counts.append(f"{bad_status} got an error as the answer{_bad(context, side)}")
    first, *rest = counts
    number, words = first.split(" ", 1)
    return ", ".join([f"{name}: {number} of {wording.requests(run.planned)} {words}", *rest])


IN_WORDS = {
    "closed": "connection closed",
    "refused": "connection refused",
    "reset": "connection reset",
    "timeout": "timed out",
}
"""What a client saw, where it was the same for all."""


def _kinds(side: Side) -> str:
    [kind, *others] = sorted(side.run.errors) or [""]
    if not others and kind in IN_WORDS:
        return IN_WORDS[kind]
    return ", ".join(f"{count} {kind}" for kind, count in sorted(side.run.errors.items()))


def _bad(context: LintContext, side: Side) -> str:
    """Which errors, and what was behind them: " (1 × 500, the app raised ValueError)"."""
    known = [f"{count} × {status}" for status, count in sorted(side.run.statuses.items()) if status >= 400]
    raised = sorted({request.raised for request in context.latest[side.name]} - {"", WORKER_DIED})
    known += [f"the app raised {', '.join(raised[:3])}"] if raised else []
    return f" ({', '.join(known)})" if known else ""


ANSWERS_NAMED = 4
"""Up to so many kinds of answers are named one by one."""


def answers(side: Side) -> str:
    """All answers by status, redirects with where they go: "16 × 200, 4 × 302 to /login/"; "" where there is none."""
    counts: list[tuple[int, str]] = []
    for status, count in sorted(side.run.statuses.items()):
        places = {key: n for key, n in side.run.redirects.items() if key.startswith(f"{status} ")}
        counts += [(n, f"{status} to {key.split(' ', 1)[1]}") for key, n in sorted(places.items())]
        elsewhere = count - sum(places.values())
        counts += [(elsewhere, str(status))] if elsewhere > 0 else []
    named = counts if len(counts) <= ANSWERS_NAMED else sorted(counts, reverse=True)[: ANSWERS_NAMED - 1]
    rest = sum(count for count, _ in counts) - sum(count for count, _ in named)
    return ", ".join([*(f"{count} × {what}" for count, what in named), *([f"{rest} others"] if rest else [])])


def _redirected(side: Side) -> str:
    """ " (4 × 302 to /login/)": an answer that is none yet deserves a word."""
    return f" ({answers(side)})" if any(300 <= status < 400 for status in side.run.statuses) else ""


def _done(context: LintContext) -> list[Side]:
    """The sides that have answers of the present run, which is over."""
    return [side for side in context.sides if side.run.ended_ns and side.run.completed][:2]


def times(context: LintContext) -> str:
    """What the run's sides took; "" when there is nothing to say of it."""
    if found := connections.websockets(context):
        return found
    done = _done(context)
    if len(done) == 1:
        [side] = done
        answered = f"{context.label(side)} answered {wording.requests(side.run.completed)}"
        return f"{answered} in {wording.took(side)}{_redirected(side)}"
    return ", ".join(
        f"{context.label(side)} {_took(context, side, first=not index)}{_redirected(side)}"
        for index, side in enumerate(done)
    )


def _took(context: LintContext, side: Side, first: bool) -> str:
    """Its verb is said once. Where time has ended the run, both took as long: it counts how many were answered."""
    if context.state.settings.duration is None:
        return f"took {wording.took(side)}" if first else wording.took(side)
    answered = f"answered {wording.requests(side.run.completed)}" if first else str(side.run.completed)
    return f"{answered} in {wording.took(side)}"


def comparison(context: LintContext) -> str:
    """What the times of two sides say, in the light of what the workers did meanwhile; "" for one side."""
    if any(side.run.websocket for side in context.sides):
        return ""
    if found := connections.kept(context):
        return found
    done = _done(context)
    return _compared(context, *done) if len(done) == 2 else ""


def _compared(context: LintContext, first: Side, second: Side) -> str:
    if _all_short(context, first, second) and _nobody_waited(first, second):
        return "nobody had to wait for long, so async had nothing to gain. Synchronous is not slow."
    fast, slow = (first, second) if times_faster(context, first, second) >= 1 else (second, first)
    ratio = times_faster(context, fast, slow)
    faster = f"{ratio:.1f} times faster"
    if fast.is_loop == slow.is_loop:
        return f"{context.label(fast)} was {faster} here." if ratio >= FASTER_FROM else "about the same."
    if ratio < FASTER_FROM:
        return "about the same. Async is faster where more requests wait at once than there are workers."
    slots = slow if fast.is_loop else fast
    waited = (metrics.fractions(slots, context.now_ns).blocked or 0.0) > 0.5
    if fast.is_loop and waited:
        return f"waiting at once was {faster} than waiting in turn."
    if fast.is_loop:
        return f"{context.label(fast)} was {faster} here."
    more_cores = len(fast.server.processes()) > 1 >= len(slow.server.processes())
    why = ", which compute on several cores: one loop uses one" if more_cores and not waited else ""
    return f"{faster} with {wording.slot(slots)}s{why}."


def times_faster(context: LintContext, one: Side, other: Side) -> float:
    """By how much: by what both took, or by requests a second where time has ended the run at both."""
    if context.state.settings.duration is None:
        return metrics.makespan_ns(other) / max(1, metrics.makespan_ns(one))
    mine, others = (metrics.throughput(side, context.now_ns) or 0.0 for side in (one, other))
    return mine / others if others else math.inf


LONG_S = 0.1
"""Half of the requests waited for longer: that is seen."""


def _nobody_waited(*sides: Side) -> bool:
    """In no queue either: many short requests are a long wait for the last."""
    found = [metrics.quantiles(metrics.latency(side)) for side in sides]
    return all(latency is None or latency.p50 < LONG_S for latency in found)


def _all_short(context: LintContext, *sides: Side) -> bool:
    """On sides of slots, all requests (of those looked at) were too short to be seen."""
    latest = [request for side in sides if not side.is_loop for request in context.latest[side.name]]
    service_ns = [request.ended_ns - request.began_ns for request in latest if request.began_ns and request.ended_ns]
    return bool(service_ns) and max(service_ns) < seen.SHORTEST_SEEN_NS
