"""The one sentence that says what is going on: a pitfall that a lint has found, or the plain state.

Calm: the numbers in it are counts, not running times, and what lasts less than `SETTLED_NS` does not change
it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from wsgiviz.model import metrics
from wsgiviz.model.lints import Finding, Scene, findings, seen, words
from wsgiviz.model.lints.loops import FASTER_FROM
from wsgiviz.model.lints.slots import DEATH_TOLD_NS, lost_with
from wsgiviz.model.state import Doing, Picture, Side, Task, Worker

__all__ = ["Caption", "Scene", "Tone", "caption"]


class Tone(StrEnum):
    PLAIN = "plain"
    GOOD = "good"
    WARN = "warn"


class Caption(Struct, frozen=True):
    """A sentence, and how it is meant. ``text`` may hold words from an app: escape it before it is shown."""

    text: str
    tone: Tone = Tone.PLAIN


Rule = Callable[[Scene], Caption | None]


def caption(scene: Scene, found: Sequence[Finding] | None = None) -> Caption:
    """The sentence for now. ``found``: the scene's `findings`, where they are known already."""
    found = findings(scene) if found is None else found
    told = _first(_URGENT, scene) or _pitfall(scene, found) or _first(_PLAIN, scene)
    told = told or Caption("Ready: press space to fire.")
    lost = scene.picture.lost
    if lost:
        noun = "event was" if lost == 1 else "events were"
        gaps = f"({lost} {noun} lost: the picture has gaps.)"
        told = replace(told, text=f"{told.text} {gaps}", tone=Tone.WARN)
    return told


def _first(rules: Sequence[Rule], scene: Scene) -> Caption | None:
    return next(filter(None, (rule(scene) for rule in rules)), None)


def _pitfall(scene: Scene, found: Sequence[Finding]) -> Caption | None:
    """The first that matters now: while a run is on, those of sides that are through can wait for its end."""
    picture = scene.picture
    for finding in found:
        if picture.running and picture.sides[finding.side].run_ended_ns:
            continue
        outcome = "" if picture.running else _failed(scene) or _times(scene)
        return Caption(f"{outcome}. {finding.message}" if outcome else finding.message, Tone.WARN)
    return None


# --- what is wrong, but no pitfall ------------------------------------------------------------------------------


def _killed(scene: Scene) -> Caption | None:
    return _died(scene, "killed")


def _timed_out(scene: Scene) -> Caption | None:
    return _died(scene, "timeout")


def _died(scene: Scene, cause: str) -> Caption | None:
    for side in scene.picture.sides.values():
        for worker in reversed(list(side.workers.values())):
            recent = scene.now_ns - worker.since_ns < DEATH_TOLD_NS
            if side.running and not worker.alive and worker.died_of == cause and recent:
                return _death(scene, side, worker)
    return None


def _death(scene: Scene, side: Side, worker: Worker) -> Caption:
    cause = "was killed by its master for its timeout" if worker.died_of == "timeout" else "was killed"
    holding = lost_with(side, worker.pid)
    server = "uvicorn" if side.kind == "uvicorn" else "gunicorn"
    whose = f" of {scene.label(side)}" if len(scene.shown) > 1 else ""
    return Caption(
        f"Worker {worker.number}{whose} {cause}{holding}; {server} starts another in its place.", Tone.WARN
    )


def _cancelled(scene: Scene) -> Caption | None:
    sides = [side for side in scene.picture.sides.values() if side.cancelled]
    if not sides:
        return None
    serving = [side for side in sides for worker in side.living() if worker.busy and worker.req]
    if serving:
        slot = words.slot(serving[0])
        slots = f"1 {slot} still serves" if len(serving) == 1 else f"{len(serving)} {slot}s still serve"
        return Caption(f"Cancelled: the clients are gone, but {slots} them. Nobody tells a {serving[0].kind} worker.")
    return Caption("Cancelled. Press space to fire again.")


# --- what workers or threads do ---------------------------------------------------------------------------------


def _slots(scene: Scene) -> list[Side]:
    """Sides of slots, first those whose run is on."""
    sides = [side for side in scene.picture.sides.values() if not side.is_loop]
    return sorted(sides, key=lambda side: not side.running)


def _blocked(scene: Scene) -> Caption | None:
    for side in _slots(scene):
        blocked, slots = seen.count(scene, side, Doing.BLOCKED), len(side.living())
        if not blocked:
            continue
        of, where, waiting = scene.of(side), scene.waits_in(side), words.queued(side)
        nobody = f"; nobody waits for a {words.slot(side)}"
        if blocked < slots:
            return Caption(f"{words.some(side, blocked, slots, of)} blocked{where}{waiting or nobody}.")
        return Caption(f"{words.every(side, slots, of)} blocked{where}{waiting or _WHOEVER}.", Tone.WARN)
    return None


_WHOEVER = "; whoever comes next has to wait"


def _reading(scene: Scene) -> Caption | None:
    for side in _slots(scene):
        slots = len(side.living())
        reading = [worker for worker in side.living() if seen.with_client(worker, scene.now_ns) is Doing.READING]
        if slots and len(reading) == slots:
            are = words.every(side, slots, scene.of(side))
            return Caption(f"{are} reading a request that its client sends slowly.", Tone.WARN)
    return None


