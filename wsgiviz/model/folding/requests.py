"""A request in a worker that serves one at a time: from the connection to its release."""

from __future__ import annotations

from msgspec.structs import replace

from wsgiviz.events import Event, Kind, returned
from wsgiviz.model.folding.fold import COMPUTES_FROM, Fold, Handlers, end_request, relabel, turn
from wsgiviz.model.state import BUSY, CHUNKS_KEPT, IN_APP, Doing, Task, Thread, Worker


def _accepted(fold: Fold, event: Event) -> None:
    """A slot has taken up a connection, or a loop has. (What a process accepts for its threads has no slot yet.)"""
    if fold.is_loop:
        fold.accepts[event.a] = event.t_ns
        return
    worker = fold.worker(event)
    if worker is not None and worker.alive:
        fold.put(turn(worker, Doing.READING, event.t_ns, fold.now))


def _began(fold: Fold, event: Event) -> None:
    worker = fold.worker(event)
    if worker is not None and worker.alive and not fold.is_loop:
        if worker.doing is Doing.IDLE and event.a:  # so short was its reading that nobody has told it
            worker = turn(worker, Doing.READING, event.a, fold.now)
        # Whether it computes or waits is not known yet: the first sample, or its end, names the whole span.
        worker = replace(worker, mark=Thread(event.t_ns, event.b, worker.sample.runq_ns))
        fold.put(turn(worker, Doing.COMPUTING, event.t_ns, fold.now, req=event.req))
    if not fold.of_this_run(event.req):
        return
    fold.keep(
        replace(
            fold.request(event.req),
            accepted_ns=event.a,
            began_ns=event.t_ns,
            ended_ns=0,
            pid=event.pid,
            slot=event.slot,
            what=event.text,
            task=Task.RUNNING,
            since_ns=event.t_ns,
        )
    )
    now_in_app = fold.now.now_in_app + 1
    fold.now = replace(fold.now, now_in_app=now_in_app, max_in_app=max(fold.now.max_in_app, now_in_app))


def _response(fold: Fold, event: Event) -> None:
    request = fold.in_flight.get(event.req)
    if request is not None:
        fold.in_flight[event.req] = replace(request, response_ns=event.t_ns, status=request.status or event.a)


def _returned(fold: Fold, event: Event) -> None:
    complete, status, response_ns = returned(event.a, event.t_ns)
    request = fold.in_flight.get(event.req)
    if request is not None:
        fold.in_flight[event.req] = replace(
            request,
            returned_ns=event.t_ns,
            response_ns=request.response_ns or response_ns,
            status=request.status or status,
        )
    worker = fold.worker(event)
    if complete:
        _write(fold, event, event.b)
    elif worker is not None and worker.req == event.req:
        fold.put(replace(worker, iterating=True))


def _chunk(fold: Fold, event: Event) -> None:
    request = fold.in_flight.get(event.req)
    if request is not None:
        chunks = (*request.chunks[1 - CHUNKS_KEPT :], event.t_ns)
        fold.in_flight[event.req] = replace(request, chunks=chunks)
    _write(fold, event)


def _write(fold: Fold, event: Event, cpu_ns: int | None = None) -> None:
    """The app has given what the server writes now."""
    worker = fold.worker(event)
    if worker is not None and worker.doing in IN_APP and not fold.is_loop:
        worker = judge_unsampled(worker, event.t_ns, cpu_ns)
        fold.put(turn(worker, Doing.WRITING, event.t_ns, fold.now, worker.req))


def _resumed(fold: Fold, event: Event) -> None:
    worker = fold.worker(event)
    if worker is not None and worker.doing is Doing.WRITING:
        worker = replace(worker, mark=worker.sample)
        fold.put(turn(worker, Doing.COMPUTING, event.t_ns, fold.now, worker.req))


def _closing(fold: Fold, event: Event) -> None:
    worker = fold.worker(event)
    if worker is not None and worker.busy:
        fold.put(turn(worker, Doing.CLOSING, event.t_ns, fold.now, worker.req))


def judge_unsampled(worker: Worker, t_ns: int, cpu_ns: int | None) -> Worker:
    """Name a stretch in the app that ended before any sample saw it, by its CPU time where that is known."""
    span = worker.spans[-1]
    if cpu_ns is None or worker.mark.t_ns > span.start_ns:
        return worker
    elapsed = t_ns - span.start_ns
    return relabel(worker, Doing.COMPUTING if cpu_ns >= COMPUTES_FROM * elapsed else Doing.BLOCKED)


def _closed(fold: Fold, event: Event) -> None:
    worker = fold.worker(event)
    if worker is not None and worker.req == event.req and not fold.is_loop:
        if worker.doing in IN_APP:
            worker = judge_unsampled(worker, event.t_ns, event.a)
        ours = fold.of_this_run(event.req)
        worker = replace(worker, requests=worker.requests + ours, cpu_ns=worker.cpu_ns + event.a * ours)
        if worker.doing in BUSY and worker.doing is not Doing.WRITING:
            worker = turn(worker, Doing.WRITING, event.t_ns, fold.now, req=event.req)
        fold.put(worker)
    elif worker is not None and fold.is_loop and fold.of_this_run(event.req):
        fold.put(replace(worker, requests=worker.requests + 1))
    request = fold.in_flight.get(event.req)
    if request is not None and not request.ended_ns:
        task = Task.FAILED if event.text else Task.DONE
        end_request(fold, replace(request, cpu_ns=event.a), event.t_ns, event.text, task)


def _released(fold: Fold, event: Event) -> None:
    worker = fold.worker(event)
    if worker is not None and worker.doing in BUSY:
        fold.put(turn(worker, Doing.IDLE, event.t_ns, fold.now))


HANDLERS: Handlers = {
    Kind.ACCEPTED: _accepted,
    Kind.BEGAN: _began,
    Kind.RESPONSE: _response,
    Kind.RETURNED: _returned,
    Kind.CHUNK: _chunk,
    Kind.RESUMED: _resumed,
    Kind.CLOSING: _closing,
    Kind.CLOSED: _closed,
    Kind.RELEASED: _released,
}
