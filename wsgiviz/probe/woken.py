"""An event whose wait a signal ends."""

from __future__ import annotations

import os
import select
import signal
import threading


class WokenBySignals(threading.Event):
    """uvicorn's supervisor waits half a second for it, then looks which signals came. Here a signal ends the wait, so
    that nobody who ends the server waits either. From the main thread only."""

    def __init__(self) -> None:
        super().__init__()
        self._woken, wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def wait(self, timeout: float | None = None) -> bool:
        if not self.is_set() and select.select([self._woken], [], [], timeout)[0]:
            os.read(self._woken, 4096)
        return self.is_set()
