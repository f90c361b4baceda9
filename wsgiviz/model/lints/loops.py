"""Lints of servers whose requests share an event loop."""

from __future__ import annotations

from wsgiviz.events import request_number
from wsgiviz.model import metrics
from wsgiviz.model.lints import seen, words
from wsgiviz.model.lints.lint import Lint
from wsgiviz.model.lints.scene import Scene
from wsgiviz.model.state import Loop, Place, Side, Task

LOOP_HELD_NS = 100_000_000
"""One step of a task that lasts longer holds the loop (asyncio's own slow_callback_duration)."""

HELD_AGAIN_NS = 1_000_000_000
"""A loop that was held before, and had a step so recently, is told to be held again and again."""

READABLE_NS = 300_000_000
"""A number that stands for less can't be read."""

NEARLY = 0.9
"""From this share of the time on, a loop does nothing else."""

FASTER_FROM = 1.5
"""Below this ratio of times, both took about the same."""


# --- a loop that is held ----------------------------------------------------------------------------------------


def _loop_held(scene: Scene, side: Side) -> str | None:
    if not side.is_loop:
        return None
    loops = sorted(side.loops.values(), key=lambda loop: (-loop.longest_step_ns, loop.pid))
    if side.running:
        told = (_held_again(scene, side, loop) or _held_now(scene, side, loop) for loop in loops)
    else:
        told = (_was_held(scene, side, loop) for loop in loops)
    return next(filter(None, told), None)


def _held_again(scene: Scene, side: Side, loop: Loop) -> str | None:
    if loop.longest_step_ns <= LOOP_HELD_NS or scene.now_ns - loop.since_ns >= HELD_AGAIN_NS:
        return None
    return (
        f"Single steps hold the event loop{scene.of(side)}{_at(_place(loop))} (the longest so far: "
        f"#{request_number(loop.longest_step_req)}, {words.length(loop.longest_step_ns)}): "
        f"until a request {_lets_go(side)}, no other one gets on{_others(side, loop, loop.running)}."
    )


def _held_now(scene: Scene, side: Side, loop: Loop) -> str | None:
    step_ns = scene.now_ns - loop.since_ns
    hold = loop.held
    req = loop.running or (hold.req if hold else 0)
    if not req and hold is None:
        return None
    # Many short steps in a row keep a loop from its heartbeat too; then none of them is the culprit.
    held_ns = max(step_ns if loop.running else 0, hold.held_ns if hold and step_ns > LOOP_HELD_NS else 0)
    if held_ns <= LOOP_HELD_NS:
        return None
    who = f"#{request_number(req)}" if req else "What is no request's step"
    where, since = _at(hold.where if hold else None), words.longer_than(held_ns)
    others = words.requests(_waiting(side, loop, req))
    return (
        f"{who} holds the event loop{scene.of(side)}{where}, for over {since}: "
        f"{others} can't get on until it {_lets_go(side)}."
    )


def _was_held(scene: Scene, side: Side, loop: Loop) -> str | None:
    """After the run: when its steps were a good part of it."""
    longest_ns, makespan_ns = loop.longest_step_ns, metrics.makespan_ns(side)
    stepping_ns = sum(request.run_ns for request in side.finished[-1000:] if request.pid in (0, loop.pid))
    if not side.run_ended_ns or longest_ns <= LOOP_HELD_NS or max(longest_ns * 10, stepping_ns * 2) < makespan_ns:
        return None
    return (
        f"Single steps held the event loop{scene.of(side)}{_at(_place(loop))} for up to {words.length(longest_ns)} "
        f"(#{request_number(loop.longest_step_req)}): no other request got on meanwhile."
    )


def _place(loop: Loop) -> Place | None:
    hold = loop.held or loop.longest_hold
    return hold.where if hold else None


def _at(place: Place | None) -> str:
    return f" at {place.words}" if place else ""


def _lets_go(side: Side) -> str:
    return "awaits" if side.protocol == "asgi" else "yields"


def _waiting(side: Side, loop: Loop, holder: int) -> int:
    """Requests in flight that need this loop, but for the one that holds it."""
    pids = {0, loop.pid} if len(side.loops) == 1 else {loop.pid}
    return sum(request.pid in pids and request.id != holder for request in side.in_flight.values())


