"""Sessions with real servers, closed whatever happens; every wait has a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from wsgiviz.control.controller import Controller
from wsgiviz.log import EventLog, RecordingWriter
from wsgiviz.settings import Settings, make
from wsgiviz.state import Phase, Server, Side, State

DEADLINE_S = 30.0

APPS = Path(__file__).parent / "apps"


class Stage:
    """One session and the ways to wait for it."""

    def __init__(self, settings: Settings, record: Path | None = None) -> None:
        self.log = EventLog()
        self._recording = RecordingWriter(str(record)) if record is not None else None
        if self._recording is not None:
            self.log.attach(self._recording)
        self.controller = Controller(settings, self.log)

    @property
    def state(self) -> State:
        return self.log.state

    @property
    def settings(self) -> Settings:
        return self.state.settings

    @property
    def wsgi(self) -> Side:
        return self.state.sides["wsgi"]

    @property
    def asgi(self) -> Side:
        return self.state.sides["asgi"]

    @property
    def only(self) -> Side:
        """The side, where there is one."""
        [side] = self.state.sides.values()
        return side

    def address(self, side: str) -> tuple[str, int]:
        """Where its server listens."""
        server: Server = self.state.sides[side].server
        url = urlsplit(server.address)
        return url.hostname or "", url.port or 0

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Pump until ``condition`` holds; fail with ``what`` when it does not in time."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            self.controller.pump()
            if condition():
                return
            time.sleep(0.01)
        pytest.fail(f"waited {DEADLINE_S:.0f} s for: {what} (phase {self.state.phase}, {self.state.sides})")

    def ready(self) -> None:
        """Pump until the servers are ready."""
        self.until(lambda: self.state.phase in (Phase.READY, Phase.FAILED), "readiness")
        self._no_failure()

    def finish(self) -> None:
        """Pump until the run is over; fail with the session's own failure."""
        self.until(lambda: self.state.phase in (Phase.FINISHED, Phase.FAILED), "the end of the run")
        self._no_failure()

    def run(self, **changes: Any) -> None:
        """Another run, with these settings changed, to its end: on the same servers as far as the settings let it."""
        before = self.state.fired
        self.controller.change(self.settings.changed(**changes))
        self.until(lambda: self.state.fired != before or self.state.phase is Phase.FAILED, "the run")
        self.finish()

    def end_recording(self) -> None:
        """Nothing more is written; the file is whole."""
        assert self._recording is not None
        self.log.detach(self._recording)
        self._recording.close()
        assert not self._recording.failure

    def close(self) -> None:
        self.controller.close()
        if self._recording is not None:
            self._recording.close()

    def _no_failure(self) -> None:
        failure = self.state.failure
        if failure is not None:
            pytest.fail(f"{failure.message}\n{failure.detail}")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stage]]:
    """Start a session with these settings, recorded to a file if one is named; its run is fired when it is ready."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)  # it remembers the first answer
    monkeypatch.chdir(APPS)
    opened: list[Stage] = []

    def start(fire: bool = True, record: Path | None = None, **settings: Any) -> Stage:
        on = Stage(make(**settings), record)
        opened.append(on)
        on.controller.start()
        if fire:
            on.controller.fire()
        return on

    yield start
    for on in opened:
        on.close()
    assert not list(tmp_path.glob("wsgiviz-*")), "a run directory is left"
