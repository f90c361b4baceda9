"""A request on an event loop: its steps, and the tasks that work for it."""

from __future__ import annotations

from contextvars import ContextVar
from time import monotonic_ns
from types import FrameType
from typing import TYPE_CHECKING, Any

from wsgiviz.probe.client import written
from wsgiviz.probe.source_lines import awaiting, waits_for
from wsgiviz.recorder.emitter import Emitter

if TYPE_CHECKING:
    from wsgiviz.probe.pool_call import ThreadCall


STEADY = 3
"""So often the sampler's thread tries to catch a request between two of its steps."""


class LoopRequest:
    """One request on a loop, and all tasks that work for it. ``work`` is its coroutine.

    ``step`` counts: odd while a step runs, even between. ``ready`` is how many of its tasks could go on, were the
    loop theirs; ``alive`` and ``started`` are tasks beside its own, and ``tasks`` those that live, by their
    coroutines; ``calls`` are those that it has in threads, or waits for a thread with. ``about`` knows what has been
    emitted of it: its target, when it was accepted and began, its status, and when that came. Nothing is emitted
    when it is not ``open``.
    """

    __slots__ = (
        "about",
        "alive",
        "calls",
        "emit",
        "open",
        "ready",
        "req",
        "started",
        "step",
        "step_ns",
        "tasks",
        "work",
    )

    def __init__(self, req: int, emit: Emitter, work: Any, about: Any = None) -> None:
        self.about = about
        self.req = req
        self.emit = emit
        self.work = work
        self.step = self.step_ns = 0
        self.ready = self.alive = self.started = 0
        self.calls: list[ThreadCall] = []
        self.tasks: dict[Any, Any] = {}
        self.open = True

    def begin_step(self) -> None:
        """A step begins: it holds the loop."""
        self.step_ns = began_ns = monotonic_ns()
        self.step += 1
        if self.open:
            self.emit.step_began(self.req, began_ns)

    def end_step(self) -> None:
        """A step has ended."""
        now = monotonic_ns()
        held_ns, self.step_ns = now - self.step_ns, now
        self.step += 1
        if self.open:
            self.emit.step_ended(self.req, held_ns, now)
            if self.ready:
                self.emit.task_ready(self.req, now)

    def announce(self) -> None:
        """Emit again, from another thread, what it is and how far it has come."""
        about, emit, req = self.about, self.emit, self.req
        if about is None:
            return
        emit.request_began(0, req, about.accepted_ns, 0, about.target, about.began_ns)
        self.emit_peer()
        if about.response_ns:
            emit.response_started(0, req, about.status, about.response_ns)
        if not emit.detailed:
            return
        if self.started:
            emit.child_tasks(req, self.alive, self.started)
        calls = list(self.calls)
        running = sum(bool(call.thread) or getattr(call, "begun", False) for call in calls)
        if calls:
            emit.calls_counted(calls[0].pool.number, req, len(calls) - running, running)
        for _ in range(STEADY):
            step = self.step
            self._announce_step(step, self.step_ns)
            if self.step == step:
                break

    def emit_peer(self) -> None:
        """From another thread: whose external request it is."""
        address = written(self.about.client) if self.about is not None and self.req < 0 else b""
        if address:
            self.emit.request_peer(self.req, address)

    def _announce_step(self, step: int, since_ns: int) -> None:
        if not self.open or not step:
            return
        if step & 1:
            self.emit.step_began(self.req, since_ns)
            return
        self.emit.step_ended(self.req, 0, since_ns)
        if self.ready:
            self.emit.task_ready(self.req)

    def frames(self) -> list[FrameType]:
        """While it waits: the frames of its coroutine and of all that it awaits, innermost first."""
        return awaiting(self.work)

    def call(self) -> ThreadCall | None:
        """What it has in a thread, or else what waits for one; of several the oldest."""
        if not self.calls:
            return None
        calls = list(self.calls)
        return next((call for call in calls if call.thread), calls[0] if calls else None)

    def waits_for(self) -> Any:
        """While it waits: what the innermost of these awaits."""
        return waits_for(self.work)

    def count_tasks(self, by: int) -> None:
        """One task more, or one less."""
        self.alive += by
        self.started += by > 0
        if self.open:
            self.emit.child_tasks(self.req, self.alive, self.started)


CURRENT: ContextVar[LoopRequest | None] = ContextVar("wsgiviz_request", default=None)
"""For whom a task is at work: tasks that a request starts inherit it with the context."""
