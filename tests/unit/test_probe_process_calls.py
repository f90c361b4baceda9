"""What a request on a loop calls in processes of a pool."""

from __future__ import annotations

import asyncio
import importlib
import multiprocessing
import sys
from collections.abc import Iterator
from concurrent import futures
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import anyio
import pytest
from anyio import to_process

from tests.unit.gates import wait_for
from tests.unit.test_probe_thread_calls import Loop, on_a_loop
from wsgiviz.events import CallBegan, CallEnded, CallQueued, LineSeen, PoolSampled
from wsgiviz.probe import process_calls, thread_calls
from wsgiviz.probe.process_calls import ProcessCalls
from wsgiviz.probe.thread_pools import ThreadPools


@pytest.fixture(autouse=True)
def _undone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is followed is so for the life of a worker; here, for one test."""
    monkeypatch.setattr(futures.ThreadPoolExecutor, "submit", futures.ThreadPoolExecutor.submit)
    monkeypatch.setattr(ProcessPoolExecutor, "submit", ProcessPoolExecutor.submit)
    monkeypatch.setattr(to_process, "run_sync", to_process.run_sync)
    backend = importlib.import_module(thread_calls.ANYIO).AsyncIOBackend
    own = backend.__dict__[thread_calls.IN_THREAD]
    yield
    setattr(backend, thread_calls.IN_THREAD, own)


@pytest.fixture(name="executor", scope="module")
def _executor() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        yield executor


LAST = 6
"""More than an executor with one process hands on."""


def began(loop: Loop) -> list[int]:
    return [event.req for event in loop.of(CallBegan)]


def test_an_executor_s_processes_take_calls_in_their_order(executor: ProcessPoolExecutor, tmp_path: Path) -> None:
    gates = {req: tmp_path / str(req) for req in (1, 2, 3)}

    async def test(loop: Loop) -> None:
        async def asks(req: int) -> int:
            return await asyncio.get_running_loop().run_in_executor(executor, wait_for, str(gates[req]))

        tasks = [loop.start(req, lambda _, req=req: asks(req)) for req in gates]  # type: ignore[misc]
        await loop.until(lambda: len(loop.of(CallQueued)) == 3)
        loop.look()
        assert began(loop) == [1]
        gates[1].touch()
        await loop.until(lambda: began(loop) == [1, 2])
        gates[3].touch()
        gates[2].touch()
        assert await asyncio.gather(*tasks) == [5, 5, 5]

    loop = on_a_loop(test)
    assert began(loop) == [1, 2, 3]
    for req in gates:
        assert loop.calls_of(req) == ["CallQueued", "CallBegan", "CallEnded"]
    assert [event.process for event in loop.of(CallQueued)] == [1, 1, 1]
    assert {event.req for event in loop.of(LineSeen)} == {1, 2, 3}
    assert all("|asks|asyncio.get_running" in event.where for event in loop.of(LineSeen)), "its task is at that line"
    pool = loop.of(PoolSampled)[0]
    assert (pool.size, pool.running, pool.waiting, pool.name) == (1, 1, 2, "processes|")


def test_what_is_given_up_before_a_process_takes_it_up(executor: ProcessPoolExecutor, tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    async def test(loop: Loop) -> None:
        async def asks(_: Loop) -> int:
            return await asyncio.get_running_loop().run_in_executor(executor, wait_for, str(gate))

        # The executor hands calls on before its one process asks for them: only what comes later can be cancelled.
        tasks = [loop.start(req, asks) for req in range(1, LAST + 1)]
        await loop.until(lambda: len(loop.of(CallQueued)) == LAST)
        tasks[-1].cancel()
        await loop.until(lambda: bool(loop.of(CallEnded)))
        gate.touch()
        await asyncio.gather(*tasks[:-1])

    loop = on_a_loop(test)
    assert loop.calls_of(LAST) == ["CallQueued", "CallEnded"]
    ended = [(event.req, event.began) for event in loop.of(CallEnded)]
    assert ended == [(LAST, 0), *((req, 1) for req in range(1, LAST))]


def test_anyio_s_limiter_lets_one_in(tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    async def test(loop: Loop) -> None:
        limiter = anyio.CapacityLimiter(1)
        tasks = [
            loop.start(req, lambda _: to_process.run_sync(wait_for, str(gate), limiter=limiter)) for req in (1, 2)
        ]
        await loop.until(lambda: bool(loop.of(CallBegan)) and limiter.statistics().tasks_waiting == 1)
        loop.look()
        assert began(loop) == [1]
        gate.touch()
        assert await asyncio.gather(*tasks) == [5, 5]

    loop = on_a_loop(test)
    assert [loop.calls_of(req) for req in (1, 2)] == [["CallQueued", "CallBegan", "CallEnded"]] * 2
    pool = loop.of(PoolSampled)[0]
    assert (pool.size, pool.running, pool.waiting, pool.name) == (1, 1, 1, "process-limiter|")


def test_processes_that_are_loaded_later_are_followed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """`concurrent.futures` loads them when somebody asks for them first."""
    monkeypatch.delitem(sys.modules, process_calls.EXECUTOR)
    monkeypatch.delattr(futures, "ProcessPoolExecutor")
    monkeypatch.setattr(futures, "__getattr__", futures.__getattr__)
    followed = ProcessCalls(ThreadPools(Loop().emit))
    followed.follow_when_loaded()
    fresh = futures.ProcessPoolExecutor
    assert fresh is not ProcessPoolExecutor
    assert fresh.submit.__code__.co_name == "observed_submit"


def test_what_no_request_asks_for_is_left_alone(executor: ProcessPoolExecutor) -> None:
    async def test(loop: Loop) -> None:
        assert await asyncio.get_running_loop().run_in_executor(executor, int, "7") == 7
        assert await to_process.run_sync(int, "7") == 7

    assert {"CallQueued", "CallBegan"}.isdisjoint(on_a_loop(test).names)
