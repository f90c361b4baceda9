"""What a request on a loop is doing: its steps, and the tasks that work for it."""

from __future__ import annotations

from time import monotonic_ns
from types import FrameType
from typing import Any

from wsgiviz.events import Kind
from wsgiviz.probe.places import awaiting
from wsgiviz.recorder.ring import Write

TASK_RUN, TASK_WAIT, TASK_READY = map(int, (Kind.TASK_RUN, Kind.TASK_WAIT, Kind.TASK_READY))
CHILDREN = int(Kind.CHILDREN)


class Doing:
    """One request on a loop, and all tasks that work for it. ``step`` counts: odd while a step runs, even between."""

    __slots__ = ("alive", "began_ns", "open", "ready", "req", "started", "step", "work", "write")

    def __init__(self, req: int, write: Write, work: Any) -> None:
        self.req = req
        self.write = write
        self.work = work
        self.step = 0
        self.began_ns = 0
        self.ready = 0  # its tasks that could go on, were the loop theirs
        self.alive = self.started = 0  # tasks beside its own
        self.open = True

    def runs(self) -> None:
        """A step begins."""
        self.began_ns = began = monotonic_ns()
        self.step += 1
        if self.open:
            self.write(TASK_RUN, self.req, 0, 0, b"", 0, began)

    def ran(self) -> None:
        """A step has ended."""
        now = monotonic_ns()
        self.step += 1
        if self.open:
            self.write(TASK_WAIT, self.req, 0, now - self.began_ns, b"", 0, now)
            if self.ready:
                self.write(TASK_READY, self.req, 0, 0, b"", 0, now)

    def frames(self) -> list[FrameType]:
        """While it waits: the frames of its coroutine and of all that it awaits, innermost first."""
        return awaiting(self.work)

    def counted(self, by: int) -> None:
        """A task more, or one less."""
        self.alive += by
        self.started += by > 0
        if self.open:
            self.write(CHILDREN, self.req, self.alive, self.started)
