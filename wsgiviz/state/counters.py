"""What samples of a thread say: the kernel's counters, and how often it was found waiting, and for what."""

from __future__ import annotations

from msgspec import Struct

WAITS_FOR_GIL = "G"
"""The letter of a thread that sleeps until it gets the interpreter lock, beside those of proc(5)."""

SLEEPS = "s"
"""The letter of one that sleeps, where the kernel does not let us know whether for the interpreter lock."""


class Counters(Struct, frozen=True, gc=False):
    """Of the thread that is a worker's slot, cumulative since its start (schedstat and stat of proc(5)).

    ``letter``: the thread's state as in stat, or WAITS_FOR_GIL or SLEEPS in place of its S.
    """

    t_ns: int = 0
    cpu_ns: int = 0
    runq_ns: int = 0
    letter: str = ""
    slept: int = -1  # how often it has gone to sleep (voluntary_ctxt_switches of status); -1 where not known
    preempted: int = -1  # how often it has lost its CPU otherwise (nonvoluntary_ctxt_switches)


class WaitSamples(Struct, frozen=True, gc=False):
    """How often samples have found a slot waiting inside the app, and for what."""

    gil: int = 0
    blocked: int = 0
    unknown: int = 0  # for the one or the other; they are among the blocked
    runq_ns: int = 0  # runnable and without a CPU, but for stretches at whose end it waited for the GIL

    def plus(self, other: WaitSamples) -> WaitSamples:
        return WaitSamples(
            self.gil + other.gil,
            self.blocked + other.blocked,
            self.unknown + other.unknown,
            self.runq_ns + other.runq_ns,
        )

    @property
    def gil_share(self) -> float | None:
        """Of these waits; None when no sample has seen one."""
        seen = self.gil + self.blocked
        return self.gil / seen if seen else None
