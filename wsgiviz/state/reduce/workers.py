"""What masters and workers say of themselves: their life, and what waits in front of their threads.

Its master reports a worker's death, which may be known before the last that the worker itself has written. So that
the order does not matter, a late event of a dead worker finds it alive as it was, and it dies again after that.
"""

from __future__ import annotations

from msgspec.structs import replace

from wsgiviz.events import (
    BootLineSeen,
    Forked,
    MasterExited,
    MasterLoading,
    MasterReady,
    PoolQueued,
    SamplerFailed,
    SlotThread,
    WorkerBooting,
    WorkerDied,
    WorkerExited,
    WorkerGone,
    WorkerHeard,
    WorkerReady,
    WorkersChanged,
    WorkerStopping,
)
from wsgiviz.state.activity import IN_APP, Activity, Task
from wsgiviz.state.reduce.draft import Handlers, SideDraft, ended_by_death
from wsgiviz.state.reduce.lines import location
from wsgiviz.state.request import WORKER_DIED, Request
from wsgiviz.state.worker import Death, Span, Worker

MOST_THREADS = 1024
"""More slots than that a process does not have: what says so is damaged."""


UNSEEN_NS = 100_000_000
"""A busy slot is looked at some three times in this time."""


def _master_ready(side: SideDraft, event: MasterReady) -> None:
    side.server = replace(side.server, up=True)


def _master_exited(side: SideDraft, event: MasterExited) -> None:
    others = tuple(pid for pid in side.server.masters if pid != event.pid)
    if others:  # one has replaced the other (USR2), or has failed to: the workers of that which is left go on
        side.server = replace(side.server, masters=others, pid=others[-1])
    else:
        end_all(side, event.t_ns)


def end_all(side: SideDraft, t_ns: int) -> None:
    """The master is gone, and took its workers along."""
    side.server = replace(side.server, up=False, gone_ns=t_ns)
    for pid in {worker.pid for worker in side.workers.values() if worker.alive}:
        bury(side, pid, Death(t_ns, with_master=True))


def _workers_changed(side: SideDraft, event: WorkersChanged) -> None:
    side.server = replace(side.server, wanted=event.wanted)


def _worker_died(side: SideDraft, event: WorkerDied) -> None:
    known = side.graves.get(event.worker_pid)
    if known is not None and any(worker.alive for worker in _all_slots(side, event.worker_pid)):
        known = None  # the pid has come again since
    if known is not None:
        revive(side, event.worker_pid)
    t_ns, status = event.t_ns, event.status
    if known is not None and not known.with_master:  # the kernel has said so before
        t_ns, status = min(t_ns, known.t_ns), status if status >= 0 else known.status
    death = Death(
        t_ns, status, bool(event.by_timeout), sent=event.sent, oom=bool(event.oom), oom_named=event.oom == "pid"
    )
    bury(side, event.worker_pid, death)


def _worker_gone(side: SideDraft, event: WorkerGone) -> None:
    """Its master will say so too, and knows more; but a run may have ended by then."""
    if side.slots(event.pid):
        bury(side, event.pid, Death(event.t_ns, event.status, unreported=True))


def _worker_heard(side: SideDraft, event: WorkerHeard) -> None:
    for worker in _all_slots(side, event.pid):
        if not worker.alive:
            side.put(replace(worker, heard_ns=event.heard_ns))


def _all_slots(side: SideDraft, pid: int) -> list[Worker]:
    return [worker for worker in side.workers.values() if worker.pid == pid]


def bury(side: SideDraft, pid: int, death: Death) -> None:
    """A worker is gone. What it held ends with it, for its app; its client will notice by itself."""
    side.graves[pid] = death
    if pid in side.loops:
        side.dead_loops[pid] = side.loops.pop(pid)
        if pid in side.run.left.values():
            side.run = replace(side.run, left={req: at for req, at in side.run.left.items() if at != pid})
    side.pools.pop(pid, None)
    for key in [key for key in side.thread_pools if key[0] == pid]:
        side.thread_pools[key] = replace(side.thread_pools[key], running=0, waiting=0, gone=True)
    for request in [request for request in side.ledger.in_flight() if request.pid == pid and request.in_app]:
        side.keep(request, ended_by_death(request, death.t_ns), death.t_ns)
    violent = False
    for worker in side.slots(pid):
        held = worker.req
        worker = replace(worker, death=death, last_req=held or worker.last_req)
        worker = side.turn(worker, Activity.DEAD, _last_alive_ns(worker, death), held)
        violent = violent or worker.died_violently
    if violent:
        side.server = replace(side.server, deaths=side.server.deaths + 1)


def _last_alive_ns(worker: Worker, death: Death) -> int:
    """When it was last seen alive, for one that was in the app: what it did after that, it may have done dead. A
    process may take some time to end, and its master to notice. Where nobody has looked for long, until its death."""
    seen_ns = max(worker.since_ns, min(death.t_ns, worker.sample.t_ns))
    if worker.activity in IN_APP and death.t_ns - seen_ns <= UNSEEN_NS:
        return seen_ns
    return max(death.t_ns, worker.since_ns)


def note_asked(side: SideDraft, pid: int, name: str) -> None:
    """A person had wsgiviz send this signal to the worker, which may be known to be dead, or not known yet."""
    death = side.graves.get(pid)
    if death is not None:
        revive(side, pid)
    for worker in side.slots(pid):
        side.put(replace(worker, asked=name))
    if death is not None:
        bury(side, pid, death)


