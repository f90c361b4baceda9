"""What a run says about which model fits its load: from what was measured, and with what was not. Pure.

A load waits, computes, or is short. What waits fits an event loop, or as many threads as requests come at once; what
computes fits as many processes as there are cores, whatever the interface; what is short fits either.
"""

from __future__ import annotations

import math
from enum import StrEnum

from msgspec import Struct

from wsgiviz.analysis import metrics, outcomes
from wsgiviz.analysis.connections import websockets
from wsgiviz.analysis.cpu_load import driver_load
from wsgiviz.analysis.lints.context import LintContext
from wsgiviz.analysis.lints.loops import FASTER_FROM
from wsgiviz.analysis.lints.seen import SHORTEST_SEEN_NS
from wsgiviz.analysis.lints.wording import length, percent, requests, slot
from wsgiviz.analysis.loop_times import loop_times, requests_taken
from wsgiviz.analysis.next_steps import (
    MORE_REQUESTS,
    OPTIONS,
    NextStep,
    after_blocking,
    after_computing,
    after_short,
    after_trouble,
    after_waiting,
)
from wsgiviz.analysis.pools import pool_uses
from wsgiviz.state import Phase, Side, State

MOSTLY = 0.6
"""A load that does one thing for this share of its time is named after it."""

MUCH_GIL = 0.2
"""Of the busy time of threads, waited for the GIL, is what explains a difference to processes."""

DRIVER_FULL = 0.85
"""A load driver that is busy for this share of a run measures itself."""

MOST_THREADS = 64
"""More threads in a worker than this are not a matter of tuning."""


class Demand(StrEnum):
    """What its requests do most of the time."""

    WAITING = "waiting"
    COMPUTING = "computing"
    SHORT = "short"
    CLIENTS = "waiting for slow clients"
    MIXED = "mixed"
    UNKNOWN = "unknown"


class Fits(StrEnum):
    """Which model fits it, as far as this run shows."""

    LOOP = "event loop"
    WORKERS = "workers"
    EITHER = "either"
    UNKNOWN = "unknown"


class Verdict(Struct, frozen=True):
    """``words`` is one short sentence; ``because`` the figures behind it; ``change`` what would change it;
    ``not_measured`` what this run says nothing about; ``next`` what to try now. Empty where there is nothing
    to say."""

    demand: Demand
    fits: Fits
    words: str = ""
    because: str = ""
    change: str = ""
    not_measured: str = ""
    next: tuple[NextStep, ...] = ()

    @property
    def sentences(self) -> list[str]:
        """All of it but ``next``, in order."""
        return [text for text in (self.words, self.because, self.change, self.not_measured) if text]


def verdict(state: State, now_ns: int) -> Verdict | None:
    """Of the run that has ended; None before."""
    context = LintContext.of(state, now_ns)
    sides = [side for side in context.sides if side.run.ended_ns]
    if state.phase is not Phase.FINISHED or not sides:
        return None
    troubled = _troubled(context, sides)
    if troubled:
        cancelled = any(side.run.cancelled for side in sides)
        return Verdict(Demand.UNKNOWN, Fits.UNKNOWN, because=troubled, next=after_trouble(cancelled))
    if any(side.run.refused for side in sides):
        return _websockets(context, sides)
    demand = _demand(sides, now_ns)
    if max(_at_once(context, side) for side in sides) == 1:
        because = "One request at a time says nothing about which model fits: nobody had to wait for another."
        return Verdict(demand, Fits.UNKNOWN, because=because, next=(MORE_REQUESTS,))
    slots, loops = ([side for side in sides if side.is_loop is loop] for loop in (False, True))
    if len(slots) == 1 and len(loops) == 1:
        return _both(context, demand, slots[0], loops[0])
    return _alone(context, demand, sides[0]) if len(sides) == 1 else _alike(context, demand, sides)


def _troubled(context: LintContext, sides: list[Side]) -> str:
    """Why times must not be compared."""
    if any(side.run.cancelled for side in sides):
        return "The run was cancelled: it says nothing about which model fits."
    troubled = [side for side in sides if _lost(side) or side.deaths]
    if not troubled:
        return ""
    if len(troubled) == 2 and all(map(_lost, troubled)):
        first, second = troubled
        on_second = f"{_lost(second)} of {second.run.planned} on {context.label(second)}"
        troubles = [_trouble(first, context.label(first)), on_second]
    else:
        troubles = [_trouble(side, context.label(side)) for side in troubled]
    words, whose = ", ".join(troubles), "its" if len(troubles) == 1 else "their"
    return f"{words[0].upper()}{words[1:]}: {whose} times don't say which model fits; find the cause first."


