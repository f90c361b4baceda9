"""Requests on an event loop: the line of the one that runs, what those that wait await, and who holds the loop."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from time import monotonic_ns
from types import FrameType
from typing import Any, Protocol

from wsgiviz.probe.line_sampler import LineEmitter, unpatched
from wsgiviz.probe.loop_request import LoopRequest
from wsgiviz.probe.source_lines import stack
from wsgiviz.recorder.emitter import Emitter

HELD_NS = 100_000_000
LINES_A_SAMPLE = 64
"""Lines found in one sample: a burst of a thousand tasks must not hold the interpreter's lock at a stretch."""


class Heartbeat(Protocol):
    """What beats on a loop: ``due_ns`` is when it comes next; ``loop`` is asyncio's, or None."""

    loop: Any
    due_ns: int


class LoopSampler:
    """Looks at ``requests``, which are on the loop of the thread that makes this object.

    It is the loop's watchdog too: a step that does not come back for 100 ms is emitted while it still holds the loop.
    """

    def __init__(
        self, emit: Emitter, lines: LineEmitter, requests: Mapping[int, LoopRequest], heartbeat: Heartbeat
    ) -> None:
        self._emit = emit
        self._lines = lines
        self._thread = unpatched("_thread", "get_ident")()
        self._requests = requests
        self._heartbeat = heartbeat
        self._seen: dict[int, tuple[int, object]] = {}
        self._held_emitted_ns = 0
        self._waiting = 0

    def sample(self) -> None:
        """Emit the lines of requests that are where they were at the last call, and who holds the loop."""
        requests = list(self._requests.values())
        left = LINES_A_SAMPLE
        for request in requests:
            step = request.step
            seen, line = self._seen.get(request.req, (-1, None))
            if step != seen:
                self._seen[request.req] = step, None
            elif left and (line is None or step & 1):
                left -= 1
                self._emit_line(request, step, line)
        if len(self._seen) > 2 * len(requests) + 64:
            here = {request.req for request in requests}
            self._seen = {req: seen for req, seen in self._seen.items() if req in here}
        self._watch(requests)
        self._watch_executor()

    def _emit_line(self, request: LoopRequest, step: int, before: object) -> None:
        found = self._running() if step & 1 else request.frames()
        if request.step == step and found:
            self._seen[request.req] = step, self._lines.emit(found, request.req, 0, before) or True

    def _running(self) -> list[FrameType]:
        """The frames of the loop's thread, innermost first."""
        return stack(sys._current_frames().get(self._thread))

    def _watch(self, requests: list[LoopRequest]) -> None:
        """Emit who holds the loop, and where, every 100 ms as long as it does."""
        now = monotonic_ns()
        late_ns = now - self._heartbeat.due_ns
        if late_ns < HELD_NS:
            self._held_emitted_ns = 0
            return
        if now - self._held_emitted_ns < HELD_NS:
            return
        self._held_emitted_ns = now
        line = self._lines.nearest(self._running())
        if line is not None:
            running = next((request for request in requests if request.step & 1), None)
            req, held_ns = (running.req, now - running.step_ns) if running is not None else (0, late_ns)
            self._emit.loop_held(req, held_ns, line.number, line.where)

    def _watch_executor(self) -> None:
        """What waits for a thread of the loop's default executor (asyncio.to_thread)."""
        executor = getattr(self._heartbeat.loop, "_default_executor", None)
        queue, threads = getattr(executor, "_work_queue", None), getattr(executor, "_max_workers", 0)
        waiting = queue.qsize() if queue is not None else 0
        if waiting != self._waiting:
            self._waiting = waiting
            self._emit.pool_queued(waiting, threads)
