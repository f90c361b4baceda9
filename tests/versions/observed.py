"""A session with servers of another environment, and what it has shown of each run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from wsgiviz.analysis.hot_lines import hot_lines
from wsgiviz.control.controller import Controller
from wsgiviz.log import EventLog
from wsgiviz.observe.collector import process_exists
from wsgiviz.settings import Settings, make
from wsgiviz.state import Phase, Side, State

APPS = Path(__file__).parent / "apps"
WITHIN_S = 40.0
PUMP_S = 0.01


class Observed:
    """Servers of these ``kinds`` under ``python``, for the length of the block; one worker each. The working
    directory has to be APPS. Raises RuntimeError when what is waited for does not come."""

    def __init__(self, python: Path, kinds: Iterable[str], app: str = "acts", **more: object) -> None:
        left, *rest = kinds
        self.lines: dict[str, set[str]] = {}
        self.log = EventLog()
        self.controller = Controller(make(**_settings(left, rest, app), python=str(python), **more), self.log)

    def __enter__(self) -> Observed:
        self.controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.controller.close()

    @property
    def state(self) -> State:
        return self.log.state

    @property
    def settings(self) -> Settings:
        return self.state.settings

    def run(self, path: str, requests: int) -> list[Side]:
        """The sides after a run of ``requests`` for ``path``. `lines` has then the calls that each was seen at."""
        self.lines = {name: set() for name in self.state.sides}
        before = self.state.fired
        self.controller.change(self.settings.changed(path=path, requests=requests))
        self.until(lambda: self.state.fired != before and self.state.phase is Phase.FINISHED, f"the end of {path}")
        return list(self.state.sides.values())

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Pump until ``condition`` holds."""
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            failure = self.state.failure
            if failure is not None:
                raise RuntimeError(f"{failure.message}\n{failure.detail}")
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"waited {WITHIN_S:.0f} s for {what} (phase {self.state.phase}): {self._workers()}"
                )
            self.controller.pump()
            for name, side in self.state.sides.items():
                self.lines.setdefault(name, set()).update(line.place.words for line in hot_lines(side))
            time.sleep(PUMP_S)

    def _workers(self) -> list[tuple[str, int, str, bool]]:
        """Of each worker: its side, pid, activity, and whether there is such a process."""
        sides = self.state.sides.items()
        known = [(name, worker) for name, side in sides for worker in side.server.workers.values()]
        return [(name, worker.pid, worker.activity.value, process_exists(worker.pid)) for name, worker in known]

    def failure(self) -> str:
        """The message of the failure that the start ends with."""
        deadline = time.monotonic() + WITHIN_S
        while self.state.failure is None:
            if time.monotonic() > deadline or self.state.phase is Phase.READY:
                raise RuntimeError("it did not fail")
            self.controller.pump()
            time.sleep(PUMP_S)
        return self.state.failure.message


def _settings(left: str, rest: list[str], app: str) -> dict[str, object]:
    kinds = {left, *rest}
    apps: dict[str, object] = {}
    if kinds & {"sync", "gthread", "gevent"}:
        apps["wsgi"] = f"{app}:app"
    if kinds & {"asgi", "uvicorn"}:
        apps["asgi"] = f"{app}:asgi_app"
    right = rest[0] if rest else ("asgi" if "wsgi" in apps else "sync")
    threads = 2 if "gthread" in kinds else 1
    return {**apps, "left": left, "right": right, "workers": 1, "threads": threads}
