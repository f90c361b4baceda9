"""Sessions with real servers, closed whatever happens; every wait has a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wsgiviz.session import Phase, Session
from wsgiviz.settings import make

DEADLINE_S = 30.0

APPS = Path(__file__).parent / "apps"


class Stage:
    """One session and the ways to wait for it."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Pump until ``condition`` holds; fail with ``what`` when it does not in time."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            self.session.pump()
            if condition():
                return
            time.sleep(0.01)
        side = self.session.picture.sides
        pytest.fail(f"waited {DEADLINE_S:.0f} s for: {what} (phase {self.session.phase}, {side})")

    def finish(self) -> None:
        """Pump until the run is over; fail with the session's own failure."""
        self.until(lambda: self.session.phase in (Phase.FINISHED, Phase.FAILED), "the end of the run")
        if self.session.failure is not None:
            pytest.fail(f"{self.session.failure.message}\n{self.session.failure.detail}")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stage]]:
    """Start a session with these settings; its run is fired when it is ready."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.chdir(APPS)
    opened: list[Session] = []

    def start(fire: bool = True, **settings: Any) -> Stage:
        session = Session(make(**settings))
        opened.append(session)
        session.start()
        if fire:
            session.fire()
        return Stage(session)

    yield start
    for session in opened:
        session.close()
    assert not list(tmp_path.glob("wsgiviz-*")), "a run directory is left"
