"""A request in a worker: from the connection until the slot is free again, and in the app of any server."""

from __future__ import annotations

from msgspec.structs import replace

from wsgiviz.events import (
    AcceptorClosing,
    BodyResumed,
    BodyReturned,
    ChunkWriting,
    ClientSeen,
    ConnectionAccepted,
    ConnectionClosing,
    RequestBegan,
    RequestEnded,
    RequestPeer,
    RequestsOver,
    ResponseStarted,
)
from wsgiviz.state.activity import BUSY, IN_APP, Activity, Task
from wsgiviz.state.counters import Counters, WaitSamples
from wsgiviz.state.reduce.draft import Handlers, SideDraft
from wsgiviz.state.reduce.judging import COMPUTES_FROM
from wsgiviz.state.reduce.tasks import calls_until
from wsgiviz.state.request import CHUNKS_KEPT, Request
from wsgiviz.state.worker import ReadingClient, Tally, Worker


def _accepted(side: SideDraft, event: ConnectionAccepted) -> None:
    """A slot has taken up a connection, or a loop has."""
    if side.is_loop:
        if event.port:
            side.accepted(event.port, (event.t_ns, event.pid))
        return
    worker = side.worker(event)
    if worker is not None and worker.alive and event.t_ns >= worker.since_ns:  # else the sampler emitted it too late
        side.turn(worker, Activity.READING, event.t_ns)


def _began(side: SideDraft, event: RequestBegan) -> None:
    known = side.ledger.get(event.req)
    if known is not None and known.began_ns == event.t_ns:
        return  # announced again for whoever has begun to look; it may even have ended since
    side.count_external(event.pid, event.req)
    if not side.is_loop:
        worker = side.worker(event)
        if worker is not None and worker.alive:
            _take(side, worker, event)
    before = side.request(event.req)
    if before is None:
        _count_earlier(side, event)
        return
    after = replace(
        before,
        accepted_ns=event.accepted_ns or before.accepted_ns,
        began_ns=event.t_ns,
        ended_ns=0,
        pid=event.pid,
        slot=event.slot,
        target=event.target,
        task=Task.RUNNING,
        since_ns=event.t_ns,
    )
    if side.is_loop and after.port:
        side.taken(after.port)
    side.keep(before, after, event.t_ns)


def _count_earlier(side: SideDraft, event: RequestBegan) -> None:
    """A request of an earlier run, which its client gave up when that was cancelled, or when this one was fired."""
    if side.run.requested_ns <= event.t_ns and event.req not in side.run.left:
        left = {**side.run.left, event.req: event.pid} if side.is_loop else side.run.left
        side.run = replace(side.run, earlier=side.run.earlier + 1, left=left)


def _take(side: SideDraft, worker: Worker, event: RequestBegan) -> None:
    """The slot works for this request. Whether it computes or waits is not known yet: the first sample, or the end,
    names the whole stretch."""
    if worker.activity is Activity.IDLE and event.accepted_ns:  # so short was its reading that nobody emitted it
        # What a process accepts for its threads may have waited for one: a thread reads it from then on.
        worker = side.turn(worker, Activity.READING, min(event.t_ns, max(event.accepted_ns, worker.since_ns)))
    if worker.activity is Activity.STOPPING:
        side.put(replace(worker, req=event.req, last_req=event.req))
        return
    tally = worker.tally
    if worker.activity is Activity.READING:
        reading_ns = max(0, event.t_ns - max(worker.since_ns, side.run.requested_ns))
        tally = replace(tally, reading_ns=tally.reading_ns + reading_ns)
    mark = Counters(event.t_ns, event.thread_cpu_ns, worker.sample.runq_ns)
    worker = replace(worker, mark=mark, tally=tally, waits=WaitSamples(), iterating=False, paused_ns=0, client=None)
    side.turn(worker, Activity.COMPUTING, event.t_ns, event.req)