def _lost(side: Side) -> int:
    return side.run.failed + side.run.bad_status - side.run.refused


def _trouble(side: Side, name: str) -> str:
    lost = _lost(side)
    return f"{lost} of {requests(side.run.planned)} failed on {name}" if lost else f"workers died on {name}"


def _websockets(context: LintContext, sides: list[Side]) -> Verdict:
    """WebSockets that one side at least has refused."""
    because = f"{websockets(context)}."
    if not any(side.run.websockets.opened for side in sides):
        return Verdict(Demand.UNKNOWN, Fits.UNKNOWN, because=because)
    words = "Connections that last fit an event loop: WSGI can't open a WebSocket."
    return Verdict(Demand.WAITING, Fits.LOOP, words, because, not_measured="Not measured: clients on a real network.")


# --- what the load is -------------------------------------------------------------------------------------------


def _demand(sides: list[Side], now_ns: int) -> Demand:
    """By slots, where there are some: there each request has a thread, and the kernel knows what that does."""
    side = next((side for side in sides if not side.is_loop), sides[0])
    service = metrics.quantiles(metrics.service(side))
    if service is None:
        return Demand.UNKNOWN
    each_ns = metrics.with_client_s(side, now_ns) * 1e9
    if (metrics.with_clients(side, now_ns) or 0.0) >= MOSTLY and each_ns >= SHORTEST_SEEN_NS:
        return Demand.CLIENTS
    if service.p50 * 1e9 < SHORTEST_SEEN_NS and service.p90 * 1e9 < 2 * SHORTEST_SEEN_NS:
        return Demand.SHORT
    waits, computes = _parts(side, now_ns)
    if math.isnan(waits):
        return Demand.UNKNOWN
    if waits >= MOSTLY:
        return Demand.WAITING
    return Demand.COMPUTING if computes >= MOSTLY else Demand.MIXED


def _parts(side: Side, now_ns: int) -> tuple[float, float]:
    """Shares of its requests' time: waiting, and computing (with what waits for the GIL); NaN where not known."""
    if not side.is_loop:
        times = metrics.per_worker(side, now_ns)
        blocked = sum(time.blocked_s or 0.0 for time in times)
        computing = sum((time.computing_s or 0.0) + (time.gil_wait_s or 0.0) for time in times)
        return _shares(blocked, computing)
    over = [request for request in side.ledger.ours() if request.began_ns and request.ended_ns]
    running = sum(request.run_ns for request in over)
    return _shares(sum(request.ended_ns - request.began_ns for request in over) - running, running)


def _shares(waits: float, computes: float) -> tuple[float, float]:
    whole = waits + computes
    return (waits / whole, computes / whole) if whole > 0 else (math.nan, math.nan)


# --- workers beside a loop --------------------------------------------------------------------------------------


def _both(context: LintContext, demand: Demand, slots: Side, loop: Side) -> Verdict:
    ratio = outcomes.times_faster(context, loop, slots)
    if demand is Demand.SHORT:
        return _short(context, slots, loop, ratio)
    if demand is Demand.CLIENTS:
        return _slow_clients(context, slots, loop, ratio)
    if demand is Demand.COMPUTING:
        return _computing(context, slots, loop, ratio)
    held_s = _held_s(loop, context.now_ns)
    if ratio < 1 / FASTER_FROM and held_s:
        return Verdict(
            demand,
            Fits.WORKERS,
            "This code blocks: it fits workers, not a loop.",
            f"The event loop was held for {length(held_s * 1e9)} at a time, and everybody waited for it.",
            "Await instead, or move the call into a thread (asyncio.to_thread).",
            _not_measured(context, [slots, loop]),
            after_blocking(context.state.settings),
        )
    return _waiting(context, demand, slots, loop, ratio)


def _held_s(loop: Side, now_ns: int) -> float:
    """Its longest step, where that is a good part of a request; else 0."""
    service = metrics.quantiles(metrics.service(loop))
    longest_s = max((times.longest_step_s for times in loop_times(loop, now_ns)), default=0.0)
    return longest_s if service and longest_s * 1e9 >= max(100_000_000, 0.3 * service.p50 * 1e9) else 0.0


