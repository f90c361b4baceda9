"""What load driver and servers take of the CPU: a driver at its limit measures itself. Pure."""

from __future__ import annotations

from msgspec import Struct

from wsgiviz.state import Run, Side

SHORTEST_NS = 100_000_000
"""What was sampled over less time says nothing."""


class CpuLoad(Struct, frozen=True):
    """On a CPU, and runnable and waiting for one, in cores (1.0: all of the time). None where nobody knows."""

    cpu: float | None = None
    waiting: float | None = None

    @property
    def busy(self) -> float | None:
        """Both together: a thread that is near 1 has no time left."""
        return None if self.cpu is None else min(1.0, self.cpu + (self.waiting or 0.0))


def driver_load(run: Run) -> CpuLoad:
    """Of the driver's thread, between the first and the newest sample of a run; each between 0 and 1."""
    first, last = run.driver_first, run.driver
    elapsed_ns = last.t_ns - first.t_ns
    if not first.t_ns or elapsed_ns < SHORTEST_NS:
        return CpuLoad()
    known = first.runq_ns >= 0 and last.runq_ns >= 0
    return CpuLoad(
        cpu=_share(last.cpu_ns - first.cpu_ns, elapsed_ns),
        waiting=_share(last.runq_ns - first.runq_ns, elapsed_ns) if known else None,
    )


def servers_load(side: Side) -> CpuLoad:
    """Of a side's workers, or threads, together."""
    sampled = [worker for worker in side.server.workers.values() if worker.tally.first.t_ns and worker.sample.t_ns]
    run = side.run
    elapsed_ns = (run.last_finished_ns if run.ended_ns else run.driver.t_ns) - run.started_ns
    if not sampled or elapsed_ns <= 0:
        return CpuLoad()
    cpu_ns = sum(max(0, worker.sample.cpu_ns - worker.tally.first.cpu_ns) for worker in sampled)
    runq_ns = sum(max(0, worker.sample.runq_ns - worker.tally.first.runq_ns) for worker in sampled)
    return CpuLoad(cpu_ns / elapsed_ns, runq_ns / elapsed_ns)


def _share(part_ns: int, whole_ns: int) -> float:
    return min(1.0, max(0, part_ns) / whole_ns)
