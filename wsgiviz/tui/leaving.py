"""The ways out of the terminal program that a person does not ask for with a key."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from textual.app import App

EXIT_WITHIN_S = 4.0
"""An exit in order that was asked for by SIGTERM gets this long; then it is done without order."""


class Leaving:
    """``ended_by``: the signal that ended the program in order; 0 for none."""

    ended_by = 0

    def status(self, status: int) -> int:
        """The exit status; says on stderr which signal it was."""
        if not self.ended_by:
            return status
        print(f"wsgiviz: ended by {signal.Signals(self.ended_by).name}", file=sys.stderr)
        return 128 + self.ended_by


@contextlib.contextmanager
def leaving(app: App[Any], close: Callable[[], None]) -> Iterator[Leaving]:
    """While ``app`` runs, SIGHUP, SIGTERM and SIGINT end it, and ``close`` is called however it ends.

    (Left alone, SIGINT would cancel the main task, and who awaits something just then may take that for its own end.)
    """
    how = Leaving()

    def leave(number: int) -> None:
        """Without another word to the terminal, which may be gone or stuck."""
        close()
        os._exit(128 + number)

    def hang_up(number: int, frame: FrameType | None) -> None:
        # The terminal is gone. Textual's writer thread has died of it, and the main thread may already wait for
        # that thread for ever: an exit in order can't be relied on.
        leave(number)

    def terminate(number: int, frame: FrameType | None) -> None:
        how.ended_by = number
        patience = threading.Timer(EXIT_WITHIN_S, leave, [number])
        patience.daemon = True
        patience.start()
        app.call_later(app.exit, 0)

    before = {
        signal.SIGHUP: signal.signal(signal.SIGHUP, hang_up),
        signal.SIGTERM: signal.signal(signal.SIGTERM, terminate),
        signal.SIGINT: signal.signal(signal.SIGINT, terminate),
    }
    try:
        yield how
    finally:
        try:
            close()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
