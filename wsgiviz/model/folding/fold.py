"""One side while a batch of events is folded into it, and the changes that several events make alike."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from wsgiviz.events import RUN_STRIDE, Event
from wsgiviz.model.state import (
    ACCEPTS_KEPT,
    IN_APP,
    LEDGER_KEPT,
    SPANS_KEPT,
    Doing,
    Request,
    Side,
    Span,
    Task,
    Worker,
)

COMPUTES_FROM = 0.5
"""From this share of a stretch on the CPU (or runnable) on, the stretch counts as computing."""


class Fold:
    """One side while a batch is folded: its collections are copied once a batch, then changed in place."""

    __slots__ = (
        "accepts",
        "errors",
        "events",
        "finished",
        "in_flight",
        "is_loop",
        "loops",
        "now",
        "pools",
        "workers",
    )

    def __init__(self, side: Side) -> None:
        self.now = side
        self.is_loop = side.is_loop
        self.accepts = dict(side.accepts)
        self.pools = side.pools
        self.workers = dict(side.workers)
        self.loops = dict(side.loops)
        self.in_flight = dict(side.in_flight)
        self.finished = list(side.finished)
        self.errors = dict(side.errors)
        self.events = 0

    def side(self) -> Side:
        if self.accepts:
            self.join_accepts()
        return replace(
            self.now,
            workers=self.workers,
            loops=self.loops,
            in_flight=self.in_flight,
            finished=tuple(self.finished[-LEDGER_KEPT:]),
            errors=self.errors,
            accepts=self.accepts,
            pools=self.pools,
            events=self.now.events + self.events,
        )

    def join_accepts(self) -> None:
        """Requests whose connection a loop has accepted wait for the loop. Driver and loop tell in any order."""
        for request in list(self.in_flight.values()):
            accepted_ns = self.accepts.pop(request.port, 0) if request.port else 0
            if accepted_ns and request.task is Task.QUEUED:
                self.in_flight[request.id] = replace(
                    request, accepted_ns=accepted_ns, task=Task.READY, since_ns=accepted_ns
                )
        for port in list(self.accepts)[:-ACCEPTS_KEPT]:
            del self.accepts[port]

    def of_this_run(self, req: int) -> bool:
        """Requests of an earlier run may still be in a worker; strangers (negative) always count."""
        return req < 0 or req // RUN_STRIDE == self.now.run

    def worker(self, event: Event) -> Worker | None:
        """The slot that an event is about."""
        return self.workers.get((event.pid, event.slot))

    def slots(self, pid: int) -> list[Worker]:
        """All living slots of a process."""
        return [worker for worker in self.workers.values() if worker.pid == pid and worker.alive]

    def put(self, worker: Worker) -> None:
        self.workers[worker.key] = worker

    def request(self, req: int) -> Request:
        return self.in_flight.get(req) or Request(req)

    def keep(self, request: Request) -> None:
        """Store a request: among those in flight, or with the finished once client and app are through with it."""
        through = request.ended_ns or not request.began_ns
        if through and (request.finished or request.id < 0):
            self.in_flight.pop(request.id, None)
            self.finished.append(request)
        else:
            self.in_flight[request.id] = request


def turn(worker: Worker, doing: Doing, t_ns: int, side: Side, req: int = 0) -> Worker:
    """The worker from ``t_ns`` on: its span so far ends, its totals grow, and a new span begins."""
    spans = worker.spans
    if spans:
        last = spans[-1]
        spans = (*spans[1 - SPANS_KEPT : -1], replace(last, end_ns=max(t_ns, last.start_ns)))
    spans = (*spans, Span(t_ns, 0, doing, req))
    spent = max(0, t_ns - max(worker.since_ns, side.run_started_ns))
    was = worker.doing
    return replace(
        worker,
        doing=doing,
        since_ns=t_ns,
        req=req,
        last_req=req or worker.last_req,
        spans=spans,
        reading_ns=worker.reading_ns + (spent if was is Doing.READING else 0),
        app_ns=worker.app_ns + (spent if was is Doing.BLOCKED or was is Doing.COMPUTING else 0),
        writing_ns=worker.writing_ns + (spent if was is Doing.WRITING or was is Doing.CLOSING else 0),
        iterating=worker.iterating and doing in IN_APP | {Doing.WRITING},
    )


def relabel(worker: Worker, doing: Doing) -> Worker:
    """The same worker, its present span under another name: a better measurement of the same stretch."""
    span = replace(worker.spans[-1], doing=doing)
    return replace(worker, doing=doing, spans=(*worker.spans[:-1], span))


def end_request(fold: Fold, request: Request, t_ns: int, raised: str, task: Task) -> None:
    if request.began_ns:
        fold.now = replace(fold.now, now_in_app=max(0, fold.now.now_in_app - 1))
    steps = request.steps
    if steps and not steps[-1].end_ns:
        steps = (*steps[:-1], replace(steps[-1], end_ns=t_ns))
    fold.keep(replace(request, ended_ns=t_ns, raised=raised, task=task, since_ns=t_ns, steps=steps))


Handlers = dict[int, Callable[[Fold, Event], None]]
"""Which function folds which kind of event."""
