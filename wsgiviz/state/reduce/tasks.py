"""A request on an event loop, and the loop itself."""

from __future__ import annotations

from msgspec.structs import replace

from wsgiviz.events import BEAT_NS, ChildTasks, LoopBeat, LoopHeld, StepBegan, StepEnded, TaskReady
from wsgiviz.state.activity import IN_POOLS, Task
from wsgiviz.state.calls import NO_CALLS, Calls
from wsgiviz.state.loop import Hold, Loop
from wsgiviz.state.reduce.draft import Handlers, SideDraft
from wsgiviz.state.reduce.lines import location
from wsgiviz.state.request import STEPS_KEPT, Request, Step


def _step_began(side: SideDraft, event: StepBegan) -> None:
    _step(side, event.req, event.t_ns, Task.RUNNING, 0)
    loop = side.loops.get(event.pid) or Loop(event.pid)
    side.loops[event.pid] = replace(loop, running=event.req, since_ns=event.t_ns)


def _step_ended(side: SideDraft, event: StepEnded) -> None:
    _step(side, event.req, event.t_ns, Task.AWAITING, event.held_ns)
    loop = side.loops.get(event.pid) or Loop(event.pid)
    tally, held_ns = loop.tally, event.held_ns
    if held_ns > tally.longest_step_ns:
        tally = replace(tally, longest_step_ns=held_ns, longest_step_req=event.req)
    steps_ns = loop.steps_ns + held_ns
    side.loops[event.pid] = replace(loop, running=0, since_ns=event.t_ns, steps_ns=steps_ns, held=None, tally=tally)


def _task_ready(side: SideDraft, event: TaskReady) -> None:
    _step(side, event.req, event.t_ns, Task.READY, 0)


def _step(side: SideDraft, req: int, t_ns: int, task: Task, held_ns: int) -> None:
    request = side.ledger.get(req)
    if request is None:
        return
    if task is Task.AWAITING and request.calls is not NO_CALLS:
        task = request.off_loop
    changed = turned(request, task, t_ns, held_ns)
    if task is Task.RUNNING and request.where is not None:
        changed = gone_on(changed, t_ns)
    side.ledger.put(changed)


def turned(request: Request, task: Task, t_ns: int, held_ns: int = 0) -> Request:
    """From ``t_ns`` on it does something else; the step that is over has held the loop for ``held_ns``."""
    steps = request.steps
    if steps and not steps[-1].end_ns:
        last, steps = steps[-1], steps[1 - STEPS_KEPT : -1]
        if last.start_ns != t_ns:  # a bare yield is ready at once
            steps = (*steps, Step(last.start_ns, t_ns, last.task))
    ended = bool(request.ended_ns)
    if not ended:
        steps = (*steps, Step(t_ns, 0, task))
    return replace(
        request,
        steps=steps,
        calls=request.calls if request.calls is NO_CALLS else calls_until(request, t_ns),
        task=request.task if ended else task,
        since_ns=t_ns,
        run_ns=request.run_ns + held_ns,
    )


def calls_until(request: Request, t_ns: int) -> Calls:
    """Its calls, with the time until ``t_ns`` if a thread or process was at one, or it waited for such."""
    if request.task not in IN_POOLS:
        return request.calls
    return request.calls.after(request.task, max(0, t_ns - request.since_ns))


def gone_on(request: Request, t_ns: int) -> Request:
    """It is at the line that it was seen at no more."""
    stays = request.stays
    if stays and not stays[-1].until_ns:
        stays = (*stays[:-1], replace(stays[-1], until_ns=t_ns))
    return replace(request, where=None, within=None, stays=stays)


def _loop_beat(side: SideDraft, event: LoopBeat) -> None:
    loop = side.loops.get(event.pid) or Loop(event.pid)
    tally = loop.tally
    anew = event.selector_ns >= 0 and not 0 <= loop.selector_ns <= event.selector_ns  # its clock was not always read
    if not tally.first_beat_ns or anew:
        tally = replace(tally, first_selector_ns=event.selector_ns, first_beat_ns=event.t_ns)
    if event.late_ns > tally.max_lag_ns:
        tally = replace(tally, max_lag_ns=event.late_ns)
    side.loops[event.pid] = replace(
        loop,
        lag_ns=event.late_ns,
        selector_ns=event.selector_ns,
        beat_ns=event.t_ns,
        beat_steps_ns=loop.steps_ns,
        every_ns=event.every_ns if event.every_ns > 0 else BEAT_NS,
        held=None,
        tally=tally,
    )


def _loop_held(side: SideDraft, event: LoopHeld) -> None:
    """By how much the heartbeat is late is known too: it may never come."""
    loop = side.loops.get(event.pid) or Loop(event.pid)
    tally, longest, held_ns = loop.tally, loop.tally.longest_hold, event.held_ns
    if not event.req and loop.since_ns:  # no request's: then it began after the last step of one
        held_ns = min(held_ns, max(0, event.t_ns - loop.since_ns))
    hold, where = loop.held, location(event.where, event.line)
    if hold is not None and hold.req == event.req and hold.held_ns <= held_ns:
        hold = hold.again(held_ns, where)
    else:
        hold = Hold(event.req, held_ns, where, where, 1)
    if longest is None or hold.held_ns > longest.held_ns:
        tally = replace(tally, longest_hold=hold)
    late_ns = event.t_ns - loop.beat_ns - loop.every_ns if loop.beat_ns else 0
    if late_ns > tally.max_lag_ns:
        tally = replace(tally, max_lag_ns=late_ns)
    side.loops[event.pid] = replace(loop, held=hold, tally=tally)


def _child_tasks(side: SideDraft, event: ChildTasks) -> None:
    request = side.ledger.get(event.req)
    if request is not None:
        side.ledger.put(replace(request, children=event.alive, children_started=event.started))


HANDLERS: Handlers = {
    StepBegan: _step_began,
    StepEnded: _step_ended,
    TaskReady: _task_ready,
    LoopBeat: _loop_beat,
    LoopHeld: _loop_held,
    ChildTasks: _child_tasks,
}
