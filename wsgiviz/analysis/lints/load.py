"""Lints of the way in, and of the measuring: the kernel's queue, connecting, the load driver, the arrivals."""

from __future__ import annotations

from collections import Counter

from wsgiviz.analysis import metrics
from wsgiviz.analysis.cpu_load import CpuLoad, driver_load, servers_load
from wsgiviz.analysis.lints import wording
from wsgiviz.analysis.lints.context import LATEST, LintContext
from wsgiviz.analysis.lints.lint import Lint
from wsgiviz.analysis.stamps import latency_ns as latency_of
from wsgiviz.state import Request, Side

# --- the accept queue overflows ---------------------------------------------------------------------------------


def _queue_overflow(context: LintContext, side: Side) -> str | None:
    limit, name = side.server.queue_limit, context.label(side)
    dropped = side.overflows if _was_full(side) or not any(map(_was_full, context.sides)) else 0
    again = "clients try again after 1 s, 3 s, 7 s"
    if 0 < limit < side.server.queue_depth:
        so_far = f" ({dropped} dropped so far)" if dropped else ""
        return f"The accept queue of {name} is full ({limit}): the kernel drops new connections{so_far}, and {again}."
    if not dropped:
        return None
    size = f" ({limit})" if limit > 0 else ""
    if not side.run.running:
        tried = again.replace("try", "tried")
        return f"The accept queue of {name}{size} was full: the kernel dropped {dropped} connections, and {tried}."
    trying = sum(_connecting_ns(request, context.now_ns) > 200_000_000 for request in context.in_flight[side.name])
    if not trying:
        return None
    return f"A full accept queue{size} dropped {dropped} connections: {trying} of {name} wait to try again."


def _was_full(side: Side) -> bool:
    """Linux turns connections away once the queue holds one more than its limit (sk_acceptq_is_full)."""
    return 0 < side.server.queue_limit < max(side.run.max_queue, side.server.queue_depth)


def _connecting_ns(request: Request, now_ns: int) -> int:
    """How long a request has tried to connect that has not yet."""
    trying = request.sent_ns and not (request.connected_ns or request.accepted_ns or request.began_ns)
    return now_ns - request.sent_ns if trying else 0


QUEUE_OVERFLOW = Lint(
    "accept-queue-overflow",
    _queue_overflow,
    "The kernel keeps connections that no worker has accepted yet, up to the backlog that the server asks for and "
    "net.core.somaxconn allows. Beyond it Linux drops them silently, and clients, which can't know, try again after "
    "a second or more. Raise --backlog (and somaxconn), or better, serve faster: a longer queue is a longer wait.",
    "listen(2); tcp(7); gunicorn settings: backlog",
)


# --- SYN retransmission -----------------------------------------------------------------------------------------

STEPS_S = (1, 2, 3, 4, 5, 7, 11, 15)
"""After so long a client connects that had to send its SYN again: intervals double from 1 s on (RFC 6298), or stay
1 s for the first four (tcp_syn_linear_timeouts, since Linux 6.5)."""


AT_ONCE_NS = 900_000_000
"""Who connects within this has not had to send a SYN again."""


def _retried_after_s(request: Request) -> int:
    """Of one that did not connect at once: the step at which it did; 0 where it was none of them."""
    took_s = (request.connected_ns - request.sent_ns) / 1e9
    return next((step for step in STEPS_S if -0.02 <= took_s - step <= 0.25), 0)


def _syn_retransmission(context: LintContext, side: Side) -> str | None:
    if metrics.elapsed_ns(side, context.now_ns) < AT_ONCE_NS:
        return None
    known = (*context.latest[side.name], *(r for r in context.in_flight[side.name] if not r.finished))
    slow = [r for r in known if r.sent_ns and r.connected_ns - r.sent_ns >= AT_ONCE_NS]
    late = [step for request in slow if (step := _retried_after_s(request))]
    if not late:
        return None
    steps = ", ".join(f"{count} after {step} s" for step, count in sorted(Counter(late).items()))
    return (
        f"{wording.requests(len(late))} of {context.label(side)} connected at a second try or later ({steps}): "
        "the first SYN got no answer."
    )


