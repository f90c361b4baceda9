"""What a thread has mostly done between two samples of it: by the CPU and run-queue time that passed, and by what it
does at the second one."""

from __future__ import annotations

from wsgiviz.state.activity import Activity
from wsgiviz.state.counters import SLEEPS, WAITS_FOR_GIL, Counters, WaitSamples

COMPUTES_FROM = 0.5
"""From this share of a stretch on the CPU (or runnable) on, the stretch counts as computing."""

SHORTEST_STRETCH_NS = 2_000_000
"""Below this, the kernel's CPU counters are too coarse for a share; the thread's state letter decides."""


def done_between(mark: Counters, sample: Counters) -> Activity | None:
    """Computing, blocked, or waiting for the GIL; None where it waited for most of the time, and runs now: for what
    it waited then, other samples have to say.

    Who waited for the GIL at the mark has stood on the run queue to ask for that, and not to compute.
    """
    elapsed_ns, active_ns = sample.t_ns - mark.t_ns, sample.cpu_ns - mark.cpu_ns
    if elapsed_ns < SHORTEST_STRETCH_NS:
        return Activity.COMPUTING if sample.letter == "R" else wait_of(sample)
    if active_ns >= COMPUTES_FROM * elapsed_ns:
        return Activity.COMPUTING
    for_gil = WAITS_FOR_GIL in (sample.letter, mark.letter)
    if not for_gil and active_ns + queued_between(mark, sample) >= COMPUTES_FROM * elapsed_ns:
        return Activity.COMPUTING
    return wait_of(sample) if sample.letter != "R" else None


def queued_between(mark: Counters, sample: Counters) -> int:
    """For how long it stood on the run queue (ns)."""
    return min(sample.t_ns - mark.t_ns, max(0, sample.runq_ns - mark.runq_ns))


def wait_of(sample: Counters) -> Activity:
    return Activity.WAITING_FOR_GIL if sample.letter == WAITS_FOR_GIL else Activity.BLOCKED


def seen_in(letter: str, runq_ns: int) -> WaitSamples:
    """What one sample saw. Who waits for the GIL wakes up often to ask for it: its time on the run queue is part of
    that wait, and no work."""
    if letter == WAITS_FOR_GIL:
        return WaitSamples(gil=1)
    if letter == "R":
        return WaitSamples(runq_ns=runq_ns)
    return WaitSamples(blocked=1, unknown=letter == SLEEPS, runq_ns=runq_ns)
