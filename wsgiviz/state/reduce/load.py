"""What the load driver says: runs, and each request as its client sees it."""

from __future__ import annotations

from msgspec.structs import replace

from wsgiviz.events import (
    RUN_STRIDE,
    Connected,
    ConnectionClosed,
    ConnectionReused,
    DriverLate,
    DriverSampled,
    FirstByte,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RunEnded,
    RunGrew,
    RunStarted,
    WebSocketOpened,
    WebSocketsCounted,
)
from wsgiviz.state.ledger import Ledger, LedgerDraft
from wsgiviz.state.loop import LoopTally
from wsgiviz.state.reduce.draft import Handlers, SideDraft, counted
from wsgiviz.state.reduce.threads import reset_peaks
from wsgiviz.state.request import Request
from wsgiviz.state.run import DriverSample, Peak, Run
from wsgiviz.state.worker import Tally


def begin_run(
    side: SideDraft,
    number: int,
    planned: int,
    t_ns: int,
    calibration: bool = False,
    paths: tuple[tuple[int, str], ...] = (),
    websocket: bool = False,
) -> None:
    """A run's own fields begin anew. Workers, and external requests that they still hold, go on."""
    left = _left_on_loops(side)
    external = {request.id: request for request in side.ledger.publish().external.values() if not request.over}
    side.ledger = LedgerDraft(Ledger(external=external))
    side.run = Run(
        number,
        planned,
        calibration,
        paths,
        websocket,
        requested_ns=t_ns,
        external=len(external),
        in_app=len(external),
        in_app_peak=Peak(settled=len(external), highest=len(external)),
        overflows_before=side.server.overflows,
        deaths_before=side.server.deaths,
        earlier=len(left)
        + sum(worker.busy and 0 < worker.req < number * RUN_STRIDE for worker in side.workers.values()),
        left=left,
    )
    side.connections = {}
    side.workers = {
        key: replace(worker, tally=Tally(first=worker.sample)) for key, worker in side.workers.items() if worker.alive
    }
    reset_peaks(side)
    side.dead_loops = {}
    for pid, loop in side.loops.items():
        tally = LoopTally(
            first_selector_ns=loop.selector_ns, first_steps_ns=loop.steps_ns, first_beat_ns=loop.beat_ns
        )
        side.loops[pid] = replace(loop, tally=tally)


def _left_on_loops(side: SideDraft) -> dict[int, int]:
    """Requests of the run before, and of those before it, that loops still have: nothing stops a task whose client is
    gone. Workers' slots say by themselves what they hold."""
    if not side.is_loop:
        return {}
    ours = side.ledger.publish().ours()
    return {**side.run.left, **{request.id: request.pid for request in ours if request.in_app and request.pid}}


def _run_started(side: SideDraft, event: RunStarted) -> None:
    if event.run > side.run.number:  # nobody has said that it was asked for
        begin_run(side, event.run, event.planned, event.t_ns)
    if event.run == side.run.number:
        planned = max(event.planned, side.run.planned)
        side.run = replace(side.run, planned=planned, started_ns=event.start_ns or event.t_ns)


def _run_grew(side: SideDraft, event: RunGrew) -> None:
    if event.run == side.run.number:
        go_on(side, event.planned)
        added = side.run.added + max(0, event.planned - side.run.planned) if side.run.added else 0
        side.run = replace(side.run, planned=event.planned, added=added)


def go_on(side: SideDraft, planned: int) -> None:
    """If the run has ended: it goes on, until ``planned`` requests are through. Its totals stay those of its end."""
    run = side.run
    if run.ended_ns and planned > run.done:
        side.run = replace(run, planned=planned, ended_ns=0, added=run.added + planned - run.done)


def _sent(side: SideDraft, event: RequestSent) -> None:
    request = side.request(event.req)
    if request is None:
        return
    side.ledger.put(replace(request, planned_ns=event.planned_ns, sent_ns=event.t_ns))
    first_ns = side.run.first_planned_ns
    if not first_ns or event.planned_ns < first_ns:
        side.run = replace(side.run, first_planned_ns=event.planned_ns)


def _connected(side: SideDraft, event: Connected) -> None:
    before = side.request(event.req)
    if before is None:
        return
    request = replace(before, connected_ns=event.t_ns, port=event.port, reused=False)
    if side.is_loop and event.port:
        side.connected(request)
    else:
        side.ledger.put(request)
    found = side.run.connections
    opened = found.open + 1
    connections = replace(
        found,
        made=found.made + 1,
        open=opened,
        most_open=max(found.most_open, opened),
        reused=found.reused - before.reused,  # the server had closed that one, and its client tries again
    )
    side.run = replace(side.run, connections=connections)


