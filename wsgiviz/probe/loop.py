"""The heartbeat of an event loop: how late it comes round, and how long it has waited in its selector."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from wsgiviz.events import Kind
from wsgiviz.recorder.ring import Write

BEAT_S = 0.05


class Heartbeat:
    """A timer on ``loop`` that reports its own lateness, every 50 ms.

    Time in the selector is measured where the loop has one in Python (asyncio's own), else reported as -1.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, write: Write) -> None:
        self._loop = loop
        self._write = write
        self._waited_ns = -1
        self._watch_selector()
        self._due_ns = time.monotonic_ns() + int(BEAT_S * 1e9)
        loop.call_later(BEAT_S, self._beat)

    def _beat(self) -> None:
        now = time.monotonic_ns()
        self._write(Kind.LOOP_BEAT, 0, max(0, now - self._due_ns), self._waited_ns)
        self._due_ns = now + int(BEAT_S * 1e9)
        self._loop.call_later(BEAT_S, self._beat)

    def _watch_selector(self) -> None:
        selector: Any = getattr(self._loop, "_selector", None)
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
