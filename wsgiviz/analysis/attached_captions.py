"""A sentence for each server that somebody else runs: what its workers do now, and who waits. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from wsgiviz.analysis.attached import oldest
from wsgiviz.analysis.black_box import report
from wsgiviz.analysis.captions import Caption, Tone
from wsgiviz.analysis.deaths import cause, server_of
from wsgiviz.analysis.lints import Finding, LintContext, wording
from wsgiviz.analysis.lints.deaths import DEATH_SHOWN_NS, death
from wsgiviz.state import OFF_LOOP, Activity, Side, State, Task, Worker

ENDED = "The server has ended; when the same command runs again, it is shown here."


NOT_ADDED = frozenset({
    "worker-timeout", "worker-died", "all-workers-blocked", "served-for-nobody", "syn-retransmission",
    "driver-bottleneck", "closed-loop",
})  # fmt: skip
"""Lints whose findings the sentence says itself, or that are about a load driver."""


def attached_captions(state: State, now_ns: int, found: Sequence[Finding] = ()) -> dict[str, Caption]:
    """By side. ``found``: what lints find now; the one that matters most is added."""
    context = LintContext.of(state, now_ns)
    first: dict[str, str] = {}
    for finding in found:
        if finding.lint not in NOT_ADDED and finding.side in state.sides:
            first.setdefault(finding.side, finding.message)
    return {name: _with(_of(context, side), first.get(name, "")) for name, side in state.sides.items()}


def _with(said: Caption, finding: str) -> Caption:
    return replace(said, text=f"{said.text} {finding}", tone=Tone.WARN) if finding else said


def _of(context: LintContext, side: Side) -> Caption:
    living, server = side.server.living(), side.server
    if not living and server.gone_ns:
        return Caption(ENDED)
    dead = _newest_death(context, side)
    if dead is not None:
        return Caption(f"{_death(context, side, dead)}; {server_of(side)} starts another in its place.", Tone.WARN)
    if not living:
        return Caption("No worker runs now.", Tone.WARN) if server.workers else Caption("No worker yet.")
    full = not side.is_loop and all(worker.busy for worker in living)
    words = _at_loops(context, side) if side.is_loop else _at_slots(side, living)
    tone = Tone.WARN if full and side.server.queue_depth > 0 else Tone.PLAIN
    return Caption(f"{words}{_oldest(context, side)}; {_queue(side)}.", tone)


def _newest_death(context: LintContext, side: Side) -> Worker | None:
    recent = [
        worker
        for worker in side.server.workers.values()
        if worker.died_violently and context.now_ns - worker.since_ns < DEATH_SHOWN_NS
    ]
    return max(recent, key=lambda worker: worker.since_ns, default=None)


def _death(context: LintContext, side: Side, worker: Worker) -> str:
    """ "Worker 4 was killed by gunicorn (worker timeout) with GET /hang at shop.py:15 time.sleep"."""
    held = report(side, worker).requests
    if not held:
        return death(context, side, worker)
    words = f"Worker {worker.number}{context.of_side(side)} {cause(worker, side).words} with"
    words += f" {held[0].target or 'a request'}{' at ' + held[0].line if held[0].line else ''}"
    return f"{words} and {wording.requests(len(held) - 1)} more" if len(held) > 1 else words


def _at_slots(side: Side, living: list[Worker]) -> str:
    """ "3 of 4 workers are blocked, 1 is computing"."""
    counts = Counter(worker.activity for worker in living if worker.activity is not Activity.IDLE)
    if not counts:
        return f"{wording.every(side, len(living))} idle"
    (first, number), *rest = counts.most_common()
    slots = len(living)
    are = wording.every(side, slots) if number == slots else wording.some(side, number, slots)
    more = "".join(f", {n} {'is' if n == 1 else 'are'} {activity.value}" for activity, n in rest)
    return f"{are} {first.value}{more}"


def _at_loops(context: LintContext, side: Side) -> str:
    tasks = Counter(request.task for request in context.in_flight[side.name] if request.in_app)
    inside, away = tasks.total(), sum(tasks[task] for task in OFF_LOOP)
    loops = max(1, len(side.server.loops))
    where = "the event loop" if loops == 1 else f"{loops} event loops"
    if not inside:
        return f"No request is on {where}"
    are = "request is" if inside == 1 else "requests are"
    computing = tasks[Task.RUNNING]
    parts = [f"{away} wait for something else" if away != 1 else "1 waits for something else"] * bool(away)
    parts += [f"{computing} {'runs' if computing == 1 else 'run'}"] * bool(computing)
    ready = inside - away - computing
    parts += [f"{ready} {'waits' if ready == 1 else 'wait'} for the loop"] * bool(ready)
    return f"{inside} {are} on {where}: {', '.join(parts)}"


def _oldest(context: LintContext, side: Side) -> str:
    """ " (oldest request GET /slow, for over 5 s at shop.py:14 time.sleep)"."""
    request = oldest(context.in_flight[side.name])
    if request is None:
        return ""
    lasts = wording.longer_than(context.now_ns - request.began_ns)
    where = f" at {request.where.words}" if request.where is not None else ""
    return f" (oldest request{f' {request.target}' if request.target else ''}, for over {lasts}{where})"


def _queue(side: Side) -> str:
    """Who waits to be accepted, and in a process for one of its threads."""
    depth, pooled = side.server.queue_depth, sum(side.server.pools.values())
    waits = "waits" if pooled == 1 else "wait"
    inside = f", {pooled} {waits} for a thread" if pooled and not side.is_loop else ""
    if depth < 0:
        return f"how many wait in the kernel is not known{inside}"
    if not depth:
        return f"nobody waits in the kernel{inside}"
    return f"{wording.about(depth)} {'waits' if depth == 1 else 'wait'} in the kernel{inside}"