SYN_RETRANSMISSION = Lint(
    "syn-retransmission",
    _syn_retransmission,
    "A connection whose SYN was dropped is tried again by the client's kernel after 1 s, then 3 s, 7 s: latencies "
    "in such steps are waits for a timer, not for the app. It comes from a full accept queue or a lossy "
    "network. Raise --backlog, keep connections open (keep-alive), or limit how many clients come at once.",
    "tcp(7): tcp_syn_retries; RFC 6298",
)


# --- the driver is the bottleneck -------------------------------------------------------------------------------

LATE_NS = 20_000_000
"""A driver that is late by less disturbs nothing that a person sees."""


def _driver_bottleneck(context: LintContext, side: Side) -> str | None:
    answered = [request for request in context.latest[side.name] if request.received_ns and request.sent_ns]
    if len(answered) < 4:
        return None
    sending_ns = _p50([request.sent_ns - request.planned_ns for request in answered])
    if max(side.run.max_driver_late_ns, sending_ns) <= LATE_NS:
        return _cpu(context, side)
    latency_ns = _p50(list(map(latency_of, answered)))
    if LATE_NS < side.run.max_driver_late_ns >= latency_ns:
        slow = _late(context, side, latency_ns)
    elif LATE_NS < sending_ns >= latency_ns / 2:
        slow = _slow_to_send(context, side, sending_ns, latency_ns)
    else:
        return _cpu(context, side)
    return f"{slow}: {ITS_OWN}"


ITS_OWN = "the driver is the bottleneck, and the figures are its own."


BUSY_FROM = 0.85
"""From this share of the time on, on a CPU or waiting for one, the driver has none left to send more."""

ON_CPU_FROM = 0.3
"""A driver that waits for a CPU and needs little of it has company that takes it: that is lateness."""

SHORTEST_BUSY_NS = 250_000_000
"""A burst that is sent within less keeps any client busy."""


TAKES_FROM = 0.2
"""From this share of the CPU time of driver and servers on, it takes what they need, where cores are short."""

LEAST_CORES = 0.15
"""A driver that takes less of a core takes nothing from anybody."""

SHORT_OF_CORES = 0.25
"""Cores are short where driver and servers wait for one for that share of the time that they have one."""


def _cpu(context: LintContext, side: Side) -> str | None:
    """What the CPU time of the driver says."""
    load, servers = driver_load(side.run), servers_load(side)
    if load.cpu is None or metrics.elapsed_ns(side, context.now_ns) < SHORTEST_BUSY_NS:
        return None
    if (load.busy or 0.0) >= BUSY_FROM and load.cpu >= ON_CPU_FROM:
        return f"{_no_time_left(context, side, load)}: {ITS_OWN}"
    if servers.cpu is None or servers.waiting is None or load.waiting is None or load.cpu < LEAST_CORES:
        return None
    used, waited = load.cpu + servers.cpu, load.waiting + servers.waiting
    if load.cpu < TAKES_FROM * used or waited < SHORT_OF_CORES * used:
        return None
    return _takes_cpu(context, side, load.cpu / used)


def _no_time_left(context: LintContext, side: Side, load: CpuLoad) -> str:
    label, rate = context.label(side), metrics.throughput(side, context.now_ns) or 0.0
    if not side.run.ended_ns:
        return f"The load driver has no time left to ask {label} for more, whatever the server can do"
    waited = f" ({wording.percent(load.waiting)} waiting for a core)" if load.waiting and load.waiting >= 0.1 else ""
    return (
        f"The load driver was busy {wording.percent(load.busy or 0.0)} of the time{waited}, and could hardly have "
        f"asked for more than {label}'s {rate:,.0f}/s, whatever the server can do"
    )


