"""The one sentence that says what is going on, from rules over the picture: the first rule that speaks wins.

Calm: the numbers in it are counts, not running times, so that it changes when something happens and not with
every frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum

from msgspec import Struct

from wsgiviz.events import request_number
from wsgiviz.model import metrics
from wsgiviz.model.state import Doing, Picture, Side, Task, Worker

LOOP_HELD_NS = 100_000_000
"""One step of a task that lasts longer holds the loop (asyncio's own slow_callback_duration)."""


class Tone(StrEnum):
    PLAIN = "plain"
    GOOD = "good"
    WARN = "warn"


class Caption(Struct, frozen=True):
    """A sentence, and how it is meant. ``text`` may hold words from an app: escape it before it is shown."""

    text: str
    tone: Tone = Tone.PLAIN


class Scene(Struct, frozen=True):
    """What the rules look at: the picture, the calls that either side waits in, cores, and the time."""

    picture: Picture
    wsgi_call: str
    asgi_call: str
    cores: int
    now_ns: int
    async_limit: int | None = None


Rule = Callable[[Scene], Caption | None]


def caption(scene: Scene) -> Caption:
    """The sentence for now."""
    for rule in _RULES:
        found = rule(scene)
        if found is not None:
            return found
    return Caption("Ready: press space to fire.")


def _died(scene: Scene) -> Caption | None:
    side = scene.picture.wsgi
    dead = [worker for worker in side.workers.values() if not worker.alive and worker.died_of != "exit"]
    if not dead or not side.running:
        return None
    worker = dead[-1]
    cause = "was killed by its master for its timeout" if worker.died_of == "timeout" else "was killed"
    holding = f" while it held #{request_number(worker.req)}" if worker.req else ""
    return Caption(
        f"Worker {worker.number} {cause}{holding}; gunicorn starts another in its place.", Tone.WARN
    )


def _loop_held(scene: Scene) -> Caption | None:
    side = scene.picture.asgi
    for loop in side.loops.values():
        if loop.running and scene.now_ns - loop.since_ns > LOOP_HELD_NS:
            others = max(0, len(side.in_flight) - 1)
            return Caption(
                f"#{request_number(loop.running)} holds the event loop: {others} others wait for it to await.",
                Tone.WARN,
            )
    return None


def _queue_full(scene: Scene) -> Caption | None:
    for side in scene.picture.sides.values():
        if 0 < side.queue_limit < side.queue_depth:
            return Caption(
                f"The accept queue of {side.name.upper()} is full ({side.queue_limit}): "
                "the kernel drops what comes, and clients try again after 1 s, 3 s, 7 s.",
                Tone.WARN,
            )
    return None


def _all_blocked(scene: Scene) -> Caption | None:
    side = scene.picture.wsgi
    blocked, workers = _count(side, Doing.BLOCKED), len(side.living())
    if not blocked:
        return None
    call = f" in {scene.wsgi_call}" if scene.wsgi_call else ""
    waiting = _waiting(side)
    if blocked < workers:
        return Caption(f"{_of(blocked, workers)} blocked{call}{waiting or '; nobody waits'}.")
    return Caption(f"{_all(workers)} blocked{call}{waiting or '; the next request will have to wait'}.", Tone.WARN)


def _waiting(side: Side) -> str:
    depth = side.queue_depth
    if depth <= 0:
        return ""
    noun = "request waits" if depth == 1 else "requests wait"
    return f"; {depth} {noun} in the kernel, not yet read by anyone"


def _all(workers: int) -> str:
    return "The only worker is" if workers == 1 else f"All {workers} workers are"


def _of(some: int, workers: int) -> str:
    return f"{some} of {workers} workers {'is' if some == 1 else 'are'}"


def _computing(scene: Scene) -> Caption | None:
    side = scene.picture.wsgi
    computing, workers = _count(side, Doing.COMPUTING), len(side.living())
    if not side.running or computing < max(1, workers // 2):
        return None
    if computing > scene.cores:
        return Caption(
            f"{computing} workers compute on {scene.cores} cores{_waiting(side)}: "
            "more processes than cores take turns, and win nothing.",
            Tone.WARN,
        )
    return Caption(f"{_of(computing, workers)} computing{_waiting(side)}: there is nothing to wait for.")


def _threads_exhausted(scene: Scene) -> Caption | None:
    side = scene.picture.asgi
    limit = scene.async_limit
    inside = sum(request.task is Task.AWAITING for request in side.in_flight.values())
    if limit is None or not side.running or inside <= limit:
        return None
    return Caption(
        f"{inside} tasks await a thread, and asyncio's pool has {limit}: a thread pool is a row of workers again."
    )


def _awaiting(scene: Scene) -> Caption | None:
    side = scene.picture.asgi
    awaiting = sum(request.task is Task.AWAITING for request in side.in_flight.values())
    if not side.running or not awaiting:
        return None
    call = f" in {scene.asgi_call}" if scene.asgi_call else ""
    return Caption(f"{awaiting} requests wait at once{call}; the event loop is free for others.", Tone.GOOD)


def _failures(scene: Scene) -> Caption | None:
    texts = []
    for side in scene.picture.sides.values():
        if side.failed and not side.cancelled and not side.running:
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(side.errors.items()))
            texts.append(f"{side.name.upper()}: {side.failed} of {side.planned} requests got no answer ({kinds})")
        elif side.bad_status and not side.running:
            raised = _raised(side)
            texts.append(f"{side.name.upper()}: {side.bad_status} of {side.planned} were answered with an error{raised}")
    return Caption("; ".join(texts) + ".", Tone.WARN) if texts else None


def _raised(side: Side) -> str:
    names = sorted(metrics.raised(side))
    return f" (the app raised {', '.join(names[:3])})" if names else ""


def _cancelled(scene: Scene) -> Caption | None:
    sides = [side for side in scene.picture.sides.values() if side.cancelled]
    if not sides:
        return None
    held = [worker for side in sides for worker in _holding(side)]
    if held:
        return Caption(
            f"Cancelled: the clients are gone, but {len(held)} workers still serve them: nobody tells a sync worker."
        )
    return Caption("Cancelled. Press space to fire again.")


def _holding(side: Side) -> Iterator[Worker]:
    return (worker for worker in side.living() if worker.busy and worker.req)


def _finished(scene: Scene) -> Caption | None:
    picture = scene.picture
    done = [side for side in picture.sides.values() if side.run_ended_ns and side.completed]
    if not done or picture.running:
        return None
    if len(done) < 2:
        [side] = done
        return Caption(f"{side.name.upper()} answered {side.completed} requests in {_took(side)}.", Tone.GOOD)
    wsgi, asgi = (metrics.makespan_ns(picture.sides[name]) for name in ("wsgi", "asgi"))
    times = f"WSGI took {_took(picture.wsgi)}, ASGI {_took(picture.asgi)}"
    ratio = wsgi / asgi if asgi else 0
    if ratio >= 1.5:
        return Caption(f"{times}: waiting at once was {ratio:.1f} times faster than waiting in turn.", Tone.GOOD)
    if 0 < ratio <= 1 / 1.5:
        return Caption(f"{times}: {1 / ratio:.1f} times faster with workers. Synchronous is not slow.", Tone.GOOD)
    return Caption(f"{times}: about the same. Async wins where requests wait, not where they work.", Tone.GOOD)


def _took(side: Side) -> str:
    seconds = metrics.makespan_ns(side) / 1e9
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"


def _reading(scene: Scene) -> Caption | None:
    side = scene.picture.wsgi
    reading = _count(side, Doing.READING)
    if not side.running or not reading or reading < len(side.living()):
        return None
    return Caption(f"{_all(reading)} reading a request that its client sends slowly.", Tone.WARN)


def _count(side: Side, doing: Doing) -> int:
    return sum(worker.doing is doing for worker in side.living())


_RULES: tuple[Rule, ...] = (
    _queue_full,
    _died,
    _loop_held,
    _cancelled,
    _all_blocked,
    _reading,
    _threads_exhausted,
    _computing,
    _awaiting,
    _failures,
    _finished,
)
