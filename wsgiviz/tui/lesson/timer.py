"""The timer of a session, which goes on from lesson to lesson; pauses are left out."""

from __future__ import annotations

import time
from collections.abc import Callable


class SessionTimer:
    """Seconds by any steady ``clock``; `wsgiviz notes` needs CLOCK_MONOTONIC, as it reads that too."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._counted_s = 0.0
        self._since_s: float | None = clock()

    @property
    def elapsed_s(self) -> float:
        return self._counted_s + (self.clock() - self._since_s if self._since_s is not None else 0.0)

    @property
    def running(self) -> bool:
        return self._since_s is not None

    def toggle(self) -> None:
        """Pause, or go on."""
        self._counted_s, self._since_s = self.elapsed_s, None if self.running else self.clock()
