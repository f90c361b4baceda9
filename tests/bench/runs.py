"""Sessions for benchmarks: real servers and the real driver, pumped as often as the viewer does it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.bench.figure import Unmeasured
from wsgiviz.control.controller import Controller
from wsgiviz.log import EventLog
from wsgiviz.settings import make
from wsgiviz.state import Phase, State

FRAME_S = 1 / 30
WITHIN_S = 60.0


class Session:
    """A controller and its log."""

    def __init__(self, **settings: Any) -> None:
        self.log = EventLog()
        self.controller = Controller(make(**settings), self.log)

    @property
    def state(self) -> State:
        return self.log.state

    def url(self, side: str) -> str:
        """What is requested of a side."""
        return self.state.sides[side].server.address + self.state.settings.request_path

    def run(self) -> State:
        """One run from beginning to end. Raises Unmeasured when not all was answered."""
        self.controller.fire()
        self.pump_until(lambda: self.state.phase is Phase.FINISHED, "the end of the run")
        wanted = self.state.settings.requests
        for side in self.state.sides.values():
            if side.run.completed != wanted:
                raise Unmeasured(f"{side.name}: {side.run.completed} of {wanted} requests were answered")
        return self.state

    def pump_until(self, condition: Callable[[], bool], what: str) -> None:
        """Pump until ``condition`` holds. Raises Unmeasured when it does not in time, or the session has failed."""
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            self.controller.pump()
            if self.state.failure is not None:
                raise Unmeasured(self.state.failure.message)
            if time.monotonic() > deadline:
                raise Unmeasured(f"waited {WITHIN_S:.0f} s for {what}")
            time.sleep(FRAME_S)


@contextlib.contextmanager
def session(**settings: Any) -> Iterator[Session]:
    """A session whose servers are ready."""
    opened = Session(**settings)
    try:
        opened.controller.start()
        opened.pump_until(lambda: opened.state.phase is Phase.READY, "the servers")
        yield opened
    finally:
        opened.controller.close()