def _reused(side: SideDraft, event: ConnectionReused) -> None:
    request = side.request(event.req)
    if request is not None:
        side.ledger.put(replace(request, connected_ns=event.connected_ns, port=event.port, reused=True))
        found = side.run.connections
        side.run = replace(side.run, connections=replace(found, reused=found.reused + 1))


def _closed(side: SideDraft, event: ConnectionClosed) -> None:
    found = side.run.connections
    connections = replace(
        found,
        open=max(0, found.open - 1),
        closed_by_server=found.closed_by_server + bool(event.by_server),
        most_answered=max(found.most_answered, event.answered),
    )
    side.run = replace(side.run, connections=connections)


def _first_byte(side: SideDraft, event: FirstByte) -> None:
    request = side.request(event.req)
    if request is not None:
        side.ledger.put(replace(request, first_byte_ns=event.t_ns))


def _received(side: SideDraft, event: ResponseReceived) -> None:
    before = side.request(event.req)
    if before is None or before.finished:
        return
    side.ledger.put(replace(before, received_ns=event.t_ns, status=event.status, location=event.location))
    run, location = side.run, event.location
    side.run = replace(
        run,
        completed=run.completed + 1,
        bad_status=run.bad_status + (event.status >= 400),
        statuses={**run.statuses, event.status: run.statuses.get(event.status, 0) + 1},
        redirects=counted(run.redirects, f"{event.status} {location}") if location else run.redirects,
        last_finished_ns=_last_finished_ns(run, event.t_ns),
        added_completed=run.added_completed + bool(run.added),
    )
    _count_websocket(side, before, normally=True)


def _failed(side: SideDraft, event: RequestFailed) -> None:
    before = side.request(event.req)
    if before is None or before.finished:
        return
    side.keep(before, replace(before, failed_ns=event.t_ns, error=event.error), event.t_ns)
    run = side.run
    side.run = replace(
        run,
        failed=run.failed + 1,
        errors={**run.errors, event.error: run.errors.get(event.error, 0) + 1},
        last_finished_ns=_last_finished_ns(run, event.t_ns),
    )
    _count_websocket(side, before, normally=False)


def _last_finished_ns(run: Run, t_ns: int) -> int:
    """Of the requests that the run's total is about."""
    return run.last_finished_ns if run.added else max(run.last_finished_ns, t_ns)


def _websocket_opened(side: SideDraft, event: WebSocketOpened) -> None:
    request = side.request(event.req)
    if request is None or request.opened_ns:
        return
    side.ledger.put(replace(request, opened_ns=event.t_ns))
    found = side.run.websockets
    now_open = found.open + 1
    most_open = max(found.most_open, now_open)
    websockets = replace(found, opened=found.opened + 1, open=now_open, most_open=most_open)
    side.run = replace(side.run, websockets=websockets)


def _count_websocket(side: SideDraft, request: Request, normally: bool) -> None:
    """One that was open is not any more."""
    if request.opened_ns:
        found = side.run.websockets
        closed = found.closed_normally + normally
        side.run = replace(side.run, websockets=replace(found, open=found.open - 1, closed_normally=closed))


def _websockets_counted(side: SideDraft, event: WebSocketsCounted) -> None:
    counts = {"messages": event.messages, "pings_answered": event.pings_answered}
    side.run = replace(side.run, websockets=replace(side.run.websockets, **counts))


def _run_ended(side: SideDraft, event: RunEnded) -> None:
    if event.run == side.run.number:
        side.run = replace(side.run, ended_ns=event.t_ns, cancelled=side.run.cancelled or bool(event.cancelled))


def _driver_late(side: SideDraft, event: DriverLate) -> None:
    latest = max(side.run.max_driver_late_ns, event.late_ns)
    side.run = replace(side.run, driver_late_ns=event.late_ns, max_driver_late_ns=latest)


def _driver_sampled(side: SideDraft, event: DriverSampled) -> None:
    sample = DriverSample(event.t_ns, event.cpu_ns, event.runq_ns)
    first = side.run.driver_first if side.run.driver_first.t_ns else sample
    side.run = replace(side.run, driver_first=first, driver=sample)


HANDLERS: Handlers = {
    RunStarted: _run_started,
    RunGrew: _run_grew,
    RequestSent: _sent,
    Connected: _connected,
    ConnectionReused: _reused,
    ConnectionClosed: _closed,
    WebSocketOpened: _websocket_opened,
    WebSocketsCounted: _websockets_counted,
    FirstByte: _first_byte,
    ResponseReceived: _received,
    RequestFailed: _failed,
    RunEnded: _run_ended,
    DriverLate: _driver_late,
    DriverSampled: _driver_sampled,
}