def _waiting(context: LintContext, demand: Demand, slots: Side, loop: Side, ratio: float) -> Verdict:
    at_once, held = _at_once(context, loop), _number_of_slots(slots)
    waits, _ = _parts(slots, context.now_ns)
    waited = "Requests waited"
    if not math.isnan(waits):
        waited += f" for {percent(waits)} of their time in the app"
    missing, steps = (
        _not_measured(context, [slots, loop]),
        after_waiting(context.state.settings, ratio >= FASTER_FROM),
    )
    if ratio >= FASTER_FROM:
        loops = len(loop.server.processes())
        all_in = "one loop" if loops < 2 else f"{loops} loops"
        most = min(held, slots.run.in_app_peak.most or held)
        because = f"{waited}, {at_once} of them at once: {all_in} held them all, {_slots(slots)} held {most}."
        words = "An event loop fits this load."
        return Verdict(demand, Fits.LOOP, words, because, _tuned(slots, at_once), missing, steps)
    if ratio < 1 / FASTER_FROM:
        because = f"{context.label(slots)} was {1 / ratio:.1f} times faster with {_slots(slots)}."
        return Verdict(demand, Fits.WORKERS, "Workers fit this load.", because, not_measured=missing, next=steps)
    because = f"{waited}; {_slots(slots)} took about as long as the loop for the {at_once} that came at once."
    queues = any(use.most_waiting for use in pool_uses(loop, ()))  # calls of the loop's requests for a thread
    change = "" if queues else "More requests at once would have to queue for a slot, and a loop would hold them."
    return Verdict(demand, Fits.EITHER, "Either fits this load.", because, change, missing, steps)


def _tuned(slots: Side, at_once: int) -> str:
    """How many threads would be level."""
    processes = max(1, len(slots.server.processes()))
    threads = math.ceil(at_once / processes)
    if threads > MOST_THREADS:
        return f"To be level, {at_once} requests would need {threads} threads in each of {processes} workers."
    each = f"{threads} threads in each of {processes} workers" if processes > 1 else f"{threads} threads"
    return f"With {each} (gthread) the workers should be level, as long as threads only wait."


def _slow_clients(context: LintContext, slots: Side, loop: Side, ratio: float) -> Verdict:
    share = metrics.with_clients(slots, context.now_ns) or 0.0
    because = f"The {slot(slots)}s read and wrote for {percent(share)} of their busy time, at the pace of clients."
    change = f"A proxy that buffers, in front of the {slot(slots)}s, would wait for the clients in their place."
    fits = Fits.LOOP if ratio >= FASTER_FROM else Fits.EITHER
    words = "A loop, or a proxy in front, fits slow clients."
    return Verdict(Demand.CLIENTS, fits, words, because, change, _not_measured(context, [slots, loop]))


def _computing(context: LintContext, slots: Side, loop: Side, ratio: float) -> Verdict:
    _, computes = _parts(slots, context.now_ns)
    cores, processes = context.cores, len(slots.server.processes())
    because = f"Requests computed for {percent(computes)} of their time in the app: there was nothing to await."
    missing = _not_measured(context, [slots, loop])
    steps = after_computing(context.state.settings, ratio < 1 / FASTER_FROM)
    if ratio < 1 / FASTER_FROM:
        because += f" {processes} workers computed on {cores} cores, {_loops_computed(loop)}."
        change = "As many async workers as cores would be level."
        if len(loop.server.processes()) >= cores:
            change = "Loops that take equal parts would be level: a loop keeps what it has accepted."
        return Verdict(Demand.COMPUTING, Fits.WORKERS, "Processes fit this load.", because, change, missing, steps)
    change = "Only more cores, or less to compute, would make it faster."
    return Verdict(
        Demand.COMPUTING, Fits.EITHER, "It computes: neither model helps.", because, change, missing, steps
    )


def _loops_computed(loop: Side) -> str:
    """ "one loop on one", "of 2 loops one had 19 of 20 requests"."""
    taken = requests_taken(loop)
    if len(taken) < 2:
        return "one loop on one"
    return f"of {len(taken)} loops one had {max(taken.values())} of {requests(sum(taken.values()))}"


