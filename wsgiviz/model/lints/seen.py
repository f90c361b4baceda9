"""Worker slots as a person sees them: what lasts some milliseconds is passed over."""

from __future__ import annotations

from wsgiviz.model.lints.scene import SETTLED_NS, Scene
from wsgiviz.model.state import Doing, Side, Worker

SHORTEST_SEEN_NS = 20_000_000
"""What lasts less is too short to be seen by anyone."""

SLOW_CLIENT_NS = 300_000_000
"""A client that keeps a worker reading, writing or closing for longer is slow."""

CLIENTS = frozenset({Doing.READING, Doing.WRITING, Doing.CLOSING})
"""A worker in one of these waits for its client, and has nothing in the app."""


def count(scene: Scene, side: Side, doing: Doing) -> int:
    """How many slots are doing that."""
    return len(doers(scene, side, doing))


def doers(scene: Scene, side: Side, doing: Doing) -> list[Worker]:
    """The slots that are doing that."""
    workers = side.living()
    if not side.running:
        return [worker for worker in workers if worker.doing is doing]
    return [worker for worker in workers if as_seen(worker, scene.now_ns) is doing]


def as_seen(worker: Worker, now_ns: int) -> Doing:
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


def with_client(worker: Worker, now_ns: int) -> Doing | None:
    """What a slow client holds it in, or held it in until a moment ago."""
    for span in reversed(worker.spans[-8:]):
        end_ns = span.end_ns or now_ns
        if now_ns - end_ns > SLOW_CLIENT_NS + SETTLED_NS:
            break
        if span.doing in CLIENTS and end_ns - span.start_ns > SLOW_CLIENT_NS:
            return span.doing
    return None


def busy(worker: Worker, now_ns: int) -> bool:
    """It serves, or did a moment ago."""
    return worker.busy or now_ns - worker.since_ns < SETTLED_NS


def brisk(side: Side) -> int:
    """The longest service time of the latest requests (ns), when all were too short to be seen; else 0."""
    last = [request.ended_ns - request.began_ns for request in side.finished[-8:] if request.ended_ns]
    return max(1, *last) if len(last) >= 4 and max(last) < SHORTEST_SEEN_NS else 0
