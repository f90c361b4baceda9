"""A probe through many requests, with a viewer beside it: nothing grows, and every record is accounted for."""

from __future__ import annotations

import pytest

from tests.bench import week
from wsgiviz.recorder.layout import CAPACITY

REQUESTS = 200_000


@pytest.fixture(name="lasted", scope="module")
def _lasted() -> week.Week:
    return week.run(REQUESTS)


def test_each_record_is_read_or_counted_as_lost(lasted: week.Week) -> None:
    assert lasted.written >= 2 * REQUESTS
    assert lasted.read + lasted.lost == lasted.written
    assert lasted.read > 2 * CAPACITY  # more than is in a ring at one time


def test_each_request_has_a_number_of_its_own(lasted: week.Week) -> None:
    assert lasted.numbers == REQUESTS
    assert not lasted.repeated


def test_the_worker_takes_no_more_memory_in_the_end(lasted: week.Week) -> None:
    assert len(lasted.probe_memory) >= 40
    assert week.grown(lasted.probe_memory) <= week.FLAT
