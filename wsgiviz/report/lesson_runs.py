"""Runs one after the other without a screen, on the same servers as long as their settings allow."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from wsgiviz.control import phases
from wsgiviz.control.controller import Controller
from wsgiviz.errors import WsgivizError
from wsgiviz.log import EventLog
from wsgiviz.report.headless import PUMP_S
from wsgiviz.report.progress import Progress
from wsgiviz.report.result import result
from wsgiviz.settings import Settings, check_installed
from wsgiviz.state import Phase, State


class LessonRuns:
    """A context; leaving it stops what it has started. Servers and load driver are kept from run to run: servers are
    started anew when a setting that they were started with differs, or when the run before has left something."""

    def __init__(self, ascii_only: bool = False) -> None:
        self._ascii_only = ascii_only
        self._log = EventLog()
        self._controller: Controller | None = None

    def __enter__(self) -> LessonRuns:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def run(self, settings: Settings) -> dict[str, Any]:
        """The result of one run with these settings. Raises WsgivizError when it can't be carried out."""
        check_installed(settings)
        try:
            self._begin(settings)
            state = self._to_its_end()
            found = result(state, self._log.occurrences)
        except BaseException:
            self._close()
            raise
        if _left_something(state):
            self._close()
        return found

    def _begin(self, settings: Settings) -> None:
        if self._controller is not None:
            self._controller.change(settings)
            return
        self._log = EventLog()
        self._controller = Controller(settings, self._log)
        self._controller.start()
        self._controller.fire()

    def _to_its_end(self) -> State:
        assert self._controller is not None
        with Progress(self._ascii_only) as progress:
            while self._log.state.phase is not Phase.FINISHED:
                failure = self._log.state.failure
                if failure is not None:
                    raise WsgivizError(failure.message, failure.hint, failure.detail)
                progress.update(self._log.state, self._controller.pump())
                time.sleep(PUMP_S)
        return self._log.state

    def _close(self) -> None:
        """When it is interrupted, closing the context does it again."""
        if self._controller is not None:
            self._controller.close()
            self._controller = None


def _left_something(state: State) -> bool:
    """A worker is not through with what a client has given up, or has died: the next run would not begin as a first
    one does."""
    return phases.unsettled(state) or any(side.deaths for side in state.sides.values())


@contextlib.contextmanager
def in_folder(folder: Path | None) -> Iterator[None]:
    """With that folder as the current one, where servers look for an app of one's own."""
    if folder is None:
        yield
        return
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
