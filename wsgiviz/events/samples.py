"""What the viewer adds: the kernel's counters, and what was lost."""

from __future__ import annotations

from wsgiviz.events.event import Event


class ThreadSampled(Event, frozen=True, tag=60):
    """Counters of the thread that is ``slot``: CPU time, time on the run queue, the state letter of proc(5), and, of
    one that runs or waits for the GIL, how often it has gone to sleep and how often it has lost its CPU otherwise (-1
    where not known)."""

    slot: int
    cpu_ns: int
    runq_ns: int
    letter: str
    slept: int = -1
    preempted: int = -1


class CallSampled(Event, frozen=True, tag=103):
    """The same of the thread ``thread_id`` (its native id), which works for a request on a loop."""

    req: int
    thread_id: int
    cpu_ns: int
    runq_ns: int
    letter: str
    slept: int = -1
    preempted: int = -1


class QueueSampled(Event, frozen=True, tag=61):
    """``depth`` of the accept queue, and its ``limit``."""

    depth: int
    limit: int


class ProcessSampled(Event, frozen=True, tag=62):
    """Resident set, and CPU use in per mille of a core."""

    rss_bytes: int
    cpu_permille: int


class EventsLost(Event, frozen=True, tag=63):
    """``count`` events of this process were overwritten or torn before they could be read."""

    count: int


class OverflowsSampled(Event, frozen=True, tag=64):
    """Connections that full accept queues of this machine have turned away since it booted (ListenOverflows)."""

    total: int


class SelfCallsSampled(Event, frozen=True, tag=69):
    """The worker has ``connections`` to the server that it belongs to, as its client. Emitted when that changes."""

    connections: int
