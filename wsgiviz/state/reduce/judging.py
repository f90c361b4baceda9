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
    it waited then, other samples have to say."""
    elapsed_ns, active_ns = sample.t_ns - mark.t_ns, sample.cpu_ns - mark.cpu_ns
    if elapsed_ns < SHORTEST_STRETCH_NS:
        return Activity.COMPUTING if sample.letter == "R" else wait_of(sample)
    if active_ns >= COMPUTES_FROM * elapsed_ns:
        return Activity.COMPUTING
    if mark.letter == sample.letter == "R" and 0 <= mark.slept == sample.slept:
        return Activity.COMPUTING  # it never slept: the kernel adds a wait for a CPU to its figures when that is over
    if active_ns + _queued_to_compute(mark, sample) >= COMPUTES_FROM * elapsed_ns:
        return Activity.COMPUTING
    return wait_of(sample) if sample.letter != "R" else None


ASKS_EVERY_NS = 5_000_000
"""Who waits for the GIL sleeps so long, then asks for it again (sys.getswitchinterval)."""


def _queued_to_compute(mark: Counters, sample: Counters) -> float:
    """Of the time on the run queue, that which was not spent on the way to ask for the GIL.

    Who waits for it wakes up every 5 ms to ask, and runs for some microseconds: it is never preempted. Who computes
    hardly sleeps. So each wait for a CPU counts as what it followed: a preemption, or a sleep. The kernel adds a wait
    to its figures when that is over; of who stands in line now, it is what so many sleeps do not explain.
    """
    queued_ns, for_gil = queued_between(mark, sample), WAITS_FOR_GIL in (mark.letter, sample.letter)
    slept, preempted = sample.slept - mark.slept, sample.preempted - mark.preempted
    if min(mark.slept, sample.slept, slept, preempted) < 0:
        return 0 if for_gil else queued_ns
    asleep_ns = (slept + (mark.letter == WAITS_FOR_GIL)) * ASKS_EVERY_NS
    unexplained_ns = sample.t_ns - mark.t_ns - (sample.cpu_ns - mark.cpu_ns) - queued_ns - asleep_ns
    in_line_ns = max(0, unexplained_ns) if sample.letter == "R" else 0
    share = preempted / max(1, preempted + slept)
    return (queued_ns + in_line_ns) * share if for_gil else queued_ns + in_line_ns * share


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
