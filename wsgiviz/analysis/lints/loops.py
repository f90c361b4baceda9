"""Lints of servers whose requests share an event loop."""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from wsgiviz.analysis import loop_times, metrics
from wsgiviz.analysis.lints import seen, wording
from wsgiviz.analysis.lints.context import LintContext
from wsgiviz.analysis.lints.gil import loop_lacks_gil
from wsgiviz.analysis.lints.lint import Lint
from wsgiviz.analysis.loop_times import LongestStep
from wsgiviz.state import Location, Loop, Request, Side, Task, Worker

LOOP_HELD_NS = 100_000_000
"""One step of a task that lasts longer holds the loop (asyncio's own slow_callback_duration)."""

HELD_AGAIN_NS = 1_000_000_000
"""A loop that was held before, and had a step so recently, is said to be held again and again."""

LONGEST_SHARE = 0.1
STEPS_SHARE = 0.5
"""A run is shaped by single steps where the longest of them is that share of it, or all long ones together."""

READABLE_NS = 300_000_000
"""A number that stands for less can't be read."""

GIL_SHARE = 0.5
"""A loop that has waited for the GIL for that share of its longest step is not held by what it runs."""

NO_CORE_SHARE = 0.5
"""A loop that has waited for a core for that share of its steps is slowed down by what else runs on the machine."""

AWAITING_SHARE = 0.25
"""Where that share of the requests in the app awaits, or mostly has, there is something to wait for."""

NEARLY = 0.9
"""From this share of the time on, a loop does nothing else."""

FASTER_FROM = 1.25
"""Below this ratio of times, both took about the same: so much differs from run to run on a busy machine."""

MUCH_FASTER = 1.5
"""From this ratio on, a loop that computes has won all the same."""


# --- a loop that is held ----------------------------------------------------------------------------------------


def _loop_held(context: LintContext, side: Side) -> str | None:
    if not side.is_loop:
        return None
    if context.is_on(side):
        loops = [loop for worker, loop in loop_times.living(side) if not _lacks(context, side, worker, loop)]
        loops.sort(key=lambda loop: (-loop.tally.longest_step_ns, loop.pid))
        messages = (_held(context, side, loop) for loop in loops)
    else:
        pairs = [pair for pair in loop_times.loops(side) if not _lacks(context, side, *pair)]
        steps = [_longest(context, worker, loop) for worker, loop in pairs]
        messages = (
            _was_held(context, side, *longest) for longest in sorted(steps, key=lambda one: -one[1].length_ns)
        )
    return next(filter(None, messages), None)


def _held(context: LintContext, side: Side, loop: Loop) -> str | None:
    """Of somebody else's server the longest step so far may be of yesterday."""
    again = None if context.state.attached else _held_again(context, side, loop)
    return again or _held_now(context, side, loop)


def _lacks(context: LintContext, side: Side, worker: Worker | None, loop: Loop) -> bool:
    """Its steps are long for want of the GIL or of a core, and not by what they do."""
    return _waits_for_gil(context, side, worker, loop) or _waits_for_core(context, worker, loop)


def _waits_for_core(context: LintContext, worker: Worker | None, loop: Loop) -> bool:
    """It was runnable without a core for most of the time of its steps; the longest would be short without that."""
    if worker is None or not worker.tally.first.t_ns or not worker.sample.t_ns:
        return False
    until_ns = loop_times.until_ns(worker, loop, context.now_ns)
    longest_ns = loop_times.longest_step(loop, until_ns).length_ns
    on_ns = until_ns - loop.since_ns if loop.running else 0
    stepped_ns = max(1, longest_ns, loop.steps_ns - loop.tally.first_steps_ns + on_ns)
    share = min(1.0, (worker.sample.runq_ns - worker.tally.first.runq_ns) / stepped_ns)
    return share >= NO_CORE_SHARE and longest_ns * (1 - share) < LOOP_HELD_NS


def _waits_for_gil(context: LintContext, side: Side, worker: Worker | None, loop: Loop) -> bool:
    """Its steps are long because threads of its process have the interpreter lock, which has a lint of its own."""
    if worker is None or not loop_lacks_gil(context, side, worker):
        return False
    longest = loop_times.longest_step(loop, loop_times.until_ns(worker, loop, context.now_ns))
    return worker.tally.gil_sampled_ns >= GIL_SHARE * longest.length_ns


def _longest(context: LintContext, worker: Worker | None, loop: Loop) -> tuple[Loop, LongestStep]:
    longest = loop_times.longest_step(loop, loop_times.until_ns(worker, loop, context.now_ns))
    return loop, replace(longest, on=False) if loop_times.is_gone(worker) else longest


