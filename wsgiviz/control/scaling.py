"""How many workers a person wants, and the signals that get gunicorn there, one at a time."""

from __future__ import annotations

import signal

MOST_WORKERS = 64


class Scaling:
    """One signal, then wait for its effect: the kernel keeps only one of two signals that are alike."""

    def __init__(self) -> None:
        self._wanted: int | None = None
        self._signalled_at: int | None = None

    def want(self, now: int, by: int) -> None:
        """So many workers more (or fewer, but one stays) than wanted before, or than the ``now`` that there are."""
        self._wanted = min(MOST_WORKERS, max(1, (self._wanted or now) + by))

    def due(self, now: int) -> signal.Signals | None:
        """The signal to send now, when gunicorn keeps ``now`` workers; None when there is nothing to do yet."""
        if self._wanted is None or now == self._wanted:
            self._wanted = self._signalled_at = None
            return None
        if now == self._signalled_at:
            return None
        self._signalled_at = now
        return signal.SIGTTIN if self._wanted > now else signal.SIGTTOU
