"""A clock that stands, for the live screen."""

from __future__ import annotations

import pytest

from tests.tui.stand_in import StandingClock
from wsgiviz.tui.screens import live


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StandingClock:
    """What the live screen takes for now: 2.4 s into the run, until a test sets it on."""
    standing = StandingClock()
    monkeypatch.setattr(live, "time", standing)
    return standing
