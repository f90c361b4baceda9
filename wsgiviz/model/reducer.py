"""The reducer: folds events into the picture. Pure: the same picture and events give the same picture.

Events of one process come in order; those of different processes may be late by a poll or two, so each handler
takes what it knows and leaves the rest: a request may be begun before it is known to have been sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from wsgiviz.events import RUN_STRIDE, Event, Kind
from wsgiviz.model.state import (
    ACCEPTS_KEPT,
    BUSY,
    CHUNKS_KEPT,
    IN_APP,
    LEDGER_KEPT,
    SPANS_KEPT,
    STEPS_KEPT,
    Doing,
    Hold,
    Loop,
    Picture,
    Place,
    Request,
    Side,
    Span,
    Step,
    Task,
    Thread,
    Worker,
)

SIGABRT = 6

COMPUTES_FROM = 0.5
"""From this share of a stretch on the CPU (or runnable) on, the stretch counts as computing."""

SHORTEST_STRETCH_NS = 2_000_000
"""Below this, the kernel's CPU counters are too coarse for a share; the thread's state letter decides."""


def reduce(picture: Picture, events: Sequence[Event]) -> Picture:
    """The picture after ``events``, which should be in order of time as far as possible."""
    if not events:
        return picture
    folds = {name: _Fold(side) for name, side in picture.sides.items()}
    run = picture.run
    for event in events:
        fold = folds.get(event.side)
        handle = _HANDLERS.get(event.kind)
        if fold is None or handle is None:
            continue
        fold.events += 1
        handle(fold, event)
        if event.kind == Kind.RUN_STARTED and event.req > run:
            run = event.req
    newest = max(event.t_ns for event in events)
    return Picture(max(picture.t_ns, newest), run, {name: fold.side() for name, fold in folds.items()})


class _Fold:
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
                _waits_for_loop(self, request, accepted_ns)
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


# --- the server's master ---------------------------------------------------------------------------------------


def _master_ready(fold: _Fold, event: Event) -> None:
    fold.now = replace(fold.now, master_up=True)


def _master_exit(fold: _Fold, event: Event) -> None:
    fold.now = replace(fold.now, master_up=False)
    for worker in [worker for worker in fold.workers.values() if worker.alive]:
        _died(fold, worker, event.t_ns, worker.died_of or "exit")


def _workers_changed(fold: _Fold, event: Event) -> None:
    fold.now = replace(fold.now, wanted=event.a)


def _worker_died(fold: _Fold, event: Event) -> None:
    slots = fold.slots(event.a)
    for worker in slots:
        _died(fold, worker, event.t_ns, "timeout" if event.b else worker.died_of or "killed")
    violent = any(fold.workers[worker.key].died_of != "exit" for worker in slots)
    fold.now = replace(fold.now, deaths=fold.now.deaths + violent)


def _died(fold: _Fold, worker: Worker, t_ns: int, cause: str) -> None:
    pid = worker.pid
    fold.loops.pop(pid, None)
    fold.pools = {other: depth for other, depth in fold.pools.items() if other != pid}
    for request in [r for r in fold.in_flight.values() if r.pid == pid and not r.ended_ns]:
        _end_request(fold, request, t_ns, raised="worker died", task=Task.FAILED)
    worker = replace(worker, last_req=worker.req or worker.last_req, died_of=cause)
    fold.put(_turn(worker, Doing.DEAD, t_ns, fold.now, req=worker.req))


# --- a worker's life -------------------------------------------------------------------------------------------


def _worker_booting(fold: _Fold, event: Event) -> None:
    """A process has come, with one slot, or with as many as its pool has threads."""
    kind, _, threads = event.text.partition(" ")
    pool = range(1, int(threads) + 1) if kind == "gthread" and threads.isdigit() else range(1)
    for slot in pool:
        span = Span(event.t_ns, 0, Doing.BOOTING, 0)
        tid = 0 if slot else event.b
        fold.put(Worker(event.pid, event.a, Doing.BOOTING, event.t_ns, slot, tid, spans=(span,)))


def _worker_ready(fold: _Fold, event: Event) -> None:
    for worker in fold.slots(event.pid):
        fold.put(_turn(worker, Doing.IDLE, event.t_ns, fold.now))


def _worker_stopping(fold: _Fold, event: Event) -> None:
    for worker in fold.slots(event.pid):
        if event.a == SIGABRT:  # gunicorn's master found that it did not stir for --timeout seconds
            worker = replace(worker, died_of="timeout")
        fold.put(_turn(worker, Doing.STOPPING, event.t_ns, fold.now, req=worker.req))


def _worker_exit(fold: _Fold, event: Event) -> None:
    """Its last words: it goes in order. That it is gone, the master tells (`_worker_died`)."""
    for worker in fold.slots(event.pid):
        worker = replace(worker, died_of=worker.died_of or "exit")
        fold.put(_turn(worker, Doing.STOPPING, event.t_ns, fold.now, req=worker.req))


def _slot_thread(fold: _Fold, event: Event) -> None:
    worker = fold.worker(event)
    if worker is not None:
        fold.put(replace(worker, tid=event.a))


def _pool_queue(fold: _Fold, event: Event) -> None:
    fold.pools = {**fold.pools, event.pid: event.a}
    fold.now = replace(fold.now, max_pool=max(fold.now.max_pool, event.a), pool_threads=event.b)


def _turn(worker: Worker, doing: Doing, t_ns: int, side: Side, req: int = 0) -> Worker:
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


def _relabel(worker: Worker, doing: Doing) -> Worker:
    """The same worker, its present span under another name: a better measurement of the same stretch."""
    span = replace(worker.spans[-1], doing=doing)
    return replace(worker, doing=doing, spans=(*worker.spans[:-1], span))


# --- a request in a worker -------------------------------------------------------------------------------------


def _accepted(fold: _Fold, event: Event) -> None:
    """A slot has taken up a connection, or a loop has. (What a process accepts for its threads has no slot yet.)"""
    if fold.is_loop:
        fold.accepts[event.a] = event.t_ns
        return
    worker = fold.worker(event)
    if worker is not None and worker.alive:
        fold.put(_turn(worker, Doing.READING, event.t_ns, fold.now))


def _waits_for_loop(fold: _Fold, request: Request, t_ns: int) -> None:
    """Its connection is accepted: from now on it is the loop's turn."""
    fold.in_flight[request.id] = replace(request, accepted_ns=t_ns, task=Task.READY, since_ns=t_ns)


