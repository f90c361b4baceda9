"""An asyncio loop: its heartbeat, which is as late as the loop is held, and the connections that it accepts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic_ns
from typing import Any

from wsgiviz.probe.asgi import ReadyAtOnce
from wsgiviz.probe.pace import PACE, RecordingPace
from wsgiviz.recorder.emitter import Emitter


class LoopHeartbeat:
    """A timer on ``loop`` that reports its own lateness, every 20 ms (`RecordingPace.beat_ns` with no viewer
    attached); ``due_ns`` is when it comes next.

    Time in the selector is measured while a viewer is attached, where the loop has one in Python (asyncio's own);
    else it is -1; it begins at 0 each time. Which tasks are ready is followed as long, too.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, emit: Emitter, pace: RecordingPace = PACE) -> None:
        self.loop = loop
        self._pace = pace
        self._emit = emit
        self._waited_ns = -1
        self._ready = ReadyAtOnce(loop)
        self._follows = False
        self.due_ns = monotonic_ns()
        self._beat()  # a loop may be held before its first beat

    def _beat(self) -> None:
        now = monotonic_ns()
        if self._follows != self._pace.full:
            self._follow(self._pace.full)
        beat_ns = self._pace.beat_ns
        self._emit.loop_beat(max(0, now - self.due_ns), self._waited_ns, beat_ns, now)
        self.due_ns = now + beat_ns
        self.loop.call_later(beat_ns / 1e9, self._beat)

    def _follow(self, followed: bool) -> None:
        """Begin or end to note what each turn of the loop would pay for."""
        self._follows = followed
        self._ready.follow(followed)
        selector: Any = getattr(self.loop, "_selector", None)
        if getattr(selector, "select", None) is None:
            return
        if followed:
            self._waited_ns = 0
            selector.select = self._timed(selector.select)
        else:
            self._waited_ns = -1
            del selector.select

    def _timed(self, select: Callable[[float | None], Any]) -> Callable[[float | None], Any]:
        clock = monotonic_ns

        def timed(timeout: float | None = None) -> Any:
            began = clock()
            try:
                return select(timeout)
            finally:
                self._waited_ns += clock() - began

        return timed


def note_accepts(protocol: Any, emit: Emitter) -> dict[int, int]:
    """Round the connections of an asyncio protocol class: when each was accepted, by the client's port."""
    accepted: dict[int, int] = {}
    made, lost = protocol.connection_made, protocol.connection_lost

    def connection_made(self: Any, transport: Any) -> None:
        peer = transport.get_extra_info("peername")
        if peer:
            accepted[peer[1]] = now = monotonic_ns()
            if emit.detailed:
                emit.connection_accepted(0, peer[1], now)
        made(self, transport)

    def connection_lost(self: Any, exc: Any) -> None:
        peer = self.transport.get_extra_info("peername") if self.transport else None
        if peer:
            accepted.pop(peer[1], None)
        lost(self, exc)

    protocol.connection_made = connection_made
    protocol.connection_lost = connection_lost
    return accepted
