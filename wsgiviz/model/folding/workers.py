"""What masters and workers tell of themselves: their life, and what waits in front of their threads."""

from __future__ import annotations

from msgspec.structs import replace

from wsgiviz.events import Event, Kind
from wsgiviz.model.folding.fold import Fold, Handlers, end_request, turn
from wsgiviz.model.state import Doing, Span, Task, Worker

SIGABRT = 6


def _master_ready(fold: Fold, event: Event) -> None:
    fold.now = replace(fold.now, master_up=True)


def _master_exit(fold: Fold, event: Event) -> None:
    fold.now = replace(fold.now, master_up=False)
    for worker in [worker for worker in fold.workers.values() if worker.alive]:
        died(fold, worker, event.t_ns, worker.died_of or "exit")


def _workers_changed(fold: Fold, event: Event) -> None:
    fold.now = replace(fold.now, wanted=event.a)


def _worker_died(fold: Fold, event: Event) -> None:
    slots = fold.slots(event.a)
    for worker in slots:
        died(fold, worker, event.t_ns, "timeout" if event.b else worker.died_of or "killed")
    violent = any(fold.workers[worker.key].died_of != "exit" for worker in slots)
    fold.now = replace(fold.now, deaths=fold.now.deaths + violent)


def died(fold: Fold, worker: Worker, t_ns: int, cause: str) -> None:
    pid = worker.pid
    fold.loops.pop(pid, None)
    fold.pools = {other: depth for other, depth in fold.pools.items() if other != pid}
    for request in [r for r in fold.in_flight.values() if r.pid == pid and not r.ended_ns]:
        end_request(fold, request, t_ns, raised="worker died", task=Task.FAILED)
    worker = replace(worker, last_req=worker.req or worker.last_req, died_of=cause)
    fold.put(turn(worker, Doing.DEAD, t_ns, fold.now, req=worker.req))


def _worker_booting(fold: Fold, event: Event) -> None:
    """A process has come, with one slot, or with as many as its pool has threads."""
    kind, _, threads = event.text.partition(" ")
    number = event.a or 1 + max((worker.number for worker in fold.workers.values()), default=0)
    pool = range(1, int(threads) + 1) if kind == "gthread" and threads.isdigit() else range(1)
    for slot in pool:
        span = Span(event.t_ns, 0, Doing.BOOTING, 0)
        tid = 0 if slot else event.b
        fold.put(Worker(event.pid, number, Doing.BOOTING, event.t_ns, slot, tid, spans=(span,)))


def _worker_ready(fold: Fold, event: Event) -> None:
    for worker in fold.slots(event.pid):
        fold.put(turn(worker, Doing.IDLE, event.t_ns, fold.now))


def _worker_stopping(fold: Fold, event: Event) -> None:
    for worker in fold.slots(event.pid):
        if event.a == SIGABRT:  # gunicorn's master found that it did not stir for --timeout seconds
            worker = replace(worker, died_of="timeout")
        fold.put(turn(worker, Doing.STOPPING, event.t_ns, fold.now, req=worker.req))


def _worker_exit(fold: Fold, event: Event) -> None:
    """Its last words: it goes in order. That it is gone, the master tells (`_worker_died`)."""
    for worker in fold.slots(event.pid):
        worker = replace(worker, died_of=worker.died_of or "exit")
        fold.put(turn(worker, Doing.STOPPING, event.t_ns, fold.now, req=worker.req))


def _slot_thread(fold: Fold, event: Event) -> None:
    worker = fold.worker(event)
    if worker is not None:
        fold.put(replace(worker, tid=event.a))


def _pool_queue(fold: Fold, event: Event) -> None:
    fold.pools = {**fold.pools, event.pid: event.a}
    fold.now = replace(fold.now, max_pool=max(fold.now.max_pool, event.a), pool_threads=event.b)


HANDLERS: Handlers = {
    Kind.MASTER_READY: _master_ready,
    Kind.MASTER_EXIT: _master_exit,
    Kind.WORKERS_CHANGED: _workers_changed,
    Kind.WORKER_DIED: _worker_died,
    Kind.WORKER_BOOTING: _worker_booting,
    Kind.WORKER_READY: _worker_ready,
    Kind.WORKER_STOPPING: _worker_stopping,
    Kind.WORKER_EXIT: _worker_exit,
    Kind.SLOT_THREAD: _slot_thread,
    Kind.POOL_QUEUE: _pool_queue,
}
