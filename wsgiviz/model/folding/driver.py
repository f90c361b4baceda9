"""What the load driver tells: runs, and each request as its client sees it."""

from __future__ import annotations

from msgspec.structs import replace

from wsgiviz.events import Event, Kind
from wsgiviz.model.folding.fold import Fold, Handlers
from wsgiviz.model.state import Loop, Side, Worker


def _run_started(fold: Fold, event: Event) -> None:
    """A clean sheet: the run's totals begin anew; workers, and what they still hold, go on."""
    side = fold.now
    fold.now = Side(
        side.name,
        side.kind,
        wanted=side.wanted,
        master_up=side.master_up,
        queue_depth=side.queue_depth,
        queue_limit=side.queue_limit,
        run=event.req,
        planned=event.a,
        run_started_ns=event.b or event.t_ns,
        events=side.events,
        lost=side.lost,
        pool_threads=side.pool_threads,
        overflows_before=side.overflows_before + side.overflows,
    )
    fold.workers = {key: _fresh(worker) for key, worker in fold.workers.items() if worker.alive}
    fold.loops = {
        pid: Loop(
            pid,
            loop.running,
            loop.since_ns,
            selector_ns=loop.selector_ns,
            run_selector_ns=loop.selector_ns,
            beat_ns=loop.beat_ns,
            run_beat_ns=loop.beat_ns,
        )
        for pid, loop in fold.loops.items()
    }
    # What the workers told of this run before this event came stays.
    fold.in_flight = {req: r for req, r in fold.in_flight.items() if fold.of_this_run(req)}
    fold.finished = []
    fold.errors = {}


def _fresh(worker: Worker) -> Worker:
    return replace(
        worker,
        spans=worker.spans[-1:],
        requests=0,
        reading_ns=0,
        app_ns=0,
        writing_ns=0,
        cpu_ns=0,
        run_sample=worker.sample,
    )


def _run_grew(fold: Fold, event: Event) -> None:
    if event.req == fold.now.run:
        fold.now = replace(fold.now, planned=event.a)


def _sent(fold: Fold, event: Event) -> None:
    if not fold.of_this_run(event.req):
        return
    side = fold.now
    fold.keep(replace(fold.request(event.req), planned_ns=event.a, sent_ns=event.t_ns))
    if not side.first_planned_ns or event.a < side.first_planned_ns:
        fold.now = replace(side, first_planned_ns=event.a)


def _connected(fold: Fold, event: Event) -> None:
    request = fold.in_flight.get(event.req)
    if request is not None:
        fold.in_flight[event.req] = replace(request, connected_ns=event.t_ns, port=event.a)


def _first_byte(fold: Fold, event: Event) -> None:
    request = fold.in_flight.get(event.req)
    if request is not None:
        fold.in_flight[event.req] = replace(request, first_byte_ns=event.t_ns)


def _received(fold: Fold, event: Event) -> None:
    if not fold.of_this_run(event.req):
        return
    side = fold.now
    fold.keep(replace(fold.request(event.req), received_ns=event.t_ns, status=event.a))
    fold.now = replace(
        side,
        completed=side.completed + 1,
        bad_status=side.bad_status + (event.a >= 400),
        last_finished_ns=max(side.last_finished_ns, event.t_ns),
    )


def _failed(fold: Fold, event: Event) -> None:
    if not fold.of_this_run(event.req):
        return
    side = fold.now
    fold.keep(replace(fold.request(event.req), failed_ns=event.t_ns, error=event.text))
    fold.errors[event.text] = fold.errors.get(event.text, 0) + 1
    fold.now = replace(side, failed=side.failed + 1, last_finished_ns=max(side.last_finished_ns, event.t_ns))


def _run_ended(fold: Fold, event: Event) -> None:
    if event.req == fold.now.run:
        fold.now = replace(fold.now, run_ended_ns=event.t_ns, cancelled=bool(event.a))


def _driver_lag(fold: Fold, event: Event) -> None:
    side = fold.now
    fold.now = replace(side, driver_lag_ns=event.a, max_driver_lag_ns=max(side.max_driver_lag_ns, event.a))


HANDLERS: Handlers = {
    Kind.RUN_STARTED: _run_started,
    Kind.RUN_GREW: _run_grew,
    Kind.SENT: _sent,
    Kind.CONNECTED: _connected,
    Kind.FIRST_BYTE: _first_byte,
    Kind.RECEIVED: _received,
    Kind.FAILED: _failed,
    Kind.RUN_ENDED: _run_ended,
    Kind.DRIVER_LAG: _driver_lag,
}