def _computing(scene: Scene) -> Caption | None:
    for side in _slots(scene):
        computing, slots = seen.count(scene, side, Doing.COMPUTING), len(side.living())
        if not side.running or computing < max(1, slots // 2):
            continue
        of = scene.of(side)
        many = words.every(side, slots, of) if computing == slots else words.some(side, computing, slots, of)
        nothing = "there is nothing to wait for, so async wins nothing"
        return Caption(f"{many} computing{words.queued(side)}: {nothing}.")
    return None


def _brisk(scene: Scene) -> Caption | None:
    """Requests which end before anybody has seen them begin."""
    for side in scene.picture.sides.values():
        longest_ns = seen.brisk(side)
        if side.running and longest_ns:
            limit = next(limit for limit in (1, 5, 20) if longest_ns < limit * 1_000_000)
            return Caption(f"A request takes less than {limit} ms: nobody waits long enough to be seen.")
    return None


# --- what a loop does -------------------------------------------------------------------------------------------


def _awaiting(scene: Scene) -> Caption | None:
    for side in scene.picture.sides.values():
        awaiting = sum(request.task is Task.AWAITING for request in side.in_flight.values())
        if not (side.is_loop and side.running and awaiting):
            continue
        where, of = scene.waits_in(side), scene.of(side)
        waits = "1 request waits" if awaiting == 1 else f"{awaiting} requests wait at once"
        return Caption(f"{waits}{where}; the event loop{of} is free for others.", Tone.GOOD)
    return None


def _under_way(scene: Scene) -> Caption | None:
    if not scene.picture.running:
        return None
    planned = max(side.planned for side in scene.picture.sides.values() if side.running)
    return Caption(f"{words.requests(planned)} under way.")


# --- how it ended -----------------------------------------------------------------------------------------------


def _failures(scene: Scene) -> Caption | None:
    failed = "" if scene.picture.running else _failed(scene)
    return Caption(f"{failed}.", Tone.WARN) if failed else None


def _failed(scene: Scene) -> str:
    return "; ".join(filter(None, (_failed_of(scene, side) for side in scene.picture.sides.values())))


def _failed_of(scene: Scene, side: Side) -> str:
    name, of_all = scene.label(side), f"of {words.requests(side.planned)}"
    if side.failed:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(side.errors.items()))
        return f"{name}: {side.failed} {of_all} got no answer ({kinds})"
    if side.bad_status:
        raised = sorted(metrics.raised(side))
        names = f" (the app raised {', '.join(raised[:3])})" if raised else ""
        return f"{name}: {side.bad_status} {of_all} got an error for an answer{names}"
    return ""


def _finished(scene: Scene) -> Caption | None:
    times = "" if scene.picture.running else _times(scene)
    if not times:
        return None
    done = _done(scene.picture)
    return Caption(f"{times}: {_verdict(scene, *done)}" if len(done) == 2 else f"{times}.", Tone.GOOD)


def _done(picture: Picture) -> list[Side]:
    """The sides that have answers of the present run, which is over."""
    ended = [side for side in picture.sides.values() if side.run_ended_ns and side.run == picture.run]
    return [side for side in ended if side.completed][:2]


def _times(scene: Scene) -> str:
    """What the run's sides took; "" when there is nothing to say of it."""
    done = _done(scene.picture)
    if len(done) == 1:
        [side] = done
        return f"{scene.label(side)} answered {words.requests(side.completed)} in {words.took(side)}"
    return ", ".join(
        f"{scene.label(side)} {'' if index else 'took '}{words.took(side)}" for index, side in enumerate(done)
    )


def _verdict(scene: Scene, first: Side, second: Side) -> str:
    """What the two times say, in the light of what the workers did meanwhile."""
    service = [seconds for side in (first, second) if not side.is_loop for seconds in metrics.service(side)]
    if service and max(service) < seen.SHORTEST_SEEN_NS / 1e9:
        return "nobody had to wait for long, so async had nothing to win. Synchronous is not slow."
    fast, slow = sorted((first, second), key=metrics.makespan_ns)
    ratio = metrics.makespan_ns(slow) / max(1, metrics.makespan_ns(fast))
    times = f"{ratio:.1f} times faster"
    if fast.is_loop == slow.is_loop:
        return f"{scene.label(fast)} was {times} here." if ratio >= FASTER_FROM else "about the same."
    if ratio < FASTER_FROM:
        return "about the same. Async wins where requests wait and workers are few."
    slots = slow if fast.is_loop else fast
    waited = (metrics.fractions(slots, scene.now_ns).blocked or 0.0) > 0.5
    if fast.is_loop and waited:
        return f"waiting at once was {times} than waiting in turn."
    if fast.is_loop:
        return f"{scene.label(fast)} was {times} here."
    why = "" if waited else ", which compute on several cores: one loop uses one"
    return f"{times} with {words.slot(slots)}s{why}."


_URGENT: tuple[Rule, ...] = (_killed, _cancelled)
"""What a person has just done to a server goes before everything else."""

_PLAIN: tuple[Rule, ...] = (
    _timed_out,
    _blocked,
    _reading,
    _computing,
    _awaiting,
    _brisk,
    _under_way,
    _failures,
    _finished,
)
