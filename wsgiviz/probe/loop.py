"""An event loop's heartbeat, and its watchdog: how late it comes round, and who keeps it from it."""

from __future__ import annotations

import asyncio
import time
from _thread import get_ident
from collections.abc import Mapping
from time import monotonic_ns
from types import FrameType
from typing import Any, Protocol

from wsgiviz.events import BEAT_NS, Kind
from wsgiviz.probe.doing import Doing
from wsgiviz.probe.places import stack
from wsgiviz.probe.stacks import Frames, Teller
from wsgiviz.recorder.ring import Write

BEAT_S = BEAT_NS / 1e9

HELD_NS = 100_000_000
MOST_TOLD = 64
"""Places told in one look: a burst of a thousand tasks must not hold the interpreter's lock at a stretch."""


class Heart(Protocol):
    """What beats on a loop: ``due_ns`` is when it comes next."""

    loop: Any
    due_ns: int


class Heartbeat:
    """A timer on ``loop`` that reports its own lateness, every 20 ms; ``due_ns`` is when it comes next.

    Time in the selector is measured where the loop has one in Python (asyncio's own), else reported as -1.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, write: Write) -> None:
        self.loop = loop
        self._write = write
        self._waited_ns = -1
        self._watch_selector()
        self.due_ns = time.monotonic_ns() + BEAT_NS
        write(Kind.LOOP_BEAT, 0, 0, self._waited_ns)  # a loop may be held before its first beat
        loop.call_later(BEAT_S, self._beat)

    def _beat(self) -> None:
        now = time.monotonic_ns()
        self._write(Kind.LOOP_BEAT, 0, max(0, now - self.due_ns), self._waited_ns)
        self.due_ns = now + BEAT_NS
        self.loop.call_later(BEAT_S, self._beat)

    def _watch_selector(self) -> None:
        selector: Any = getattr(self.loop, "_selector", None)
        select = getattr(selector, "select", None)
        if select is None:
            return
        clock = time.monotonic_ns
        self._waited_ns = 0

        def timed(timeout: float | None = None) -> Any:
            began = clock()
            try:
                return select(timeout)
            finally:
                self._waited_ns += clock() - began

        selector.select = timed


class LoopLook:
    """Requests on this thread's event loop: the line of the one that runs, and what those that wait await.

    It is the loop's watchdog too: a step that does not come back for 100 ms is told while it still holds the loop.
    """

    def __init__(self, teller: Teller, write: Write, on: Mapping[int, Doing], heart: Heart) -> None:
        self._teller = teller
        self._write = write
        self._thread = get_ident()
        self._on = on
        self._heart = heart
        self._seen: dict[int, tuple[int, object]] = {}
        self._held_told_ns = 0
        self._waiting = 0

    def __call__(self, frames: Frames) -> None:
        left = MOST_TOLD
        running: Doing | None = None
        doings = list(self._on.values())
        for doing in doings:
            step = doing.step
            if step & 1:
                running = doing
            seen, told = self._seen.get(doing.req, (-1, None))
            if step != seen:
                self._seen[doing.req] = step, None
            elif left and (told is None or step & 1):
                left -= 1
                found = self._frames(doing, frames)
                if doing.step == step and found:
                    self._seen[doing.req] = step, self._teller.tell(found, doing.req, 0, told) or True
        if len(self._seen) > 2 * len(doings) + 64:
            self._seen = {doing.req: self._seen[doing.req] for doing in doings if doing.req in self._seen}
        self._watch(running, frames)
        self._watch_executor()

    def _watch_executor(self) -> None:
        """What waits for a thread of the loop's default executor (asyncio.to_thread)."""
        executor = getattr(self._heart.loop, "_default_executor", None)
        queue, threads = getattr(executor, "_work_queue", None), getattr(executor, "_max_workers", 0)
        waiting = queue.qsize() if queue is not None else 0
        if waiting != self._waiting:
            self._waiting = waiting
            self._write(Kind.POOL_QUEUE, 0, waiting, threads)

    def _frames(self, doing: Doing, frames: Frames) -> list[FrameType]:
        if doing.step & 1:
            return stack(frames.get(self._thread))
        return doing.frames()

    def _watch(self, running: Doing | None, frames: Frames) -> None:
        """Tell who holds the loop, and where, every 100 ms as long as it does."""
        now = monotonic_ns()
        late_ns = now - self._heart.due_ns
        if late_ns < HELD_NS:
            self._held_told_ns = 0
            return
        if now - self._held_told_ns < HELD_NS:
            return
        self._held_told_ns = now
        place = self._teller.place(stack(frames.get(self._thread)))
        if place is not None:
            held_ns = now - running.began_ns if running is not None and running.began_ns else late_ns
            req = running.req if running is not None else 0
            self._write(Kind.LOOP_HELD, req, held_ns, place.line, place.text)


def note_accepts(protocol: Any, write: Write) -> dict[int, int]:
    """Round the connections of an asyncio protocol class: when each was accepted, by the client's port."""
    accepted: dict[int, int] = {}
    made, lost = protocol.connection_made, protocol.connection_lost

    def connection_made(self: Any, transport: Any) -> None:
        peer = transport.get_extra_info("peername")
        if peer:
            accepted[peer[1]] = monotonic_ns()
            write(Kind.ACCEPTED, 0, peer[1])
        made(self, transport)

    def connection_lost(self: Any, exc: Any) -> None:
        peer = self.transport.get_extra_info("peername") if self.transport else None
        if peer:
            accepted.pop(peer[1], None)
        lost(self, exc)

    protocol.connection_made = connection_made
    protocol.connection_lost = connection_lost
    return accepted