def _whose(context: LintContext, side: Side, *pids: int) -> str:
    """ " of worker 2 of WSGI2", as far as "the event loop" may be another one too."""
    several = len(side.server.loops) + len(side.server.dead_loops) > 1
    numbers = [worker.number for worker in side.server.workers.values() if worker.pid in pids]
    return (f" of {wording.workers(numbers)}" if several and numbers else "") + context.of_side(side)


def _held_again(context: LintContext, side: Side, loop: Loop) -> str | None:
    longest_ns = loop.tally.longest_step_ns
    if longest_ns <= LOOP_HELD_NS or context.now_ns - loop.since_ns >= HELD_AGAIN_NS:
        return None
    if not _shaped(context, side, loop, longest_ns):
        return None
    whose, where = _whose(context, side, loop.pid), _at(_place(loop))
    return (
        f"Single steps hold the event loop{whose}{where} (the longest so far: "
        f"{wording.request_name(side, loop.tally.longest_step_req)}, {wording.length(longest_ns)}): until a request "
        f"{_lets_go(side)}, no other request makes progress{_others(context, side, loop, loop.running)}."
    )


def _shaped(context: LintContext, side: Side, loop: Loop, longest_ns: int) -> bool:
    """Long steps are a good part of the run so far: one that is late once, on a busy machine say, is no pattern."""
    elapsed_ns = metrics.elapsed_ns(side, context.now_ns)
    known = (*context.latest[side.name], *context.in_flight[side.name])
    long_ns = sum(r.run_ns for r in known if r.pid in (0, loop.pid) and r.run_ns > LOOP_HELD_NS)
    return longest_ns >= LONGEST_SHARE * elapsed_ns or long_ns >= STEPS_SHARE * elapsed_ns


def _held_now(context: LintContext, side: Side, loop: Loop) -> str | None:
    step_ns = context.now_ns - loop.since_ns
    hold = loop.held
    req = loop.running or (hold.req if hold else 0)
    if not req and hold is None:
        return None
    # Many short steps in a row keep a loop from its heartbeat too; then none of them is the culprit.
    held_ns = max(step_ns if loop.running else 0, hold.held_ns if hold and step_ns > LOOP_HELD_NS else 0)
    if held_ns <= LOOP_HELD_NS:
        return None
    who = wording.request_name(side, req) if req else "What is no request's step"
    where, since = _at(hold.where if hold else None), wording.longer_than(held_ns)
    return (
        f"{who} holds the event loop{_whose(context, side, loop.pid)}{where}, for over {since}: "
        f"{_are_stuck(_waiting(context, side, loop, req))} until it {_lets_go(side)}."
    )


def _are_stuck(count: int) -> str:
    if not count:
        return "no other request makes progress"
    return f"{wording.requests(count)} {'is' if count == 1 else 'are'} stuck"


def _was_held(context: LintContext, side: Side, loop: Loop, longest: LongestStep) -> str | None:
    """After the run: when its steps were a good part of it, or one still is on."""
    longest_ns = longest.length_ns
    if not side.run.ended_ns or longest_ns <= LOOP_HELD_NS or not _shaped(context, side, loop, longest_ns):
        return None
    whose, where, length = _whose(context, side, loop.pid), _at(longest.where), wording.length(longest_ns)
    who = wording.request_name(side, longest.req) if longest.req else "no request's step"
    if longest.on:
        return (
            f"{who[0].upper()}{who[1:]} has held the event loop{whose}{where} for {length}, and still does: "
            "no other request makes progress."
        )
    return (
        f"Single steps held the event loop{whose}{where} for up to {length} ({who}): "
        "no other request made progress meanwhile."
    )


def _longest_at(loop: Loop) -> Location | None:
    """Where it was held for longest in this run: what holds it now may be a moment of the server's own."""
    hold = loop.tally.longest_hold or loop.held
    return (hold.mostly or hold.where) if hold else None


def _place(loop: Loop) -> Location | None:
    hold = loop.held or loop.tally.longest_hold
    return (hold.mostly or hold.where) if hold else None


def _at(place: Location | None) -> str:
    return f" at {place.words}" if place else ""


def _lets_go(side: Side) -> str:
    return "awaits" if side.protocol == "asgi" else "yields"


def _waiting(context: LintContext, side: Side, loop: Loop, holder: int) -> int:
    return len(_need(context, side, loop, holder))


