"""Sessions for benchmarks: real servers and the real driver, pumped as often as the viewer does it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.bench.figure import Unmeasured
from wsgiviz.model.state import Picture
from wsgiviz.session import Phase, Session
from wsgiviz.settings import make

FRAME_S = 1 / 30
WITHIN_S = 60.0


@contextlib.contextmanager
def session(**settings: Any) -> Iterator[Session]:
    """A session that is ready."""
    opened = Session(make(**settings))
    try:
        opened.start()
        pump_until(opened, lambda: opened.phase is Phase.READY, "the servers")
        yield opened
    finally:
        opened.close()


def run(opened: Session) -> Picture:
    """One run from beginning to end. Raises Unmeasured when not all was answered."""
    opened.fire()
    pump_until(opened, lambda: opened.phase is Phase.FINISHED, "the end of the run")
    for side in opened.picture.sides.values():
        if side.completed != opened.settings.requests:
            raise Unmeasured(f"{side.name}: {side.completed} of {opened.settings.requests} requests were answered")
    return opened.picture


def pump_until(opened: Session, condition: Callable[[], bool], what: str) -> None:
    """Pump until ``condition`` holds. Raises Unmeasured when it does not in time, or the session has failed."""
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        opened.pump()
        if opened.failure is not None:
            raise Unmeasured(opened.failure.message)
        if time.monotonic() > deadline:
            raise Unmeasured(f"waited {WITHIN_S:.0f} s for {what}")
        time.sleep(FRAME_S)
