"""gunicorn's gthread worker: a slot for each thread of its pool, and one request for each time that it is handled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.probed import PID, Recorded, plain
from wsgiviz.events import PoolQueued, RequestBegan, RequestEnded, SlotThread
from wsgiviz.probe.request_ids import RequestIds
from wsgiviz.probe.slot_sampler import SlotSampler
from wsgiviz.probe.threads import watch_threads

WITHIN_S = 20.0
DEFER = object()


class Worker(Recorded):
    """What the probe needs of gunicorn's gthread worker."""

    def __init__(self, app: Callable[..., Any], threads: int = 1) -> None:
        super().__init__()
        self.wsgi: Any = app
        self.cfg = SimpleNamespace(threads=threads)
        self.tpool = ThreadPoolExecutor(threads)
        self.results: list[Any] = []
        self.slots = watch_threads(self, self.emit, RequestIds(PID))

    def enqueue_req(self, conn: Any) -> None:
        self.results.append(self.tpool.submit(self.handle, conn))

    def handle(self, conn: Any) -> Any:
        if conn.defers:
            return DEFER
        return list(self.wsgi({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda status, headers: None))

    def serve(self, conn: Any) -> Any:
        """Handle a connection once, in the pool; what came of it."""
        self.enqueue_req(conn)
        return self.results[-1].result(WITHIN_S)


class SleepingPool(ThreadPoolExecutor):
    """A pool whose thread has yet to wake up: what is submitted stays in its queue."""

    def submit(self, *work: Any) -> Any:  # type: ignore[override]
        self._work_queue.put(work)  # type: ignore[arg-type]


def connection(defers: bool = False) -> Any:
    return SimpleNamespace(client=("127.0.0.1", 4711), defers=defers)


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker(plain)
    yield made
    made.tpool.shutdown()


def test_a_request_has_two_records_and_its_thread_one(worker: Worker) -> None:
    conn = connection()
    worker.serve(conn)
    recorded = [name for name in worker.names if name != "PoolQueued"]
    assert recorded == ["SlotThread", "RequestBegan", "RequestEnded"]
    began = worker.the(RequestBegan)
    assert (began.slot, worker.the(SlotThread).slot, worker.the(RequestEnded).slot) == (1, 1, 1)
    assert began.accepted_ns == conn.wsgiviz_accepted_ns <= began.t_ns


def test_each_request_of_a_connection_that_is_kept_alive_is_one_of_its_own(worker: Worker) -> None:
    conn = connection()
    worker.serve(conn)
    worker.serve(conn)
    first, second = worker.of(RequestBegan)
    assert first.accepted_ns < second.accepted_ns
    assert [event.req for event in worker.of(RequestEnded)] == [first.req, second.req]
    assert len(worker.of(SlotThread)) == 1


def test_a_connection_that_is_deferred_is_no_request(worker: Worker) -> None:
    assert worker.serve(connection(defers=True)) is DEFER
    assert {name for name in worker.names if name != "PoolQueued"} == {"SlotThread"}


def test_the_pool_s_queue_is_recorded_when_it_changes() -> None:
    go_on = threading.Event()

    def waits(environ: dict[str, Any], start_response: Any) -> Any:
        go_on.wait(WITHIN_S)
        return plain(environ, start_response)

    worker = Worker(waits)
    for _ in range(3):
        worker.enqueue_req(connection())
    go_on.set()
    for result in worker.results:
        result.result(WITHIN_S)
    worker.tpool.shutdown()
    depths = [event.waiting for event in worker.of(PoolQueued)]
    assert max(depths) >= 2
    assert depths[-1] == 0
    assert all(before != after for before, after in zip(depths, depths[1:], strict=False))
    assert {event.threads for event in worker.of(PoolQueued)} == {1}


def test_a_connection_that_an_idle_thread_is_about_to_take_waits_for_none(worker: Worker) -> None:
    worker.tpool = SleepingPool()
    watch_threads(worker, worker.emit, RequestIds(PID))
    worker.enqueue_req(connection())
    assert worker.of(PoolQueued) == []
    worker.enqueue_req(connection())
    assert [event.waiting for event in worker.of(PoolQueued)] == [1]


def test_what_waits_for_a_thread_is_said_again_to_who_looks_later() -> None:
    worker = Worker(plain)
    worker.emit.set_detailed(False)
    worker.tpool = SleepingPool()
    slots = watch_threads(worker, worker.emit, RequestIds(PID))
    worker.enqueue_req(connection())
    worker.enqueue_req(connection())
    assert worker.of(PoolQueued) == []
    worker.emit.set_detailed(True)
    sampler = SlotSampler(worker.emit, None, slots.connections, announces=(slots.queue.announce,))  # type: ignore[arg-type]
    sampler.announce(lasting=True)
    assert worker.of(PoolQueued) == []
    sampler.announce(lasting=False)
    assert [event.waiting for event in worker.of(PoolQueued)] == [1]


def test_slots_are_numbered_from_one() -> None:
    both = threading.Barrier(2)

    def meets(environ: dict[str, Any], start_response: Any) -> Any:
        both.wait(WITHIN_S)
        return plain(environ, start_response)

    worker = Worker(meets, threads=2)
    for _ in range(2):
        worker.enqueue_req(connection())
    for result in worker.results:
        result.result(WITHIN_S)
    worker.tpool.shutdown()
    assert sorted(event.slot for event in worker.of(SlotThread)) == [1, 2]
    assert sorted(event.slot for event in worker.of(RequestEnded)) == [1, 2]
    assert len({event.thread_id for event in worker.of(SlotThread)}) == 2
    assert len({event.req for event in worker.of(RequestBegan)}) == 2