def _short(context: LintContext, slots: Side, loop: Side, ratio: float) -> Verdict:
    per_second = [f"{metrics.throughput(side, context.now_ns) or 0:.0f}" for side in (slots, loop)]
    service = metrics.quantiles(metrics.service(slots))
    median = length(service.p50 * 1e9) if service and service.p50 >= 0.001 else "less than 1 ms"
    because = (
        f"A request took {median} in the app; {per_second[0]} requests/s on {slot(slots)}s, {per_second[1]} on "
        f"{'the loop' if len(loop.server.processes()) < 2 else 'the loops'}."
    )
    missing, steps = _not_measured(context, [slots, loop]), after_short(context.state.settings)
    if max((driver_load(side.run).busy or 0.0) for side in (slots, loop)) >= DRIVER_FULL:
        because += " The load driver was at its limit, so neither was."
        return Verdict(Demand.SHORT, Fits.EITHER, "Either fits this load.", because, not_measured=missing, next=steps)
    if 1 / FASTER_FROM <= ratio <= FASTER_FROM:
        change = "Waits of some length in each request would favour the loop; more cores, more workers."
        return Verdict(Demand.SHORT, Fits.EITHER, "Synchronous is at home here.", because, change, missing, steps)
    fits = Fits.LOOP if ratio > 1 else Fits.WORKERS
    many = f"{_slots(slots)}, {len(loop.server.processes())} with a loop"
    words = "Short requests fit either; the numbers of processes differ." if _differ(slots, loop) else ""
    return Verdict(Demand.SHORT, fits, words, f"{because} {many}.", not_measured=missing, next=steps)


def _differ(slots: Side, loop: Side) -> bool:
    return len(slots.server.processes()) != len(loop.server.processes())


# --- one side, and two of a kind --------------------------------------------------------------------------------


def _alone(context: LintContext, demand: Demand, side: Side) -> Verdict:
    waited = metrics.quantiles(metrics.queue_wait(side))
    service = metrics.quantiles(metrics.service(side))
    because = ""
    if waited is not None and service is not None and waited.p50 > service.p50:
        because = f"Half of the requests waited {length(waited.p50 * 1e9)} or more before the app began."
    change = ""
    if demand is Demand.WAITING and not side.is_loop and because:
        change = _tuned(side, _at_once(context, side))
    other = "WSGI workers" if side.is_loop else "an event loop"
    missing = _not_measured(context, [side], f"{other} under the same load")
    steps = after_waiting(context.state.settings, fits_loop=bool(because), has_slots=not side.is_loop)
    return Verdict(demand, Fits.UNKNOWN, because=because, change=change, not_measured=missing, next=steps)


def _alike(context: LintContext, demand: Demand, sides: list[Side]) -> Verdict:
    """Two sides of one model: their times say what differs between them."""
    missing = _not_measured(context, sides, "an event loop" if not sides[0].is_loop else "WSGI workers")
    threads = [side for side in sides if side.kind == "gthread"]
    steps = (OPTIONS, MORE_REQUESTS)
    share = max((metrics.fractions(side, context.now_ns).gil_wait or 0.0 for side in threads), default=0.0)
    if share < MUCH_GIL or len(threads) == len(sides):
        return Verdict(demand, Fits.UNKNOWN, not_measured=missing, next=steps)
    name, slower = context.label(threads[0]), metrics.makespan_ns(threads[0]) == max(map(metrics.makespan_ns, sides))
    because = f"{name} waited for the GIL for {percent(share)} of its busy time: its threads share one."
    words = "Processes fit this load." if slower else ""
    return Verdict(demand, Fits.WORKERS if slower else Fits.UNKNOWN, words, because, not_measured=missing, next=steps)


# --- what all of them need --------------------------------------------------------------------------------------


def _number_of_slots(side: Side) -> int:
    return max(1, len(side.server.living()))


def _slots(side: Side) -> str:
    """ "1 worker", "8 threads"."""
    count = _number_of_slots(side)
    return f"{count} {slot(side)}{'s' if count > 1 else ''}"


def _at_once(context: LintContext, side: Side) -> int:
    """How many requests there were at once, at most."""
    return min(side.run.planned, context.users) if context.arrivals == "closed" else side.run.planned


def _not_measured(context: LintContext, sides: list[Side], first: str = "") -> str:
    """What a reader might take for said."""
    missing = [first] if first else []
    if context.arrivals == "burst":
        missing.append("a steady load")
    if max(side.run.in_app_peak.most for side in sides) < 100:
        missing.append("hundreds of open connections")
    missing.append("clients on a real network")
    return f"Not measured: {', '.join(missing)}."  # true as far as there is room for it
