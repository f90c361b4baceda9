"""Predictions: rounds of workers, one wait for a loop, and cores that are shared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgiviz.analysis.theory import Load, Prediction, predict_asgi, predict_wsgi
from wsgiviz.scenarios import Cost

SLEEP = Cost(wait_s=1.0, cpu_s=0.0)
COUNT = Cost(wait_s=0.0, cpu_s=0.1)
BURST = Load(requests=20, at_once=20)

costs = st.builds(Cost, wait_s=st.floats(0, 5), cpu_s=st.floats(0.001, 5))
loads = st.integers(1, 500).flatmap(lambda n: st.builds(Load, st.just(n), st.integers(1, n)))
few = st.integers(1, 16)


def near(seconds: float, formula: str) -> tuple[object, str]:
    return pytest.approx(seconds), formula


def shown(found: Prediction) -> tuple[float, str]:
    return found.seconds, found.formula


@pytest.mark.parametrize(
    ("workers", "load", "expected"),
    [
        (4, BURST, near(5.0, "⌈20/4⌉ × 1 s")),
        (1, BURST, near(20.0, "⌈20/1⌉ × 1 s")),
        (3, BURST, near(7.0, "⌈20/3⌉ × 1 s")),
        (64, BURST, near(1.0, "⌈20/20⌉ × 1 s")),
        (4, Load(20, 2), near(10.0, "⌈20/2⌉ × 1 s")),  # two users keep two workers busy
    ],
)
def test_workers_that_wait_serve_in_rounds(workers: int, load: Load, expected: tuple[float, str]) -> None:
    found = predict_wsgi(SLEEP, load, workers, cores=2)
    assert shown(found) == expected
    assert found.caveat == ""


def test_a_loop_waits_for_all_at_once() -> None:
    assert shown(predict_asgi(SLEEP, BURST, 1, cores=2)) == near(1.0, "all at once, 1 s")
    assert shown(predict_asgi(SLEEP, Load(20, 5), 1, cores=2)) == near(4.0, "⌈20/5⌉ × 1 s")


def test_a_thread_pool_is_a_row_of_workers_again() -> None:
    pooled = Cost(0.5, 0.0, async_limit=6)
    assert shown(predict_asgi(pooled, BURST, 1, cores=2)) == near(2.0, "⌈20/6⌉ × 0.5 s")
    assert shown(predict_asgi(pooled, BURST, 4, cores=2)) == near(0.5, "all at once, 0.5 s")


def test_what_computes_needs_cores() -> None:
    assert shown(predict_wsgi(COUNT, BURST, 4, cores=2)) == near(1.0, "20 × 0.1 s on 2 cores")
    assert shown(predict_wsgi(COUNT, BURST, 4, cores=8)) == near(0.5, "⌈20/4⌉ × 0.1 s")
    assert shown(predict_asgi(COUNT, BURST, 1, cores=8)) == near(2.0, "20 × 0.1 s")
    assert shown(predict_asgi(COUNT, BURST, 2, cores=8)) == near(1.0, "20 × 0.1 s on 2 cores")


def test_threads_that_let_the_interpreter_go_compute_on_all_cores() -> None:
    query = Cost(0.0, 0.1, async_threads=True)
    assert shown(predict_asgi(query, BURST, 1, cores=2)) == near(1.0, "20 × 0.1 s on 2 cores")


def test_two_sides_that_compute_share_the_cores_until_one_is_done() -> None:
    """Five processes on two cores: four get 1.6 of them, one 0.4 until it is left alone."""
    wsgi = predict_wsgi(COUNT, BURST, 4, cores=2, rivals=1)
    asgi = predict_asgi(COUNT, BURST, 1, cores=2, rivals=4)
    assert wsgi.seconds == pytest.approx(2.0 / 1.6)
    assert asgi.seconds == pytest.approx(1.25 + (2.0 - 1.25 * 0.4))
    assert "both sides share the same 2 cores" in wsgi.caveat
    assert "both sides share the same 2 cores" in asgi.caveat


def test_users_who_pause_are_done_no_sooner_than_one_who_never_waits() -> None:
    """Forty users ask five times each, with four pauses in between; what their requests take together is less."""
    users = Load(requests=200, at_once=40, pause_s=0.3)
    short = Cost(0.0, 0.001)
    for predict in (predict_wsgi, predict_asgi):
        assert shown(predict(short, users, 4, cores=2)) == near(1.205, "4 × 0.3 s + 5 × 1 ms")
        assert not predict(short, users, 4, cores=2).caveat
    assert shown(predict_wsgi(SLEEP, users, 4, cores=2)) == near(50.0, "⌈200/4⌉ × 1 s"), "the slots are the limit"


def test_it_says_when_a_request_is_too_short_for_a_prediction() -> None:
    assert "so short a request" in predict_wsgi(Cost(0.0, 0.0004), BURST, 4, cores=2).caveat
    assert "so short a request" in predict_asgi(Cost(0.0, 0.0004), BURST, 1, cores=2).caveat


MIXED = Cost(0.3, 0.0, waits_s=(0.1, 0.1, 1.0, 0.0))


def test_requests_of_different_lengths_go_to_the_slot_that_is_free_first() -> None:
    """Of two workers one has a second to wait, and the other serves what comes meanwhile."""
    expected = near(1.2, "1 × 1 s + 5 × 0.1 s + 2 × 0 s, in order, on 2")
    cost = replace(MIXED, waits_s=(0.1, 0.1, 1.0, 0.0, 0.1, 0.1, 0.1, 0.0))
    assert shown(predict_wsgi(cost, Load(8, 8), 2, cores=1)) == near(1.1, expected[1])
    assert shown(predict_asgi(cost, Load(8, 8), 1, cores=1)) == near(1.0, "all at once, the longest 1 s")
    assert shown(predict_asgi(cost, Load(8, 2), 1, cores=1)) == near(1.1, expected[1])


@given(st.lists(st.floats(0, 5), min_size=1, max_size=20), st.integers(1, 60), few)
def test_a_mix_takes_no_less_than_its_work_and_at_most_the_longest_more(
    waits_s: list[float], requests: int, workers: int
) -> None:
    """Graham's bounds of list scheduling."""
    all_s = [waits_s[at % len(waits_s)] for at in range(requests)]
    cost = replace(MIXED, waits_s=tuple(waits_s))
    seconds = predict_wsgi(cost, Load(requests, requests), workers, cores=1).seconds
    least = max(sum(all_s) / workers, max(all_s))
    assert least * (1 - 1e-9) <= seconds <= (sum(all_s) / workers + max(all_s)) * (1 + 1e-9)


@given(costs, loads, few, few, few)
def test_more_of_anything_never_takes_longer(cost: Cost, load: Load, workers: int, cores: int, rivals: int) -> None:
    for predict in (predict_wsgi, predict_asgi):
        seconds = predict(cost, load, workers, cores, rivals).seconds * (1 + 1e-9)
        assert predict(cost, load, workers + 1, cores + 1, rivals).seconds <= seconds
        assert predict(cost, load, workers, cores, 0).seconds <= seconds
        assert seconds >= cost.wait_s + cost.cpu_s, "one request alone takes so long"
        assert seconds >= load.requests * cost.cpu_s / cores, "there is no more than all cores"


@given(loads, few)
def test_where_nothing_computes_a_loop_is_never_slower_than_workers(load: Load, workers: int) -> None:
    wsgi, asgi = predict_wsgi(SLEEP, load, workers, 2), predict_asgi(SLEEP, load, 1, 2)
    assert asgi.seconds <= wsgi.seconds