def _began(fold: _Fold, event: Event) -> None:
    worker = fold.worker(event)
    if worker is not None and worker.alive and not fold.is_loop:
        # Whether it computes or waits is not known yet: the first sample, or its end, names the whole span.
        worker = replace(worker, mark=Thread(event.t_ns, event.b, worker.sample.runq_ns))
        fold.put(_turn(worker, Doing.COMPUTING, event.t_ns, fold.now, req=event.req))
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


def _response(fold: _Fold, event: Event) -> None:
    request = fold.in_flight.get(event.req)
    if request is not None:
        fold.in_flight[event.req] = replace(request, response_ns=event.t_ns, status=request.status or event.a)


def _returned(fold: _Fold, event: Event) -> None:
    request = fold.in_flight.get(event.req)
    if request is not None:
        fold.in_flight[event.req] = replace(request, returned_ns=event.t_ns)
    worker = fold.worker(event)
    if event.a:
        _write(fold, event, event.b)
    elif worker is not None and worker.req == event.req:
        fold.put(replace(worker, iterating=True))


def _chunk(fold: _Fold, event: Event) -> None:
    request = fold.in_flight.get(event.req)
    if request is not None:
        chunks = (*request.chunks[1 - CHUNKS_KEPT :], event.t_ns)
        fold.in_flight[event.req] = replace(request, chunks=chunks)
    _write(fold, event)


