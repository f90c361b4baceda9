"""The one sentence that says what is going on, from rules over the picture: the first rule that speaks wins.

Calm: the numbers in it are counts, not running times, and what lasts less than `SETTLED_NS` does not change
it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from wsgiviz.events import request_number
from wsgiviz.model import metrics
from wsgiviz.model.state import Doing, Picture, Side, Task, Worker

LOOP_HELD_NS = 100_000_000
"""One step of a task that lasts longer holds the loop (asyncio's own slow_callback_duration)."""

HELD_AGAIN_NS = 1_000_000_000
"""A loop that was held before, and had a step so recently, is told to be held again and again."""

SETTLED_NS = 100_000_000
"""A worker between two requests still counts as doing what it did, for so long."""

SHORTEST_SEEN_NS = 20_000_000
"""What lasts less is too short to be seen by anyone."""

DEATH_TOLD_NS = 5_000_000_000
FASTER_FROM = 1.5
"""Below this ratio of times, both took about the same."""

FEW = 20
"""Up to so many requests in the queue are counted exactly."""


class Tone(StrEnum):
    PLAIN = "plain"
    GOOD = "good"
    WARN = "warn"


class Caption(Struct, frozen=True):
    """A sentence, and how it is meant. ``text`` may hold words from an app: escape it before it is shown."""

    text: str
    tone: Tone = Tone.PLAIN


class Scene(Struct, frozen=True):
    """What the rules look at: the picture, the calls that either side waits in, cores, and the time.

    ``async_limit``: how many requests the async side's thread pool takes at once, if it uses one.
    """

    picture: Picture
    wsgi_call: str
    asgi_call: str
    cores: int
    now_ns: int
    async_limit: int | None = None


Rule = Callable[[Scene], Caption | None]


def caption(scene: Scene) -> Caption:
    """The sentence for now."""
    found = next(filter(None, (rule(scene) for rule in _RULES)), Caption("Ready: press space to fire."))
    lost = scene.picture.lost
    if lost:
        noun = "event was" if lost == 1 else "events were"
        gaps = f"({lost} {noun} lost: the picture has gaps.)"
        found = replace(found, text=f"{found.text} {gaps}", tone=Tone.WARN)
    return found


# --- what is wrong ------------------------------------------------------------------------------------------


def _queue_full(scene: Scene) -> Caption | None:
    for side in scene.picture.sides.values():
        if 0 < side.queue_limit < side.queue_depth:
            return Caption(
                f"The accept queue of {side.name.upper()} is full ({side.queue_limit}): "
                "the kernel drops what comes, and clients try again after 1 s, 3 s, 7 s.",
                Tone.WARN,
            )
    return None


def _died(scene: Scene) -> Caption | None:
    for side in scene.picture.sides.values():
        for worker in reversed(list(side.workers.values())):
            recent = scene.now_ns - worker.since_ns < DEATH_TOLD_NS
            if side.running and not worker.alive and worker.died_of != "exit" and recent:
                return _death(worker)
    return None


def _death(worker: Worker) -> Caption:
    cause = "was killed by its master for its timeout" if worker.died_of == "timeout" else "was killed"
    holding = f" while it held #{request_number(worker.req)}" if worker.req else ""
    return Caption(
        f"Worker {worker.number} {cause}{holding}; gunicorn starts another in its place.", Tone.WARN
    )


def _loop_held(scene: Scene) -> Caption | None:
    side = scene.picture.asgi
    if not side.running:
        return None
    for loop in side.loops.values():
        step_ns = scene.now_ns - loop.since_ns
        if loop.longest_step_ns > LOOP_HELD_NS and step_ns < HELD_AGAIN_NS:
            longest = request_number(loop.longest_step_req)
            return Caption(
                f"Single steps hold the event loop (the longest so far: #{longest}): "
                "until a request awaits, no other one gets on.",
                Tone.WARN,
            )
        if loop.running and step_ns > LOOP_HELD_NS:
            holder, others = request_number(loop.running), max(0, len(side.in_flight) - 1)
            text = f"#{holder} holds the event loop: {_requests(others)} can't get on until it awaits."
            return Caption(text, Tone.WARN)
    return None


def _cancelled(scene: Scene) -> Caption | None:
    sides = [side for side in scene.picture.sides.values() if side.cancelled]
    if not sides:
        return None
    held = sum(worker.busy and bool(worker.req) for side in sides for worker in side.living())
    if held:
        workers = "1 worker still serves" if held == 1 else f"{held} workers still serve"
        return Caption(f"Cancelled: the clients are gone, but {workers} them. Nobody tells a sync worker.")
    return Caption("Cancelled. Press space to fire again.")


# --- what the workers do ------------------------------------------------------------------------------------


def _all_blocked(scene: Scene) -> Caption | None:
    side = scene.picture.wsgi
    blocked, workers = _count(scene, Doing.BLOCKED), len(side.living())
    if not blocked:
        return None
    call = f" in {scene.wsgi_call}" if scene.wsgi_call else ""
    waiting = _waiting(side)
    if blocked < workers:
        return Caption(f"{_of(blocked, workers)} blocked{call}{waiting or '; nobody waits for a worker'}.")
    nobody = "; whoever comes next has to wait"
    return Caption(f"{_all(workers)} blocked{call}{waiting or nobody}.", Tone.WARN)


def _reading(scene: Scene) -> Caption | None:
    side = scene.picture.wsgi
    reading = [worker for worker in side.living() if worker.doing is Doing.READING]
    slow = [worker for worker in reading if scene.now_ns - worker.since_ns > SETTLED_NS]
    if not slow or len(reading) < len(side.living()):
        return None
    return Caption(f"{_all(len(reading))} reading a request that its client sends slowly.", Tone.WARN)


def _computing(scene: Scene) -> Caption | None:
    side = scene.picture.wsgi
    computing, workers = _count(scene, Doing.COMPUTING), len(side.living())
    if not side.running or computing < max(1, workers // 2):
        return None
    if computing > scene.cores:
        cores = "1 core" if scene.cores == 1 else f"{scene.cores} cores"
        return Caption(
            f"{computing} workers compute on {cores}{_waiting(side)}: "
            "more processes than cores take turns, and win nothing.",
            Tone.WARN,
        )
    many = _all(workers) if computing == workers else _of(computing, workers)
    return Caption(f"{many} computing{_waiting(side)}: there is nothing to wait for, so async wins nothing.")


def _brisk(scene: Scene) -> Caption | None:
    """Requests which end before anybody has seen them begin."""
    for side in scene.picture.sides.values():
        last = [request.ended_ns - request.began_ns for request in side.finished[-8:] if request.ended_ns]
        if side.running and len(last) >= 4 and max(last) < SHORTEST_SEEN_NS:
            limit = next(limit for limit in (1, 5, 20) if max(last) < limit * 1_000_000)
            return Caption(f"A request takes less than {limit} ms: nobody waits long enough to be seen.")
    return None


def _count(scene: Scene, doing: Doing) -> int:
    side = scene.picture.wsgi
    workers = side.living()
    if not side.running:
        return sum(worker.doing is doing for worker in workers)
    return sum(_as_seen(worker, scene.now_ns) is doing for worker in workers)


def _as_seen(worker: Worker, now_ns: int) -> Doing:
    """What it does, or did a moment ago: the few milliseconds between two requests are passed over."""
    if worker.doing in (Doing.BLOCKED, Doing.BOOTING, Doing.STOPPING):
        return worker.doing
    for span in reversed(worker.spans[-8:]):
        end_ns = span.end_ns or now_ns
        if now_ns - end_ns > SETTLED_NS:
            break
        if end_ns - span.start_ns >= SHORTEST_SEEN_NS:
            return span.doing
    return worker.doing


# --- what the loop does -------------------------------------------------------------------------------------


def _threads_exhausted(scene: Scene) -> Caption | None:
    side = scene.picture.asgi
    limit = scene.async_limit
    inside = sum(request.task is Task.AWAITING for request in side.in_flight.values())
    if limit is None or not side.running or inside <= limit:
        return None
    return Caption(
        f"{inside} tasks await a thread, and asyncio's pool has {limit}: it is a row of workers again.",
        Tone.WARN,
    )


def _awaiting(scene: Scene) -> Caption | None:
    side = scene.picture.asgi
    awaiting = sum(request.task is Task.AWAITING for request in side.in_flight.values())
    if not side.running or not awaiting:
        return None
    call = f" in {scene.asgi_call.removeprefix('await ')}" if scene.asgi_call else ""
    if awaiting == 1:
        return Caption(f"1 request waits{call}; the event loop is free for others.", Tone.GOOD)
    return Caption(f"{awaiting} requests wait at once{call}; the event loop is free for others.", Tone.GOOD)


def _under_way(scene: Scene) -> Caption | None:
    if not scene.picture.running:
        return None
    planned = max(side.planned for side in scene.picture.sides.values() if side.running)
    return Caption(f"{_requests(planned)} under way.")


# --- how it ended -------------------------------------------------------------------------------------------


def _failures(scene: Scene) -> Caption | None:
    if scene.picture.running:
        return None
    texts = [text for side in scene.picture.sides.values() if (text := _failed(side))]
    return Caption("; ".join(texts) + ".", Tone.WARN) if texts else None


def _failed(side: Side) -> str:
    name, of_all = side.name.upper(), f"of {_requests(side.planned)}"
    if side.failed:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(side.errors.items()))
        return f"{name}: {side.failed} {of_all} got no answer ({kinds})"
    if side.bad_status:
        raised = sorted(metrics.raised(side))
        names = f" (the app raised {', '.join(raised[:3])})" if raised else ""
        return f"{name}: {side.bad_status} {of_all} got an error for an answer{names}"
    return ""


def _finished(scene: Scene) -> Caption | None:
    picture = scene.picture
    ended = [side for side in picture.sides.values() if side.run_ended_ns and side.run == picture.run]
    done = [side for side in ended if side.completed]
    if not done or picture.running:
        return None
    if len(done) == 1:
        [side] = done
        answered = _requests(side.completed)
        return Caption(f"{side.name.upper()} answered {answered} in {_took(side)}.", Tone.GOOD)
    times = f"WSGI took {_took(picture.wsgi)}, ASGI {_took(picture.asgi)}"
    return Caption(f"{times}: {_verdict(scene)}", Tone.GOOD)


def _verdict(scene: Scene) -> str:
    """What the two times say, in the light of what the workers did meanwhile."""
    wsgi, asgi = scene.picture.wsgi, scene.picture.asgi
    ratio = metrics.makespan_ns(wsgi) / max(1, metrics.makespan_ns(asgi))
    service = metrics.service(wsgi)
    if service and max(service) < SHORTEST_SEEN_NS / 1e9:
        return "nobody had to wait for long, so async had nothing to win. Synchronous is not slow."
    blocked = metrics.fractions(wsgi, scene.now_ns).blocked
    waited = blocked is not None and blocked > 0.5
    if ratio >= FASTER_FROM:
        why = "waiting at once was" if waited else "ASGI was"
        than = "than waiting in turn" if waited else "here"
        return f"{why} {ratio:.1f} times faster {than}."
    if ratio <= 1 / FASTER_FROM:
        why = "" if waited else ", which compute on several cores: one loop uses one"
        return f"{1 / ratio:.1f} times faster with workers{why}."
    return "about the same. Async wins where requests wait and workers are few."


# --- words --------------------------------------------------------------------------------------------------


def _waiting(side: Side) -> str:
    depth = side.queue_depth
    if depth <= 0:
        return ""
    if depth == 1:
        return "; 1 request waits in the kernel, not yet read by anyone"
    many = str(depth) if depth <= FEW else f"over {(depth - 1) // 10 * 10}"
    return f"; {many} requests wait in the kernel, not yet read by anyone"


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count} requests"


def _all(workers: int) -> str:
    return "The only worker is" if workers == 1 else f"All {workers} workers are"


def _of(some: int, workers: int) -> str:
    return f"{some} of {workers} workers {'is' if some == 1 else 'are'}"


def _took(side: Side) -> str:
    seconds = metrics.makespan_ns(side) / 1e9
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"


_RULES: tuple[Rule, ...] = (
    _queue_full,
    _died,
    _cancelled,
    _loop_held,
    _threads_exhausted,
    _all_blocked,
    _reading,
    _computing,
    _awaiting,
    _brisk,
    _under_way,
    _failures,
    _finished,
)