def _response_started(side: SideDraft, event: ResponseStarted) -> None:
    request = side.request(event.req)
    if request is not None:
        side.ledger.put(replace(request, response_ns=event.t_ns, app_status=event.status))


def _body_returned(side: SideDraft, event: BodyReturned) -> None:
    request = side.request(event.req)
    if request is not None:
        side.ledger.put(replace(request, returned_ns=event.t_ns))
    worker = side.worker(event)
    if worker is None or worker.req != event.req or side.is_loop:
        return
    if event.complete:
        _write(side, worker, event.t_ns, event.cpu_ns)
    else:
        side.put(replace(worker, iterating=True))


def _chunk_writing(side: SideDraft, event: ChunkWriting) -> None:
    request = side.request(event.req)
    if request is not None:
        chunks = (*request.chunks[1 - CHUNKS_KEPT :], event.t_ns)
        side.ledger.put(replace(request, chunks=chunks))
    worker = side.worker(event)
    if worker is not None and worker.req == event.req and not side.is_loop:
        _write(side, replace(worker, iterating=True), event.t_ns, None)


def _write(side: SideDraft, worker: Worker, t_ns: int, cpu_ns: int | None) -> None:
    """The app has given what the server writes now."""
    if worker.activity in IN_APP:
        worker = _judge_unsampled(side, worker, t_ns, cpu_ns)
        side.turn(worker, Activity.WRITING, t_ns, worker.req)


def _body_resumed(side: SideDraft, event: BodyResumed) -> None:
    worker = side.worker(event)
    if worker is not None and worker.activity is Activity.WRITING and worker.req == event.req:
        paused_ns = worker.paused_ns + max(0, event.t_ns - worker.since_ns)
        worker = replace(worker, mark=worker.sample, paused_ns=paused_ns)
        side.turn(worker, Activity.COMPUTING, event.t_ns, worker.req)


def _closing(side: SideDraft, event: ConnectionClosing) -> None:
    """The answer is written, and the client has not hung up yet. The app has been through with it since."""
    worker = side.worker(event)
    if worker is None or worker.req != event.req:  # the sampler emitted it too late: the slot has gone on
        worker = None
    if worker is not None and worker.busy and worker.activity is not Activity.CLOSING:
        if worker.activity in IN_APP and event.ended_ns:
            worker = _judge_unsampled(side, worker, event.ended_ns, None)
            worker = side.turn(worker, Activity.WRITING, event.ended_ns, worker.req)
        side.turn(worker, Activity.CLOSING, event.t_ns, worker.req)
    before = side.request(event.req) if event.req else None
    if before is not None and before.began_ns and event.ended_ns and not before.ended_ns:
        after = replace(before, ended_ns=event.ended_ns, task=Task.DONE, since_ns=event.ended_ns)
        side.keep(before, after, event.ended_ns)


def _peer(side: SideDraft, event: RequestPeer) -> None:
    request = side.ledger.get(event.req)
    if request is not None and request.peer != event.address:
        side.ledger.put(replace(request, peer=event.address))


def _client_seen(side: SideDraft, event: ClientSeen) -> None:
    worker = side.worker(event)
    if worker is not None and worker.activity is Activity.READING and event.t_ns >= worker.since_ns:
        client = ReadingClient(event.address, event.received, worker.since_ns)
        if client.silent:
            _count_silence(side, worker, event.t_ns)
        silent_since_ns = worker.since_ns if client.silent else 0
        side.put(replace(worker, client=client, silent_since_ns=silent_since_ns))


def _count_silence(side: SideDraft, worker: Worker, t_ns: int) -> None:
    """One more connection that is silent, or one that still is: the probe looks again every second."""
    run = side.run
    lasted_ns = max(0, t_ns - max(worker.since_ns, run.requested_ns))
    more = int(worker.silent_since_ns != worker.since_ns)
    most_ns = max(run.silent_most_ns, lasted_ns)
    side.run = replace(run, silent_clients=run.silent_clients + more, silent_most_ns=most_ns)


