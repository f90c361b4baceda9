"""The app's one clock: thirty frames a second while something moves, four while nothing does.

Between two of the thirty it checks whether something has happened that is worth a frame of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from textual.app import App

FPS = 30
POLLS_PER_FRAME = 2
EARLY_S = (POLLS_PER_FRAME - 0.5) / (POLLS_PER_FRAME * FPS)
CALM_FPS = 4
CALM_AFTER_FRAMES = 15
"""So long it has to be calm before the clock slows: what was just asked for begins to show meanwhile."""


class FrameClock:
    """Calls ``frame`` for each frame, on the app's event loop, until the app ends.

    A timer of Textual's is a task that sleeps: its wake-ups, ninety a second, would take a hundredth of a core.
    """

    def __init__(self, app: App[Any], frame: Callable[[], None]) -> None:
        self._app = app
        self._frame = frame
        self._next: asyncio.TimerHandle | None = None  # None while a frame is made
        self._calm_frames = 0
        self._fps = 0
        self._shown: deque[float] = deque(maxlen=FPS)

    def start(self) -> None:
        self._call_at(time.monotonic())

    def _call_at(self, due_s: float) -> None:
        self._next = asyncio.get_running_loop().call_at(due_s, self._poll, due_s)  # its clock is time.monotonic

    def _poll(self, due_s: float) -> None:
        """One call of ``frame``; what has been missed is left out."""
        self._next = None
        if not self._app.is_running:
            return
        try:
            self._frame()
        except Exception as error:
            self._app.call_later(_raise, error)  # ends the app, as an error in any handler of its own does
            return
        every_s = 1 / CALM_FPS if self.slow else 1 / (FPS * POLLS_PER_FRAME)
        self._call_at(max(due_s + every_s, time.monotonic()))

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
        """Frames made in the last second, or so: more than thirty when some came early. After a change of pace the
        rate before it, until the new one is known; 0 at first."""
        shown = self._shown
        if len(shown) > 1 and shown[-1] > shown[0]:
            self._fps = round((len(shown) - 1) / (shown[-1] - shown[0]))
        return self._fps

    @property
    def slow(self) -> bool:
        return self._calm_frames > CALM_AFTER_FRAMES

    def calm(self, calm: bool) -> None:
        """Say of the frame that was made whether nothing moves."""
        if not calm:
            self.wake()
            return
        self._calm_frames += 1
        if self._calm_frames == CALM_AFTER_FRAMES + 1:
            self._shown.clear()

    def wake(self) -> None:
        """Something moves, or was asked for: make every frame again, the next one at once."""
        was_slow, self._calm_frames = self.slow, 0
        if not was_slow:
            return
        self._shown.clear()
        if self._next is not None:
            self._next.cancel()
            self._call_at(time.monotonic())


def _raise(error: Exception) -> None:
    raise error
