"""Pools of threads: how many run and wait, and which of them anybody has to wait for."""

from __future__ import annotations

import gc
import math
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.unit.probed import Recorded
from wsgiviz.events import PoolSampled
from wsgiviz.probe.thread_pools import ANYIO, LIMITER, MOST, UNLIMITED, ThreadPools, executor_usage, limiter_usage

WITHIN_S = 20.0


class Limiter:
    """What is used of AnyIO's."""

    def __init__(self, total: float, borrowed: int, waiting: int) -> None:
        self.total_tokens = total
        self.borrowed_tokens = borrowed
        self.tasks_waiting = waiting

    def statistics(self) -> Limiter:
        return self


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def pools(recorded: Recorded) -> ThreadPools:
    return ThreadPools(recorded.emit)


def sampled(recorded: Recorded) -> list[tuple[Any, ...]]:
    return [(event.pool, event.size, event.running, event.waiting, event.name) for event in recorded.of(PoolSampled)]


def test_how_many_threads_of_an_executor_run() -> None:
    gate = threading.Event()
    with ThreadPoolExecutor(2) as executor:
        assert executor_usage(executor, sys._current_frames()) == (2, 0, 0)
        begun = [threading.Event() for _ in range(2)]

        def work(event: threading.Event) -> None:
            event.set()
            gate.wait(WITHIN_S)

        futures = [executor.submit(work, event) for event in (*begun, begun[0])]
        assert all(event.wait(WITHIN_S) for event in begun)
        assert executor_usage(executor, sys._current_frames()) == (2, 2, 1)
        gate.set()
        for future in futures:
            future.result(WITHIN_S)
        deadline = time.monotonic() + WITHIN_S
        while executor_usage(executor, sys._current_frames()) != (2, 0, 0):  # they go back to their queue
            assert time.monotonic() < deadline


def test_a_limiter_says_what_it_lets_through() -> None:
    assert limiter_usage(Limiter(40, 40, 160), {}) == (40, 40, 160)
    assert limiter_usage(Limiter(math.inf, 3, 0), {}) == (UNLIMITED, 3, 0)


def test_a_pool_is_sampled_when_it_has_changed(recorded: Recorded, pools: ThreadPools) -> None:
    limiter = Limiter(40, 40, 160)
    assert pools.of_limiter(limiter, ANYIO, 1).number == 1, "what is meant for all is known with its first use"
    pools.sample()
    pools.sample()
    limiter.tasks_waiting = 120
    pools.sample()
    assert sampled(recorded) == [(1, 40, 40, 160, "anyio|"), (1, 40, 40, 120, "anyio|")]


def test_what_serves_one_request_alone_is_no_pool(recorded: Recorded, pools: ThreadPools) -> None:
    """FastAPI makes a limiter for a single call, and Django an executor for each request."""
    alone, shared = Limiter(1, 1, 0), Limiter(2, 2, 3)
    assert pools.of_limiter(alone, LIMITER, 1).number == 0
    assert pools.of_limiter(alone, LIMITER, 1).number == 0
    assert pools.of_limiter(shared, LIMITER, 1).number == 0
    assert pools.of_limiter(shared, LIMITER, 2).number == 1
    with ThreadPoolExecutor(1) as executor:
        assert pools.of_executor(executor, 1).number == 0
    pools.sample()
    assert sampled(recorded) == [(1, 2, 2, 3, "limiter|")]


def test_a_pool_that_is_gone_is_empty(recorded: Recorded, pools: ThreadPools) -> None:
    limiter = Limiter(2, 2, 3)
    for req in (1, 2):
        pools.of_limiter(limiter, LIMITER, req)
    pools.sample()
    del limiter
    gc.collect()
    pools.sample()
    pools.sample()
    assert sampled(recorded) == [(1, 2, 2, 3, "limiter|"), (1, 0, 0, 0, "limiter|")]


def test_an_app_may_make_any_number_of_them(recorded: Recorded, pools: ThreadPools) -> None:
    limiters = [Limiter(2, 2, 0) for _ in range(MOST + 5)]
    for limiter in limiters:
        for req in (1, 2):
            pools.of_limiter(limiter, LIMITER, req)
    pools.sample()
    assert len(sampled(recorded)) == MOST


def test_executors_are_named(recorded: Recorded, pools: ThreadPools) -> None:
    with ThreadPoolExecutor(1) as default, ThreadPoolExecutor(2, "reports") as own:
        pools.default_executor = lambda: default
        assert pools.of_executor(default, 1).name == b"asyncio|"
        assert pools.of_executor(own, 1).name == b"executor|reports"
