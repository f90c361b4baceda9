"""A session that runs while it is compared with what others see."""

from __future__ import annotations

import time
from types import TracebackType

from wsgiviz.control.controller import Controller
from wsgiviz.log import EventLog
from wsgiviz.settings import Settings
from wsgiviz.state import Phase, State

PUMP_S = 0.01


class Session:
    """Servers that run inside the block; the first run is fired when they are ready, if it ``fires``."""

    def __init__(self, settings: Settings, fires: bool = True) -> None:
        self._fires = fires
        self.log = EventLog()
        self.controller = Controller(settings, self.log)

    def __enter__(self) -> Session:
        self.controller.start()
        if self._fires:
            self.controller.fire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.controller.close()

    @property
    def state(self) -> State:
        return self.log.state

    def pump(self) -> State:
        self.controller.pump()
        return self.state

    def pump_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.pump()
            time.sleep(PUMP_S)

    def until(self, phase: Phase, within_s: float) -> None:
        """Pump until it is in ``phase``. Raises RuntimeError when it is not in time, or has failed."""
        deadline = time.monotonic() + within_s
        while self.state.phase is not phase:
            if self.state.failure is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the session did not get to {phase}: {self.state.failure}")
            self.pump_for(PUMP_S)