def _write(fold: _Fold, event: Event, cpu_ns: int | None = None) -> None:
    """The app has given what the server writes now."""
    worker = fold.worker(event)
    if worker is not None and worker.doing in IN_APP and not fold.is_loop:
        worker = _judge_unsampled(worker, event.t_ns, cpu_ns)
        fold.put(_turn(worker, Doing.WRITING, event.t_ns, fold.now, worker.req))


def _resumed(fold: _Fold, event: Event) -> None:
    worker = fold.worker(event)
    if worker is not None and worker.doing is Doing.WRITING:
        worker = replace(worker, mark=worker.sample)
        fold.put(_turn(worker, Doing.COMPUTING, event.t_ns, fold.now, worker.req))


def _closing(fold: _Fold, event: Event) -> None:
    worker = fold.worker(event)
    if worker is not None and worker.busy:
        fold.put(_turn(worker, Doing.CLOSING, event.t_ns, fold.now, worker.req))


def _judge_unsampled(worker: Worker, t_ns: int, cpu_ns: int | None) -> Worker:
    """Name a stretch in the app that ended before any sample saw it, by its CPU time where that is known."""
    span = worker.spans[-1]
    if cpu_ns is None or worker.mark.t_ns > span.start_ns:
        return worker
    elapsed = t_ns - span.start_ns
    return _relabel(worker, Doing.COMPUTING if cpu_ns >= COMPUTES_FROM * elapsed else Doing.BLOCKED)


def _closed(fold: _Fold, event: Event) -> None:
    worker = fold.worker(event)
    if worker is not None and worker.req == event.req and not fold.is_loop:
        if worker.doing in IN_APP:
            worker = _judge_unsampled(worker, event.t_ns, event.a)
        ours = fold.of_this_run(event.req)
        worker = replace(worker, requests=worker.requests + ours, cpu_ns=worker.cpu_ns + event.a * ours)
        if worker.doing in BUSY and worker.doing is not Doing.WRITING:
            worker = _turn(worker, Doing.WRITING, event.t_ns, fold.now, req=event.req)
        fold.put(worker)
    elif worker is not None and fold.is_loop and fold.of_this_run(event.req):
        fold.put(replace(worker, requests=worker.requests + 1))
    request = fold.in_flight.get(event.req)
    if request is not None and not request.ended_ns:
        task = Task.FAILED if event.text else Task.DONE
        _end_request(fold, replace(request, cpu_ns=event.a), event.t_ns, event.text, task)


def _end_request(fold: _Fold, request: Request, t_ns: int, raised: str, task: Task) -> None:
    if request.began_ns:
        fold.now = replace(fold.now, now_in_app=max(0, fold.now.now_in_app - 1))
    steps = request.steps
    if steps and not steps[-1].end_ns:
        steps = (*steps[:-1], replace(steps[-1], end_ns=t_ns))
    fold.keep(replace(request, ended_ns=t_ns, raised=raised, task=task, since_ns=t_ns, steps=steps, where=None))


def _released(fold: _Fold, event: Event) -> None:
    worker = fold.worker(event)
    if worker is not None and worker.doing in BUSY:
        fold.put(_turn(worker, Doing.IDLE, event.t_ns, fold.now))


# --- where a request is ----------------------------------------------------------------------------------------


def _where(fold: _Fold, event: Event) -> None:
    request = fold.in_flight.get(event.req)
    if request is not None and not request.ended_ns:
        fold.in_flight[event.req] = replace(request, where=_place(event.text, event.a), within=None)


def _within(fold: _Fold, event: Event) -> None:
    request = fold.in_flight.get(event.req)
    if request is not None and not request.ended_ns:
        fold.in_flight[event.req] = replace(request, within=_place(event.text, event.a))


