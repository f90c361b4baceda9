"""Sessions with real servers, closed whatever happens; every wait has a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

    def begin(self, **changes: Any) -> None:
        """Fire another run, with these settings changed: on the same servers as far as the settings let it."""
        before = self.state.fired
        self.controller.change(self.settings.changed(**changes))
        self.until(lambda: self.state.fired != before or self.state.phase is Phase.FAILED, "the run")
        self._no_failure()

    def run(self, **changes: Any) -> None:
        """`begin`, to its end."""
        self.begin(**changes)
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


Start = Callable[..., Stage]


@contextmanager
def sessions(place: Path) -> Iterator[Start]:
    """Start sessions whose run directories are in ``place``; at the end they are closed, and leave none."""
    opened: list[Stage] = []

    def start(fire: bool = True, record: Path | None = None, **settings: Any) -> Stage:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_RUNTIME_DIR", str(place))
            patch.setenv("TMPDIR", str(place))
            patch.setattr("tempfile.tempdir", None)  # it remembers the first answer
            patch.chdir(APPS)
            on = Stage(make(**settings), record)
            opened.append(on)
            on.controller.start()
        if fire:
            on.controller.fire()
        return on

    yield start
    for on in opened:
        on.close()
    assert not list(place.glob("wsgiviz-*")), "a run directory is left"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a session with these settings, recorded to a file if one is named; its run is fired when it is ready."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(APPS)
    with sessions(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """A session with these settings, for all tests of a module that ask for the same: ready, with no run on.

    For tests that differ in what is asked of the servers (`Stage.begin`, `Stage.run`); each leaves them idle. The
    apps are those of `apps/by_path.py`.
    """
    known: dict[str, Stage] = {}
    with sessions(tmp_path_factory.mktemp("shared")) as start:

        def get(**settings: Any) -> Stage:
            key = repr(sorted(settings.items()))
            if key not in known or known[key].state.phase is Phase.FAILED:
                known[key] = start(fire=False, **settings)
                known[key].ready()
            return known[key]

        yield get
