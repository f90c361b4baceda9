"""What the collector adds: the kernel's counters, and what was lost."""

from __future__ import annotations

from msgspec.structs import replace

from wsgiviz.events import Event, Kind
from wsgiviz.model.folding.fold import COMPUTES_FROM, Fold, Handlers, relabel, turn
from wsgiviz.model.state import IN_APP, Doing, Side, Thread, Worker

SHORTEST_STRETCH_NS = 2_000_000
"""Below this, the kernel's CPU counters are too coarse for a share; the thread's state letter decides."""


def _thread_sample(fold: Fold, event: Event) -> None:
    worker = fold.worker(event)
    if worker is None or not worker.alive:
        return
    sample = Thread(event.t_ns, event.a, event.b, event.text)
    if worker.doing in IN_APP and not fold.is_loop:
        worker = _judge(worker, sample, fold.now)
    worker = replace(worker, sample=sample, mark=sample)
    if not worker.run_sample.t_ns:
        worker = replace(worker, run_sample=sample)
    fold.put(worker)


def _judge(worker: Worker, sample: Thread, side: Side) -> Worker:
    """Blocked or computing since the last mark, by the CPU time and run-queue time that passed since."""
    mark = worker.mark
    elapsed = sample.t_ns - mark.t_ns
    if elapsed <= 0:
        return worker
    if elapsed < SHORTEST_STRETCH_NS:
        computes = sample.letter == "R"
    else:
        active = sample.cpu_ns - mark.cpu_ns + max(0, sample.runq_ns - mark.runq_ns)
        computes = active >= COMPUTES_FROM * elapsed
    doing = Doing.COMPUTING if computes else Doing.BLOCKED
    if doing is worker.doing:
        return worker
    if mark.t_ns <= worker.since_ns:  # nothing but this stretch has been seen of the span
        return relabel(worker, doing)
    return turn(worker, doing, mark.t_ns, side, req=worker.req)


def _queue_sample(fold: Fold, event: Event) -> None:
    """The most is counted over two samples in a row: what idle workers are about to take is no queue."""
    side = fold.now
    stood = min(side.queue_depth, event.a)
    fold.now = replace(side, queue_depth=event.a, queue_limit=event.b, max_queue=max(side.max_queue, stood))


def _overflows(fold: Fold, event: Event) -> None:
    side = fold.now
    before = side.overflows_before if side.run_started_ns else event.a
    fold.now = replace(side, overflows=event.a - before, overflows_before=before)


def _process_sample(fold: Fold, event: Event) -> None:
    for worker in fold.slots(event.pid):
        fold.put(replace(worker, rss_bytes=event.a, cpu_permille=event.b))


def _lost(fold: Fold, event: Event) -> None:
    fold.now = replace(fold.now, lost=fold.now.lost + event.a)


HANDLERS: Handlers = {
    Kind.THREAD_SAMPLE: _thread_sample,
    Kind.QUEUE_SAMPLE: _queue_sample,
    Kind.OVERFLOWS: _overflows,
    Kind.PROCESS_SAMPLE: _process_sample,
    Kind.LOST: _lost,
}