def _others(side: Side, loop: Loop, holder: int) -> str:
    """Counted exactly where the steps are so long that the number can be read."""
    others = _waiting(side, loop, holder)
    if not others:
        return ""
    if loop.longest_step_ns >= READABLE_NS:
        return f"; {words.wait(others)}"
    return f"; over {(others - 1) // 10 * 10} requests wait" if others > 10 else "; some requests wait"


LOOP_HELD = Lint(
    "loop-held",
    _loop_held,
    "All requests of an event loop share one thread, and a request gives it back only where it awaits. A call that "
    "blocks, or a long computation, stops every other request, the accepting of new ones and all timers. Use a "
    "library made for asyncio, or move the call away with asyncio.to_thread (a process pool if it computes).",
    "asyncio docs, Developing with asyncio: Running Blocking Code",
)


# --- the executor's threads -------------------------------------------------------------------------------------


def _executor_exhausted(scene: Scene, side: Side) -> str | None:
    if side.protocol != "asgi":
        return None
    if side.run_ended_ns:
        return _executor_was_exhausted(side)
    waiting, threads = sum(side.pools.values()), side.pool_threads
    if not threads and scene.async_limit is not None:  # where the pool itself can't be seen
        threads = scene.async_limit
        awaiting = sum(request.task is Task.AWAITING for request in side.in_flight.values())
        waiting = awaiting - threads * max(1, len(side.loops))
    if not side.running or waiting <= 0:
        return None
    return (
        f"{words.wait(waiting)} for one of the {threads} threads of asyncio's pool{scene.of(side)}: "
        "it is a row of workers again."
    )


def _executor_was_exhausted(side: Side) -> str | None:
    if not side.max_pool:
        return None
    return (
        f"Up to {words.requests(side.max_pool)} at a time waited for one of the {side.pool_threads} threads of "
        "asyncio's pool: it was a row of workers again."
    )


EXECUTOR_EXHAUSTED = Lint(
    "executor-exhausted",
    _executor_exhausted,
    "asyncio.to_thread and run_in_executor(None, ...) share one pool of min(32, cores + 4) threads in each process: "
    "who comes beyond that waits for a thread as others wait for a worker. Await a library made for asyncio instead, "
    "or give the loop an executor with as many threads as may wait at once.",
    "asyncio docs, Event Loop: Executing code in thread or process pools; concurrent.futures.ThreadPoolExecutor",
)


# --- async that computes ----------------------------------------------------------------------------------------


def _async_computes(scene: Scene, side: Side) -> str | None:
    if not side.is_loop or metrics.elapsed_ns(side, scene.now_ns) < 500_000_000 or seen.brisk(side):
        return None
    # Between two heartbeats nobody knows: a loop that is held has none.
    known_ns = max((loop.beat_ns for loop in side.loops.values()), default=0) or scene.now_ns
    shares = metrics.fractions(side, known_ns)
    if min(shares.busy or 0.0, shares.computing or 0.0) < NEARLY:
        return None
    if not side.run_ended_ns:
        return (
            f"The event loop{scene.of(side)} computes over 90 % of the time: "
            "there is nothing to wait for, so async gains nothing."
        )
    if _much_faster(scene, side):
        return None
    return (
        f"{scene.label(side)}'s event loop computed over 90 % of the time: there was nothing to wait for, "
        "so async gained nothing, and one loop uses one core."
    )


def _much_faster(scene: Scene, side: Side) -> bool:
    """Than another side of this run that is over."""
    own_ns = metrics.makespan_ns(side)
    others = [metrics.makespan_ns(other) for other in scene.sides if other is not side and other.run_ended_ns]
    return any(other >= FASTER_FROM * own_ns for other in others)


ASYNC_COMPUTES = Lint(
    "async-computes",
    _async_computes,
    "async def makes waiting cheap, and nothing else: a request that computes keeps the loop for itself until it is "
    "done, as it would keep a worker, and one loop uses one core. Use as many worker processes as there are cores, "
    "or a process pool; threads share one interpreter lock.",
    "asyncio docs, Developing with asyncio: Running Blocking Code",
)
