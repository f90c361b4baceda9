"""The sampler's thread: its own faults are an event, and nobody else's."""

from __future__ import annotations

import sys
import time

import pytest

from tests.unit.probed import Recorded
from wsgiviz.events import SamplerFailed
from wsgiviz.probe import line_sampler
from wsgiviz.probe.line_sampler import LineSampler, unpatched

WITHIN_S = 20.0


def fails() -> None:
    raise LookupError


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


def test_a_sampler_that_fails_says_so_once(recorded: Recorded) -> None:
    calls: list[int] = []
    LineSampler(recorded.emit, [lambda: calls.append(1), lambda: fails() if len(calls) > 2 else None]).run()
    assert len(calls) == 3
    assert recorded.the(SamplerFailed).error == "LookupError"


def test_at_the_interpreters_end_it_says_nothing(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "is_finalizing", lambda: True)
    LineSampler(recorded.emit, [fails]).run()
    assert recorded.names == []


def test_it_runs_in_a_thread_of_its_own(recorded: Recorded) -> None:
    LineSampler(recorded.emit, [fails]).start()
    deadline = time.monotonic() + WITHIN_S
    while not recorded.events:
        assert time.monotonic() < deadline, "the sampler has not run"
        time.sleep(line_sampler.SAMPLE_EVERY_S)
    assert recorded.names == ["SamplerFailed"]


def test_what_gevent_has_replaced_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkey = pytest.importorskip("gevent.monkey")
    genuine = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setitem(monkey.saved, "time", {"sleep": genuine})
    assert unpatched("time", "sleep") is genuine


def test_without_gevent_it_is_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "gevent.monkey", raising=False)
    assert unpatched("time", "sleep") is time.sleep
