"""Numbers of external requests: negative, whole, and nobody else's on this machine."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgiviz.probe.request_ids import COUNTER_BITS, RequestIds

PIDS = st.integers(1, (1 << 22) - 1)


@given(PIDS)
def test_they_fit_into_64_bits_for_any_pid(pid: int) -> None:
    ids = RequestIds(pid)
    assert all(-(1 << 63) <= ids.next_external() < 0 for _ in range(3))


@given(PIDS, PIDS)
def test_two_processes_have_none_in_common(one: int, other: int) -> None:
    first, second = RequestIds(one).next_external(), RequestIds(other).next_external()
    assert (-first >> COUNTER_BITS == -second >> COUNTER_BITS) == (one == other)


def test_one_process_repeats_none() -> None:
    ids = RequestIds(7)
    found = [ids.next_external() for _ in range(1000)]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("up_ns", [0, 10**9, 1 << 62])
def test_the_counter_never_reaches_the_next_pid(monkeypatch: pytest.MonkeyPatch, up_ns: int) -> None:
    monkeypatch.setattr(time, "monotonic_ns", lambda: up_ns)
    first = RequestIds(7).next_external()
    assert -first >> COUNTER_BITS == 7
    assert -(7 << COUNTER_BITS) - first > 5 * 10**11


def test_a_pid_that_comes_back_goes_on_at_another_number(monkeypatch: pytest.MonkeyPatch) -> None:
    firsts = []
    for up_s in (1, 2, 3):
        monkeypatch.setattr(time, "monotonic_ns", lambda up_s=up_s: up_s * 10**9)
        firsts.append(RequestIds(7).next_external())
    assert all(later - earlier > 900 for earlier, later in pairwise(firsts))


@pytest.mark.parametrize("header", ["1000017", "17"])
def test_the_drivers_number_is_taken(header: str) -> None:
    assert RequestIds(7).of(header) == int(header)


def test_in_a_server_of_somebodys_own_no_client_names_its_request() -> None:
    assert RequestIds(7, all_external=True).of("17") < 0


@pytest.mark.parametrize("header", [None, "", "0", "-3", "1 ", "9" * 40, "²", "0x1"])
def test_anything_else_is_an_external_request(header: str | None) -> None:
    assert RequestIds(7).of(header) < 0
