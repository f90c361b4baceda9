"""Requests on an event loop: the line of the one that runs, what those that wait await, and who holds the loop."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from time import monotonic_ns
from types import FrameType
from typing import Protocol

from wsgiviz.probe.line_sampler import Frames, LineEmitter, unpatched
from wsgiviz.probe.loop_request import LoopRequest
from wsgiviz.probe.pool_call import ThreadCall
from wsgiviz.probe.source_lines import stack
from wsgiviz.probe.thread_calls import ThreadCalls
from wsgiviz.recorder.emitter import Emitter

HELD_NS = 100_000_000
MOST_ANNOUNCED, MOST_LASTING = 1024, 256
"""So many requests are announced, in four records or so each, when a viewer attaches, and now and then."""

LINES_A_SAMPLE = 64
"""Lines found in one sample: a burst of a thousand tasks must not hold the interpreter's lock at a stretch."""


Position = tuple[int, ThreadCall | None, int]
"""Of a request: its step, its call in a thread, and the thread that runs that. Where it is changes with these."""

NEVER: Position = (-1, None, 0)


class Heartbeat(Protocol):
    """What beats on a loop: ``due_ns`` is when it comes next."""

    due_ns: int


class LoopSampler:
    """Looks at ``requests``, which are on the loop of the thread that makes this object.

    It is the loop's watchdog too: a step that does not come back for 100 ms is emitted while it still holds the loop.
    """

    def __init__(
        self,
        emit: Emitter,
        lines: LineEmitter,
        requests: Mapping[int, LoopRequest],
        heartbeat: Heartbeat,
        thread_calls: ThreadCalls | None = None,
    ) -> None:
        self._emit = emit
        self._lines = lines
        self._thread = unpatched("_thread", "get_ident")()
        self._requests = requests
        self._heartbeat = heartbeat
        self._thread_calls = thread_calls
        self._seen: dict[int, tuple[Position, object]] = {}
        self._peers: set[int] = set()
        self._first = 0
        self._held_emitted_ns = 0

    def sample(self) -> None:
        """Emit the lines of requests that are where they were at the last call, and who holds the loop."""
        requests = list(self._requests.values())
        frames: Frames | None = None
        left = LINES_A_SAMPLE
        for at, request in self._in_turns(requests):
            call = request.call()
            position = request.step, call, call.thread if call is not None else 0
            seen, line = self._seen.get(request.req, (NEVER, None))
            if request.req < 0 and seen is not NEVER and request.req not in self._peers:
                self._peers.add(request.req)
                request.emit_peer()
            if position != seen:
                self._seen[request.req] = position, None
            elif left and (line is None or position[0] & 1 or position[2]):
                left -= 1
                if not left:
                    self._first = at + 1
                frames = frames or sys._current_frames()
                self._emit_line(request, position, frames, line)
        if len(self._seen) > 2 * len(requests) + 64:
            here = {request.req for request in requests}
            self._seen = {req: seen for req, seen in self._seen.items() if req in here}
            self._peers &= here
        self._watch(requests)
        if self._thread_calls is not None:
            self._thread_calls.follow_anyio()
            if self._emit.detailed:
                self._thread_calls.pools.sample(frames)

    def in_flight(self) -> list[int]:
        """The numbers of the requests that are here."""
        return list(self._requests)

    def announce(self, lasting: bool) -> None:
        """Emit again what is there, or of that only what was there at the last call of `sample` too."""
        requests = list(self._requests.values())
        if lasting:
            requests = [request for request in requests if request.req in self._seen][:MOST_LASTING]
        requests = requests[-MOST_ANNOUNCED:]
        # The one that runs is last: of a loop it is known only who was the last to begin.
        for request in sorted(requests, key=lambda request: request.step & 1):
            request.announce()
            self._seen.pop(request.req, None)
        if not lasting and self._thread_calls is not None:
            self._thread_calls.pools.forget_emitted()

    def _in_turns(self, requests: list[LoopRequest]) -> list[tuple[int, LoopRequest]]:
        """All of them, beginning behind the last one for which there was time at the call before."""
        first = self._first if self._first < len(requests) else 0
        numbered = list(enumerate(requests))
        return numbered[first:] + numbered[:first]

    def _emit_line(self, request: LoopRequest, position: Position, frames: Frames, before: object) -> None:
        step, call, thread = position
        if step & 1 or call is None:
            found = stack(frames.get(self._thread)) if step & 1 else self._waiting_frames(request)
        else:
            found = self._lines.follow(self._lines.to_own(call.in_thread(frames)), request.req)
            if not found and before is None:  # a task does not move while it waits for a thread
                found = self._lines.to_own(call.in_task())
        if request.step != step or (call is not None and call.thread != thread):
            return
        if before is None and thread and not step & 1:
            self._emit_thread(request, thread)
        line = self._lines.emit(found, request.req, 0, before) if found else before
        if line is None and call is not None and not step & 1:
            line = self._lines.emit_definition(call.codes(), request.req, 0, before)
        self._seen[request.req] = position, line or True

    def _emit_thread(self, request: LoopRequest, thread: int) -> None:
        """By the number that the kernel has for it, of one that `threading` has started: all of pools."""
        known = getattr(sys.modules.get("threading"), "_active", {}).get(thread)
        native_id = getattr(known, "native_id", None)
        if native_id:
            self._emit.call_thread(request.req, native_id)

    def _waiting_frames(self, request: LoopRequest) -> list[FrameType]:
        return self._lines.follow(request.frames(), request.req, request.waits_for(), request.tasks.values())

    def _running(self) -> list[FrameType]:
        """The frames of the loop's thread, innermost first."""
        return stack(sys._current_frames().get(self._thread))

    def _watch(self, requests: list[LoopRequest]) -> None:
        """Emit who holds the loop, and where, every 100 ms as long as it does. A loop that is late in its selector
        lacks a core, or the GIL, and is held by nobody."""
        now = monotonic_ns()
        late_ns = now - self._heartbeat.due_ns
        if late_ns < HELD_NS:
            self._held_emitted_ns = 0
            return
        if now - self._held_emitted_ns < HELD_NS:
            return
        self._held_emitted_ns = now
        frames = self._running()
        running = next((request for request in requests if request.step & 1), None)
        if running is None and frames and frames[0].f_globals.get("__name__") == "selectors":
            return
        line = self._lines.nearest(frames)
        if line is not None:
            req, held_ns = (running.req, now - running.step_ns) if running is not None else (0, late_ns)
            self._emit.loop_held(req, held_ns, line.number, line.where)