def _nested_loop(fold: _Fold, event: Event) -> None:
    if fold.of_this_run(event.req):
        fold.now = replace(fold.now, nested_loop=(event.req, _place(event.text, event.a)))


def _place(text: str, line: int) -> Place:
    file, function, call = (*text.split("|", 2), "", "")[:3]
    return Place(file, line, function, call)


def _children(fold: _Fold, event: Event) -> None:
    request = fold.in_flight.get(event.req)
    if request is not None:
        fold.in_flight[event.req] = replace(request, children=event.a, children_started=event.b)


def _loop_held(fold: _Fold, event: Event) -> None:
    loop = fold.loops.get(event.pid) or Loop(event.pid)
    hold = Hold(event.req, event.a, _place(event.text, event.b))
    longest = loop.longest_hold
    if longest is None or hold.held_ns > longest.held_ns:
        longest = hold
    fold.loops[event.pid] = replace(loop, held=hold, longest_hold=longest)


# --- a request on an event loop --------------------------------------------------------------------------------


def _task_run(fold: _Fold, event: Event) -> None:
    _step(fold, event, Task.RUNNING)
    loop = fold.loops.get(event.pid) or Loop(event.pid)
    fold.loops[event.pid] = replace(loop, running=event.req, since_ns=event.t_ns)


def _task_wait(fold: _Fold, event: Event) -> None:
    _step(fold, event, Task.AWAITING)
    loop = fold.loops.get(event.pid) or Loop(event.pid)
    longer = event.b > loop.longest_step_ns
    fold.loops[event.pid] = replace(
        loop,
        running=0,
        since_ns=event.t_ns,
        longest_step_ns=event.b if longer else loop.longest_step_ns,
        longest_step_req=event.req if longer else loop.longest_step_req,
        held=None,
    )


def _task_ready(fold: _Fold, event: Event) -> None:
    _step(fold, event, Task.READY)


def _step(fold: _Fold, event: Event, task: Task) -> None:
    request = fold.in_flight.get(event.req)
    if request is None:
        return
    if task is Task.RUNNING and request.where is not None:
        request = replace(request, where=None, within=None)  # it goes on: it is there no more
    steps = request.steps
    if steps and not steps[-1].end_ns:
        steps = (*steps[1 - STEPS_KEPT : -1], replace(steps[-1], end_ns=event.t_ns))
    if not request.ended_ns:
        steps = (*steps, Step(event.t_ns, 0, task))
    fold.in_flight[event.req] = replace(
        request,
        steps=steps,
        task=request.task if request.ended_ns else task,
        since_ns=event.t_ns,
        run_ns=request.run_ns + (event.b if task is Task.AWAITING else 0),
    )


def _loop_beat(fold: _Fold, event: Event) -> None:
    loop = fold.loops.get(event.pid) or Loop(event.pid)
    fresh = not loop.run_beat_ns
    fold.loops[event.pid] = replace(
        loop,
        lag_ns=event.a,
        max_lag_ns=max(loop.max_lag_ns, event.a),
        selector_ns=event.b,
        beat_ns=event.t_ns,
        held=None,
        run_selector_ns=event.b if fresh else loop.run_selector_ns,
        run_beat_ns=event.t_ns if fresh else loop.run_beat_ns,
    )


# --- the load driver -------------------------------------------------------------------------------------------


def _run_started(fold: _Fold, event: Event) -> None:
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


def _sent(fold: _Fold, event: Event) -> None:
    if not fold.of_this_run(event.req):
        return
    side = fold.now
    fold.keep(replace(fold.request(event.req), planned_ns=event.a, sent_ns=event.t_ns))
    if not side.first_planned_ns or event.a < side.first_planned_ns:
        fold.now = replace(side, first_planned_ns=event.a)


def _connected(fold: _Fold, event: Event) -> None:
    request = fold.in_flight.get(event.req)
    if request is not None:
        fold.in_flight[event.req] = replace(request, connected_ns=event.t_ns, port=event.a)


