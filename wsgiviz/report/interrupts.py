"""Signals that end a run without a screen: in order, and only once."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType


class Interrupted(BaseException):
    """A signal asked us to end; ``number`` is its number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """SIGINT, SIGTERM and SIGHUP raise Interrupted, once; what follows is ignored, so that clean-up completes.

    Gives a function after which the first is ignored too. What is ignored already (as by nohup) stays so.
    """
    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in watched}
    before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}

    def ignore_more() -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)

    def interrupt(number: int, frame: FrameType | None) -> None:
        ignore_more()
        raise Interrupted(number)

    for number in before:
        signal.signal(number, interrupt)
    try:
        yield ignore_more
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
