"""The app's one clock: thirty frames a second while something moves, four while nothing does.

Between two of the thirty it checks whether something has happened that is worth a frame of its own.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from textual.app import App
from textual.timer import Timer

FPS = 30
POLLS_PER_FRAME = 2
EARLY_S = (POLLS_PER_FRAME - 0.5) / (POLLS_PER_FRAME * FPS)
CALM_FPS = 4
CALM_AFTER_FRAMES = 15
"""So long it has to be calm before the clock slows: what was just asked for begins to show meanwhile."""


class FrameClock:
    """Calls ``frame`` for each frame, on the app's event loop."""

    def __init__(self, app: App[Any], frame: Callable[[], None]) -> None:
        self._app = app
        self._frame = frame
        self._fast: Timer | None = None
        self._slow: Timer | None = None
        self._calm_frames = 0
        self._shown: deque[float] = deque(maxlen=FPS)

    def start(self) -> None:
        self._fast = self._app.set_interval(1 / (FPS * POLLS_PER_FRAME), self._frame)
        self._slow = self._app.set_interval(1 / CALM_FPS, self._frame, pause=True)

    def tick(self) -> float:
        """A frame is made now: gives the time in seconds, by a clock that is only used for pacing."""
        now_s = time.monotonic()
        self._shown.append(now_s)
        return now_s

    @property
    def early(self) -> bool:
        """It is not yet time for the next of the thirty frames; the one before may have come early too."""
        shown = self._shown
        return bool(shown) and not self.slow and time.monotonic() - shown[-1] < EARLY_S

    @property
    def fps(self) -> int:
        """Frames made in the last second, or so: more than thirty when some came early."""
        shown = self._shown
        if len(shown) < 2 or shown[-1] == shown[0]:
            return 0
        return round((len(shown) - 1) / (shown[-1] - shown[0]))

    @property
    def slow(self) -> bool:
        return self._calm_frames > CALM_AFTER_FRAMES

    def calm(self, calm: bool) -> None:
        """Say of the frame that was made whether nothing moves."""
        if not calm:
            self.wake()
            return
        self._calm_frames += 1
        if self._fast is not None and self._slow is not None and self._calm_frames == CALM_AFTER_FRAMES + 1:
            self._fast.pause()
            self._slow.resume()
            self._shown.clear()

    def wake(self) -> None:
        """Something moves, or was asked for: make every frame again, the next one at once."""
        if self._fast is not None and self._slow is not None and self.slow:
            self._slow.pause()
            self._fast.resume()
            self._shown.clear()
        self._calm_frames = 0