def _first_byte(fold: _Fold, event: Event) -> None:
    request = fold.in_flight.get(event.req)
    if request is not None:
        fold.in_flight[event.req] = replace(request, first_byte_ns=event.t_ns)


def _received(fold: _Fold, event: Event) -> None:
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


def _failed(fold: _Fold, event: Event) -> None:
    if not fold.of_this_run(event.req):
        return
    side = fold.now
    fold.keep(replace(fold.request(event.req), failed_ns=event.t_ns, error=event.text))
    fold.errors[event.text] = fold.errors.get(event.text, 0) + 1
    fold.now = replace(side, failed=side.failed + 1, last_finished_ns=max(side.last_finished_ns, event.t_ns))


def _run_ended(fold: _Fold, event: Event) -> None:
    if event.req == fold.now.run:
        fold.now = replace(fold.now, run_ended_ns=event.t_ns, cancelled=bool(event.a))


def _driver_lag(fold: _Fold, event: Event) -> None:
    side = fold.now
    fold.now = replace(side, driver_lag_ns=event.a, max_driver_lag_ns=max(side.max_driver_lag_ns, event.a))


# --- what the collector adds -----------------------------------------------------------------------------------


def _thread_sample(fold: _Fold, event: Event) -> None:
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
        return _relabel(worker, doing)
    return _turn(worker, doing, mark.t_ns, side, req=worker.req)


def _queue_sample(fold: _Fold, event: Event) -> None:
    """The most is counted over two samples in a row: what idle workers are about to take is no queue."""
    side = fold.now
    stood = min(side.queue_depth, event.a)
    fold.now = replace(side, queue_depth=event.a, queue_limit=event.b, max_queue=max(side.max_queue, stood))


def _overflows(fold: _Fold, event: Event) -> None:
    side = fold.now
    before = side.overflows_before if side.run_started_ns else event.a
    fold.now = replace(side, overflows=event.a - before, overflows_before=before)


def _process_sample(fold: _Fold, event: Event) -> None:
    for worker in fold.slots(event.pid):
        fold.put(replace(worker, rss_bytes=event.a, cpu_permille=event.b))


def _lost(fold: _Fold, event: Event) -> None:
    fold.now = replace(fold.now, lost=fold.now.lost + event.a)


_HANDLERS: dict[int, Callable[[_Fold, Event], None]] = {
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
    Kind.ACCEPTED: _accepted,
    Kind.BEGAN: _began,
    Kind.RESPONSE: _response,
    Kind.RETURNED: _returned,
    Kind.CHUNK: _chunk,
    Kind.RESUMED: _resumed,
    Kind.CLOSING: _closing,
    Kind.CLOSED: _closed,
    Kind.RELEASED: _released,
    Kind.TASK_RUN: _task_run,
    Kind.TASK_WAIT: _task_wait,
    Kind.TASK_READY: _task_ready,
    Kind.LOOP_BEAT: _loop_beat,
    Kind.LOOP_HELD: _loop_held,
    Kind.CHILDREN: _children,
    Kind.WHERE: _where,
    Kind.WITHIN: _within,
    Kind.NESTED_LOOP: _nested_loop,
    Kind.RUN_STARTED: _run_started,
    Kind.SENT: _sent,
    Kind.CONNECTED: _connected,
    Kind.FIRST_BYTE: _first_byte,
    Kind.RECEIVED: _received,
    Kind.FAILED: _failed,
    Kind.RUN_ENDED: _run_ended,
    Kind.DRIVER_LAG: _driver_lag,
    Kind.THREAD_SAMPLE: _thread_sample,
    Kind.QUEUE_SAMPLE: _queue_sample,
    Kind.OVERFLOWS: _overflows,
    Kind.PROCESS_SAMPLE: _process_sample,
    Kind.LOST: _lost,
}