def revive(side: SideDraft, pid: int) -> None:
    """Undo `bury`, for an event that was written before the death."""
    violent = False
    for worker in [worker for worker in _all_slots(side, pid) if not worker.alive]:
        violent = violent or worker.died_violently
        spans = side.spans(worker)
        if len(spans) > 1:
            spans.pop()
            spans[-1] = last = replace(spans[-1], end_ns=0)
            worker = replace(worker, activity=last.activity, since_ns=last.start_ns, req=last.req)
        else:
            worker = replace(worker, activity=Activity.STOPPING)
        side.put(replace(worker, death=None))
    if pid in side.dead_loops:
        side.loops[pid] = side.dead_loops.pop(pid)
    death = side.graves.pop(pid, None)
    if violent:
        side.server = replace(side.server, deaths=side.server.deaths - 1)
    if death is not None:
        for request in _taken_along(side, pid):
            _reopen(side, request, death.t_ns)


def _taken_along(side: SideDraft, pid: int) -> list[Request]:
    return [request for request in side.ledger.publish() if request.pid == pid and request.raised == WORKER_DIED]


def _reopen(side: SideDraft, request: Request, death_ns: int) -> None:
    steps, task, since_ns = request.steps, Task.RUNNING, request.began_ns
    if steps:
        last = replace(steps[-1], end_ns=0)
        steps, task, since_ns = (*steps[:-1], last), last.task, last.start_ns
    alive = replace(request, ended_ns=0, raised="", task=task, since_ns=since_ns, steps=steps)
    nobody = alive.for_nobody - request.for_nobody
    run = side.run
    side.run = replace(
        run,
        in_app=run.in_app + 1,
        in_app_peak=run.in_app_peak.without(death_ns, -1),
        for_nobody=run.for_nobody + nobody,
    )
    side.ledger.put(alive)
    if not request.external:
        side.count_raised(request.raised, -1)


def _worker_booting(side: SideDraft, event: WorkerBooting) -> None:
    """A process has come, with one slot, or with as many as its pool has threads."""
    side.numbers.pop(event.pid, None)  # those were of another process with that pid
    number = event.number or 1 + max((worker.number for worker in side.workers.values()), default=0)
    threads = max(1, min(MOST_THREADS, event.threads))
    pool = range(1, threads + 1) if event.worker_class == "gthread" else range(1)
    for slot in pool:
        span = Span(event.t_ns, 0, Activity.BOOTING, 0)
        thread_id = 0 if slot else event.thread_id
        asked = side.server.signals.get(event.pid, "")
        known = Worker(event.pid, number, Activity.BOOTING, event.t_ns, slot, thread_id, event.t_ns)
        side.add(replace(known, spans=(span,), asked=asked))
    if event.t_ns < side.server.gone_ns:  # read late: it went with its master
        bury(side, event.pid, Death(side.server.gone_ns, with_master=True))


def _worker_ready(side: SideDraft, event: WorkerReady) -> None:
    for worker in side.slots(event.pid):
        worker = replace(worker, ready_ns=event.t_ns)
        if worker.activity is Activity.BOOTING:
            side.turn(worker, Activity.IDLE, event.t_ns)
        else:
            side.put(worker)


def _master_loading(side: SideDraft, event: MasterLoading) -> None:
    side.server = replace(side.server, loading_ns=event.t_ns if event.loading else 0)


def _boot_line_seen(side: SideDraft, event: BootLineSeen) -> None:
    if event.pid == side.server.pid:
        side.server = replace(side.server, boot_where=location(event.where, event.line))
    for worker in side.slots(event.pid):
        side.put(replace(worker, boot_where=location(event.where, event.line)))


def _worker_stopping(side: SideDraft, event: WorkerStopping) -> None:
    for worker in side.slots(event.pid):
        side.turn(replace(worker, stopped_by=event.signal), Activity.STOPPING, event.t_ns, worker.req)


def _worker_exited(side: SideDraft, event: WorkerExited) -> None:
    """Its last record: it goes in order. That it is gone, the master says (`_worker_died`)."""
    if event.recycled:
        side.run = replace(side.run, recycled=side.run.recycled + 1)
    for worker in side.slots(event.pid):
        side.turn(
            replace(worker, exited=True, recycled=bool(event.recycled)), Activity.STOPPING, event.t_ns, worker.req
        )


def _slot_thread(side: SideDraft, event: SlotThread) -> None:
    worker = side.worker(event)
    if worker is not None:
        side.put(replace(worker, thread_id=event.thread_id))


def _pool_queued(side: SideDraft, event: PoolQueued) -> None:
    side.pools[event.pid] = event.waiting
    side.server = replace(side.server, pool_threads=event.threads)
    if (event.waiting, event.pid) > (side.run.max_pool, side.run.max_pool_pid):
        side.run = replace(side.run, max_pool=event.waiting, max_pool_pid=event.pid)


def _sampler_failed(side: SideDraft, event: SamplerFailed) -> None:
    for worker in side.slots(event.pid):
        side.put(replace(worker, sampler_error=event.error or "failed"))


def _forked(side: SideDraft, event: Forked) -> None:
    side.server = replace(side.server, forks=side.server.forks + 1)


HANDLERS: Handlers = {
    MasterReady: _master_ready,
    MasterExited: _master_exited,
    MasterLoading: _master_loading,
    WorkersChanged: _workers_changed,
    WorkerDied: _worker_died,
    WorkerGone: _worker_gone,
    WorkerHeard: _worker_heard,
    BootLineSeen: _boot_line_seen,
    WorkerBooting: _worker_booting,
    WorkerReady: _worker_ready,
    WorkerStopping: _worker_stopping,
    WorkerExited: _worker_exited,
    SlotThread: _slot_thread,
    PoolQueued: _pool_queued,
    SamplerFailed: _sampler_failed,
    Forked: _forked,
}