def _need(context: LintContext, side: Side, loop: Loop, holder: int) -> list[Request]:
    """Requests in flight that need this loop, but for the one that holds it."""
    pids = {0, loop.pid} if len(side.server.loops) == 1 else {loop.pid}
    return [request for request in context.in_flight[side.name] if request.pid in pids and request.id != holder]


def _others(context: LintContext, side: Side, loop: Loop, holder: int) -> str:
    """Those that have to wait for it, as far as is known: of one that awaits nobody knows whether what it awaits has
    come. Counted exactly where the steps are so long that the number can be read."""
    others = len([one for one in _need(context, side, loop, holder) if one.task is not Task.AWAITING])
    if not others:
        return ""
    if loop.tally.longest_step_ns >= READABLE_NS:
        return f"; {wording.wait(others)}"
    return f"; over {(others - 1) // 10 * 10} requests wait" if others > 10 else "; some requests wait"


LOOP_HELD = Lint(
    "loop-held",
    _loop_held,
    "All requests of an event loop share one thread, and a request gives it back only where it awaits. A call that "
    "blocks, or a long computation, stops every other request, the accepting of new ones and all timers. Use a "
    "library made for asyncio, or move the call away with asyncio.to_thread (a process pool if it computes).",
    "asyncio docs, Developing with asyncio: Running Blocking Code",
)


# --- async that computes ----------------------------------------------------------------------------------------


def _async_computes(context: LintContext, side: Side) -> str | None:
    if (
        not side.is_loop
        or metrics.elapsed_ns(side, context.now_ns) < 500_000_000
        or seen.longest_of_short(context, side)
    ):
        return None
    computing = [loop for _, loop in loop_times.to_the_end(side) if _computes(context, side, loop)]
    if not computing or _many_await(context, side):
        return None
    loops = "event loop" if len(computing) == 1 else "event loops"
    of, where = _whose(context, side, *(loop.pid for loop in computing)), _at(_longest_at(computing[0]))
    if not side.run.ended_ns:
        return (
            f"The {loops}{of} {'computes' if len(computing) == 1 else 'compute'} over 90 % of the time{where}: "
            "there is nothing to wait for, so async gains nothing."
        )
    if _much_faster(context, side):
        return None
    whose = f"{context.label(side)}'s {loops}{of.removesuffix(context.of_side(side))}"
    return (
        f"{whose} computed over 90 % of the time{where}: "
        "there was nothing to wait for, so async gained nothing, and one loop uses one core."
    )


def _many_await(context: LintContext, side: Side) -> bool:
    """Of those in the app; after the run, of the latest."""
    in_app = [request for request in context.in_flight[side.name] if request.in_app]
    known = context.latest[side.name] if side.run.ended_ns else in_app
    return sum(map(_awaits, known)) >= max(1.0, AWAITING_SHARE * len(known))


def _awaits(request: Request) -> bool:
    """It does now, or it has awaited for longer than it ran."""
    spent: Counter[Task] = Counter()
    for step in request.steps:
        spent[step.task] += max(0, step.end_ns - step.start_ns)  # one that lasts has no end
    return request.task is Task.AWAITING or spent[Task.AWAITING] > spent[Task.RUNNING]


def _computes(context: LintContext, side: Side, loop: Loop) -> bool:
    """Nearly all of the time, as far as is known: between two heartbeats nobody knows, but for the steps seen."""
    stepped = loop.running or loop.held or loop.steps_ns > loop.beat_steps_ns
    known_ns = context.now_ns if stepped or not loop.beat_ns else loop.beat_ns
    share = loop_times.busy_fraction(side, loop, known_ns) or 0.0
    times = [times for times in metrics.per_worker(side, known_ns) if times.pid == loop.pid]
    computing_s, busy_s = (times[0].computing_s, times[0].busy_s) if times else (None, None)
    return min(share, (computing_s or 0.0) / busy_s if busy_s else 0.0) >= NEARLY


def _much_faster(context: LintContext, side: Side) -> bool:
    """Than another side of this run that is over."""
    own_ns = metrics.makespan_ns(side)
    others = [metrics.makespan_ns(other) for other in context.sides if other is not side and other.run.ended_ns]
    return any(other >= MUCH_FASTER * own_ns for other in others)


ASYNC_COMPUTES = Lint(
    "async-computes",
    _async_computes,
    "async def makes waiting cheap, and nothing else: a request that computes keeps the loop for itself until it is "
    "done, as it would keep a worker, and one loop uses one core. Use as many worker processes as there are cores, "
    "or a process pool; threads share one interpreter lock.",
    "asyncio docs, Developing with asyncio: Running Blocking Code",
)