def _acceptor_closing(side: SideDraft, event: AcceptorClosing) -> None:
    """A connection is accepted by no one meanwhile; what that has cost is known when it is over."""
    since_ns = side.acceptors.pop(event.pid, 0)
    if event.closing:
        side.acceptors[event.pid] = since_ns or event.t_ns
    elif since_ns:
        lasted_ns = max(0, event.t_ns - max(since_ns, side.run.requested_ns))
        most_ns = max(side.run.acceptor_most_ns, lasted_ns)
        side.run = replace(side.run, acceptor_ns=side.run.acceptor_ns + lasted_ns, acceptor_most_ns=most_ns)


def _judge_unsampled(side: SideDraft, worker: Worker, t_ns: int, cpu_ns: int | None) -> Worker:
    """Name a stretch in the app that ended before any sample saw it, by its CPU time where that is known.

    What it waited for is not: it is taken to be what most waits were for in the requests before it.
    """
    if cpu_ns is None or cpu_ns < 0 or worker.mark.t_ns > worker.since_ns:
        return worker
    if cpu_ns >= COMPUTES_FROM * (t_ns - worker.since_ns):
        activity = Activity.COMPUTING
    else:
        for_gil = (worker.tally.waits.gil_share or 0.0) > 0.5
        activity = Activity.WAITING_FOR_GIL if for_gil else Activity.BLOCKED
    return worker if activity is worker.activity else side.relabel(worker, activity)


def _ended(side: SideDraft, event: RequestEnded) -> None:
    gil_ns = -1
    if not side.is_loop:
        worker = side.worker(event)
        if worker is not None and worker.alive:
            gil_ns = _release(side, worker, event)
    elif event.req:
        _count_on_loop(side, event)
        loop = side.loops.get(event.pid)
        if loop is not None and loop.running == event.req:  # nobody looked when its last step ended
            side.loops[event.pid] = replace(loop, running=0, since_ns=event.t_ns, held=None)
        if event.req in side.run.left:
            left = {req: pid for req, pid in side.run.left.items() if req != event.req}
            side.run = replace(side.run, left=left)
    side.count_external(event.pid, event.req)
    before = side.request(event.req) if event.req else None
    if before is not None:
        side.keep(before, _with_end(before, event, gil_ns), event.ended_ns or event.t_ns)


def _over(side: SideDraft, event: RequestsOver) -> None:
    """Requests whose end was lost. How long they took is not known, so that they have no time any more."""

    def is_over(req: int, pid: int) -> bool:
        return pid == event.pid and req < 0 and event.low <= req < event.high

    external = side.ledger.publish().external.values()
    for request in [one for one in external if one.in_app and is_over(one.id, one.pid)]:
        after = replace(request, began_ns=0, ended_ns=event.t_ns, task=Task.DONE, since_ns=event.t_ns)
        side.keep(request, after, event.t_ns)
    for worker in [one for one in side.workers.values() if one.activity in BUSY and is_over(one.req, one.pid)]:
        side.turn(worker, Activity.IDLE, event.t_ns)


def _count_on_loop(side: SideDraft, event: RequestEnded) -> None:
    worker = side.workers.get((event.pid, 0))
    if worker is not None and event.req > 0 and side.of_this_run(event.req):
        side.put(replace(worker, tally=replace(worker.tally, requests=worker.tally.requests + 1)))


