"""What a pane is given to show: one side of the state, and the window of time to show it in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

from wsgiviz.analysis import metrics
from wsgiviz.analysis.loop_times import occupied
from wsgiviz.state import Activity, Request, Side, Task, Worker
from wsgiviz.tui.render.chart import TENTH_NS
from wsgiviz.tui.render.glyphs import UNICODE, Glyphs

if TYPE_CHECKING:
    from wsgiviz.analysis.session_runs import Ghost
    from wsgiviz.analysis.theory import Prediction


ON_LOOP = (
    Task.RUNNING,
    Task.READY,
    Task.AWAITING,
    Task.IN_THREAD,
    Task.THREAD_COMPUTES,
    Task.THREAD_FOR_GIL,
    Task.FOR_THREAD,
    Task.IN_PROCESS,
    Task.FOR_PROCESS,
    Activity.READING,
)
"""What a request does that a loop has taken up, in the order of a bar."""


@dataclass(frozen=True)
class PaneView:
    """All that a pane shows. Times are CLOCK_MONOTONIC nanoseconds; both panes share the axis. Make one a frame."""

    side: Side
    title: str
    """"gunicorn sync, 4 workers"."""
    now_ns: int
    start_ns: int
    """Left edge of the time axis."""
    end_ns: int
    """Right edge of the time axis."""
    prediction: Prediction | None = None
    foretell: bool = True
    """False where a person predicts: that there is no prediction is not said then."""
    makespan_s: float | None = None
    """Measured, once the run is over."""
    glyphs: Glyphs = UNICODE
    zero_ns: int = 0
    """The time that the axis calls 0 s; 0 for the left edge."""
    followed: int = 0
    """The request whose marks stand out; 0 for none."""
    timed_s: float | None = None
    """After so many seconds the run ends, and not with a number of requests."""
    by_request: bool = False
    """Lanes are requests on every kind of server, and not workers."""
    beside: Side | None = None
    """The side of the other pane; None where there is only one."""
    at_once: int = 0
    """So many requests there are at once, at most."""
    wanted: int = 0
    """So many lanes are to be seen at once, if that can be."""
    stage: bool = False
    """For a room: large, and no statistics."""
    faster: float = 0.0
    """So many times faster than the other side was this one, once both are done; 0 where it was not."""
    rival: str = ""
    """The other side's name, where that is so."""
    twin: bool = False
    """The other side speaks the same protocol: the kind of server tells them apart."""
    badge: str = ""
    """What the side is called on stage, where neither its protocol nor its server tells it from the other."""
    ghost: Ghost | None = None
    """The same side in the run before, where that can be compared."""
    attached: bool = False
    """The server is somebody else's: there are no runs, and nothing is predicted."""
    scroll: int = 0
    """Lanes scrolled out at the top."""

    def at(self, now_ns: int) -> Self:
        """The same at another time."""
        cached = ("tasks", "not_begun", "occupied", "computing")  # which follow from it
        return self._with({name: value for name, value in self.__dict__.items() if name not in cached}, now_ns=now_ns)

    def of(self, side: Side) -> Self:
        """The same of another side."""
        return self._with({name: self.__dict__[name] for name in self.__dataclass_fields__}, side=side)

    def _with(self, kept: Mapping[str, object], **changed: object) -> Self:
        """`dataclasses.replace` takes as long as a lane."""
        other = object.__new__(type(self))
        other.__dict__.update(kept, **changed)
        return other

    @cached_property
    def living(self) -> list[Worker]:
        return self.side.server.living()

    @cached_property
    def in_flight(self) -> list[Request]:
        """The requests with which client or app are not through."""
        return self.side.ledger.in_flight()

    @cached_property
    def tasks(self) -> dict[str, int]:
        """How many requests a loop has taken up, by what they do: running, ready, awaiting, in threads."""
        found = [request for request in self.in_flight if not request.ended_ns]
        counts: Counter[str] = Counter([request.task for request in found])
        for request in found:
            if not request.began_ns and self.reads(request):
                counts[request.task] -= 1
                counts[Activity.READING] += 1
        return {task: counts[task] for task in ON_LOOP}

    @cached_property
    def not_begun(self) -> int:
        """How many requests a loop has accepted and has not begun with, since it does something else."""
        outside = [one for one in self.in_flight if one.task is Task.READY and not (one.began_ns or one.finished)]
        return sum(not self.reads(one) for one in outside) if self.side.is_loop else 0

    def slot_of(self, request: Request) -> Worker | None:
        """The worker or thread that has it at present; on a loop none has."""
        if not request.pid:
            return self.reader_of(request)
        worker = self.side.server.workers.get((request.pid, request.slot)) if request.pid else None
        held = worker is not None and worker.req == request.id and worker.busy and not self.side.is_loop
        return worker if held else None

    def reader_of(self, request: Request) -> Worker | None:
        """The worker or thread that reads it, and has not got all of it: it knows who its client is, and no more."""
        return None if request.pid or request.finished else self.readers.get(request.port)

    @cached_property
    def readers(self) -> dict[int, Worker]:
        """Slots that read what their clients still send, by the clients' ports."""
        if self.side.is_loop:
            return {}
        reading = [one for one in self.living if one.activity is Activity.READING and one.client]
        ports = ((one.client.address.rpartition(":")[2], one) for one in reading if one.client is not None)
        return {int(port): one for port, one in ports if port.isdecimal() and int(port)}

    def task_of(self, request: Request) -> str:
        """What it does, or that it is still being read."""
        return Activity.READING if self.reads(request) else request.task

    def reads(self, request: Request) -> bool:
        """Its loop has accepted it, and has nothing to do but to read what its client still sends."""
        if not self.side.is_loop or not request.accepted_ns or request.began_ns or request.finished:
            return False
        return request.pid not in self.occupied

    @cached_property
    def occupied(self) -> frozenset[int]:
        """The processes whose loops keep what they have accepted waiting."""
        return occupied(self.side, self.now_ns)

    @cached_property
    def computing(self) -> frozenset[int]:
        """The processes whose loops compute while they are held; those of others are blocked."""
        return metrics.computing_loops(self.side, self.now_ns)

    @property
    def tenth(self) -> tuple[int, int]:
        """In which tenth of a second of the axis it is, as figures are rounded; and when a tenth begins."""
        begins_ns = self.origin_ns - TENTH_NS // 2
        return (self.now_ns - begins_ns) // TENTH_NS, begins_ns

    @property
    def ghost_ns(self) -> int:
        """When this run would end if it took as long as the one before; 0 without one."""
        started_ns = self.side.run.started_ns
        return started_ns + self.ghost.total_ns if self.ghost is not None and started_ns else 0

    @property
    def origin_ns(self) -> int:
        return self.zero_ns or self.start_ns