def _takes_cpu(context: LintContext, side: Side, share: float) -> str:
    label, whose = context.label(side), "event loops" if side.is_loop else f"{wording.slot(side)}s"
    if not side.run.ended_ns:
        return f"The load driver takes CPU that {label}'s {whose} wait for: the figures are in part its own."
    return (
        f"The load driver took {wording.percent(share)} of the CPU time that it and {label}'s {whose} had, and both "
        "waited for a core: the driver is part of the bottleneck, and the figures are in part its own."
    )


def _late(context: LintContext, side: Side, latency_ns: int) -> str:
    lag = wording.length(side.run.max_driver_late_ns)
    if side.run.ended_ns:
        p50 = wording.length(latency_ns)
        return f"The load driver was up to {lag} late, and {context.label(side)}'s p50 is {p50}{_of_the_last(side)}"
    return f"The load driver is up to {lag} late, longer than half of {context.label(side)}'s requests take"


def _slow_to_send(context: LintContext, side: Side, sending_ns: int, latency_ns: int) -> str:
    if side.run.ended_ns:
        late = f"{wording.length(sending_ns)} of their {wording.length(latency_ns)} (p50{_of_the_last(side)})"
        return f"{context.label(side)}'s requests waited {late} to be sent"
    return f"{context.label(side)}'s requests wait most of their time to be sent"


def _of_the_last(side: Side) -> str:
    """What a percentile is of, where that is not the whole run."""
    return f" of the last {LATEST}" if side.run.done > LATEST else ""


def _p50(values: list[int]) -> int:
    return metrics.nearest_rank(sorted(values), 50)


DRIVER_BOTTLENECK = Lint(
    "driver-bottleneck",
    _driver_bottleneck,
    "Load driver and servers share this machine's cores, and the driver, which notes each step of each request, has "
    "one core at most. Where it sends late, or reads answers late, by as much as a request takes, or has no time "
    "left, the figures say how fast the driver is, not how fast the server is. Send fewer requests at once, run one "
    "side alone (--only), use a machine with more cores, or, to find a server's limit, a client in C such as wrk.",
    "Gil Tene, How NOT to Measure Latency; wrk's README",
)


# --- a closed loop hides latency --------------------------------------------------------------------------------

QUEUEING = 0.2
"""From this share of the time before the app on, users wait for each other."""


def _closed_loop(context: LintContext, side: Side) -> str | None:
    if context.arrivals != "closed" or context.users < 2 or context.state.settings.scenario_seconds("pause"):
        return None  # users who pause come when they like, and not when they are let
    latest = [r for r in context.latest[side.name][-200:] if r.sent_ns and r.began_ns]
    whole_ns = sum(request.finished_ns - request.sent_ns for request in latest)
    outside_ns = sum(request.began_ns - request.sent_ns for request in latest)
    if len(latest) < 4 or not whole_ns or outside_ns < QUEUEING * whole_ns:
        return None
    if not side.run.ended_ns:
        return (
            f"{context.users} users send their next request only when they have their answer: while "
            f"{context.label(side)} keeps them waiting, no new ones come, so its latency looks better than "
            "independent users would find it."
        )
    rate = metrics.throughput(side, context.now_ns) or 0.0
    return (
        f"{context.users} users sent their next request only when they had their answer, so no more came than "
        f"{context.label(side)} served ({rate:.1f}/s): independent users would wait longer than its latency says."
    )


CLOSED_LOOP = Lint(
    "closed-loop",
    _closed_loop,
    "Users in a closed loop send their next request when they have their answer, so a slow server gets fewer "
    "requests, and the waits of those that would have come meanwhile are never counted (coordinated omission). Read "
    "the throughput of such a run; for latency let requests come whether or not others have their answers, as a "
    "burst does.",
    "Gil Tene, How NOT to Measure Latency; Schroeder, Wierman, Harchol-Balter: Open Versus Closed (NSDI 2006)",
)
