"""A request on an event loop, and the loop itself."""

from __future__ import annotations

from msgspec.structs import replace

from wsgiviz.events import Event, Kind
from wsgiviz.model.folding.fold import Fold, Handlers
from wsgiviz.model.state import STEPS_KEPT, Loop, Step, Task


def _task_run(fold: Fold, event: Event) -> None:
    _step(fold, event, Task.RUNNING)
    loop = fold.loops.get(event.pid) or Loop(event.pid)
    fold.loops[event.pid] = replace(loop, running=event.req, since_ns=event.t_ns)


def _task_wait(fold: Fold, event: Event) -> None:
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


def _task_ready(fold: Fold, event: Event) -> None:
    _step(fold, event, Task.READY)


def _step(fold: Fold, event: Event, task: Task) -> None:
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


def _loop_beat(fold: Fold, event: Event) -> None:
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


HANDLERS: Handlers = {
    Kind.TASK_RUN: _task_run,
    Kind.TASK_WAIT: _task_wait,
    Kind.TASK_READY: _task_ready,
    Kind.LOOP_BEAT: _loop_beat,
}