def _with_end(request: Request, event: RequestEnded, gil_ns: int) -> Request:
    """With all that the record repeats: it may be the first that is read of this request."""
    ended_ns = event.ended_ns or event.t_ns
    steps = request.steps
    if steps and not steps[-1].end_ns:
        steps = (*steps[:-1], replace(steps[-1], end_ns=ended_ns))
    calls = calls_until(request, ended_ns)
    return replace(
        request,
        began_ns=event.began_ns or request.began_ns or ended_ns,
        response_ns=event.response_ns or request.response_ns,
        returned_ns=event.returned_ns or request.returned_ns,
        ended_ns=ended_ns,
        released_ns=event.t_ns,
        app_status=event.status or request.app_status,
        raised=event.raised,
        cpu_ns=event.cpu_ns,
        gil_ns=gil_ns,
        pid=event.pid,
        slot=event.slot,
        calls=calls if not (calls.queued or calls.running) else replace(calls, queued=0, running=0),
        task=Task.FAILED if event.raised else Task.DONE,
        since_ns=ended_ns,
        steps=steps,
    )


def _release(side: SideDraft, worker: Worker, event: RequestEnded) -> int:
    """The slot is free. Between the app's end and that, the server wrote and closed. Gives how long the request has
    waited for the GIL (ns), -1 where that is not known."""
    req, ended_ns = event.req, event.ended_ns
    if not req and worker.req:  # of a connection without a request, from the sampler: the slot has gone on
        return -1
    if req and worker.req != req and worker.activity is not Activity.STOPPING:  # its beginning was lost
        worker = side.turn(worker, Activity.COMPUTING, event.began_ns or event.t_ns, req)
    if worker.activity in IN_APP:
        worker = _judge_unsampled(side, worker, ended_ns or event.t_ns, event.cpu_ns)
        if ended_ns and event.t_ns > ended_ns:
            worker = side.turn(worker, Activity.WRITING, ended_ns, req)
    tally = _tallied(side, worker, event)
    gil_ns = -1 if tally.waits.unknown else tally.gil_ns - worker.tally.gil_ns
    client = worker.client if worker.stopped_by else None  # it stays known what the worker was killed for
    worker = replace(worker, tally=tally, waits=WaitSamples(), iterating=False, paused_ns=0, client=client)
    if worker.activity in BUSY:
        side.turn(worker, Activity.IDLE, event.t_ns)
    else:
        side.put(replace(worker, req=0))
    return gil_ns


def _tallied(side: SideDraft, worker: Worker, event: RequestEnded) -> Tally:
    """The slot's totals with this request's, as far as its times lie in the present run."""
    tally, start_ns = worker.tally, side.run.requested_ns
    if not event.req:
        reading_ns = max(0, event.t_ns - max(worker.since_ns, start_ns)) if worker.busy else 0
        return replace(tally, reading_ns=tally.reading_ns + reading_ns)
    began_ns, ended_ns = max(event.began_ns, start_ns), max(event.ended_ns or event.t_ns, start_ns)
    in_app_ns = max(0, ended_ns - began_ns)
    paused_ns, cpu_ns = min(worker.paused_ns, in_app_ns), min(max(0, event.cpu_ns), in_app_ns)
    ours = side.of_this_run(event.req)
    return Tally(
        tally.requests + (ours and event.req > 0),
        tally.reading_ns,
        tally.app_ns + in_app_ns - paused_ns,
        tally.writing_ns + paused_ns + max(0, event.t_ns - ended_ns),
        tally.cpu_ns + cpu_ns,
        tally.first,
        tally.gil_ns + worker.gil_ns(in_app_ns - paused_ns, cpu_ns),
        tally.waits.plus(worker.waits),
        tally.runq_outside_ns,
        tally.gil_sampled_ns,
    )


HANDLERS: Handlers = {
    ConnectionAccepted: _accepted,
    RequestBegan: _began,
    ResponseStarted: _response_started,
    BodyReturned: _body_returned,
    ChunkWriting: _chunk_writing,
    BodyResumed: _body_resumed,
    ConnectionClosing: _closing,
    ClientSeen: _client_seen,
    AcceptorClosing: _acceptor_closing,
    RequestPeer: _peer,
    RequestEnded: _ended,
    RequestsOver: _over,
}
