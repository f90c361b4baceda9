"""Which requests are over is emitted for viewers that have missed it."""

from __future__ import annotations

import pytest

from tests.unit.probed import PID, Recorded
from wsgiviz.events import RequestsOver
from wsgiviz.probe import over
from wsgiviz.probe.over import LOWEST, OverNumbers, gaps
from wsgiviz.probe.request_ids import RequestIds


def test_gaps_are_all_numbers_between_those_in_flight() -> None:
    assert gaps([], -5) == [(LOWEST, -5)]
    assert gaps([-9, -8, -6, -3], -5) == [(-7, -6), (LOWEST, -9)]


def test_a_number_is_said_to_be_over_a_second_after_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that has just got one may not have stored it yet."""
    recorded, ids, now = Recorded(), RequestIds(PID), over.EVERY_NS
    monkeypatch.setattr(over, "monotonic_ns", lambda: now)
    inside: set[int] = set()
    numbers = OverNumbers(recorded.emit, ids, [lambda: inside])
    first, lasts = ids.next_external(), ids.next_external()
    inside.add(lasts)
    for _ in range(3):
        numbers.look()
        numbers.look()
        now += over.EVERY_NS
    assert (first, lasts) == (lasts - 1, max(inside))
    assert [(event.low, event.high) for event in recorded.of(RequestsOver)] == [(LOWEST, lasts)]


def test_of_many_gaps_all_are_emitted_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded, ids, now = Recorded(), RequestIds(PID), over.EVERY_NS
    monkeypatch.setattr(over, "monotonic_ns", lambda: now)
    given = [ids.next_external() for _ in range(6 * over.MOST_RANGES)]
    numbers = OverNumbers(recorded.emit, ids, [lambda: given[::2]])
    for _ in range(6):
        numbers.look()
        now += over.EVERY_NS
    found = recorded.of(RequestsOver)
    assert {number for number in given if any(one.low <= number < one.high for one in found)} == set(given[1::2])
    assert len(found) == 3 * over.MOST_RANGES + 1
