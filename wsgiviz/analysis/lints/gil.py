"""A lint of workers whose threads wait for each other's interpreter lock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from wsgiviz.analysis import metrics
from wsgiviz.analysis.lints import seen, wording
from wsgiviz.analysis.lints.context import SETTLED_NS, LintContext
from wsgiviz.analysis.lints.lint import Lint
from wsgiviz.analysis.pools import in_threads
from wsgiviz.state import Side, Worker

SHARE = 0.1
"""From this share of their busy time on, a process's threads have waited enough for the GIL to say so."""


COMPUTES_FROM = 0.25
"""Threads that had less of a core than this did not keep each other waiting: who had the lock lacked a core."""


class Waited(Struct, frozen=True):
    """How long the slots of some processes have waited for the GIL, been busy, been runnable without a core, and
    been on one (None: nobody knows)."""

    seconds: float = 0.0
    busy_s: float = 0.0
    no_core_s: float = 0.0
    cpu_s: float | None = None

    def plus(self, seconds: float, busy_s: float) -> Waited:
        return Waited(self.seconds + seconds, self.busy_s + busy_s)

    def is_much(self, elapsed_s: float) -> bool:
        """A part of their busy time and of the run. Threads that compete for the lock wait longer for it than for a
        core, however busy the machine is; those that do not, wait for somebody who has the lock and no core."""
        enough = self.seconds * 1e9 >= SETTLED_NS and self.seconds >= SHARE * max(self.busy_s, elapsed_s)
        computed = self.cpu_s is None or self.cpu_s >= max(SETTLED_NS / 1e9, COMPUTES_FROM * elapsed_s)
        return enough and computed and self.seconds > self.no_core_s


def _contention(context: LintContext, side: Side) -> str | None:
    if side.is_loop:
        return _of_loops(context, side)
    now = {worker.pid for worker in side.server.living() if seen.lacked_gil(worker, context.now_ns)}
    if not (now or side.run.ended_ns):
        return None
    elapsed_s = metrics.elapsed_ns(side, context.now_ns) / 1e9
    waited = {pid: each for pid, each in _waited(context, side).items() if each.is_much(elapsed_s)}
    if not side.run.ended_ns:
        waited = {pid: each for pid, each in waited.items() if pid in now}
    if not waited:
        return None
    whole = Waited(sum(each.seconds for each in waited.values()), sum(each.busy_s for each in waited.values()))
    return _was(context, side, waited, whole) if side.run.ended_ns else _is(context, side, waited, whole)


def _of_loops(context: LintContext, side: Side) -> str | None:
    """Threads behind loops compute, and the loops wait for the lock meanwhile, in the middle of their steps."""
    lacking = [worker for worker in side.server.workers.values() if loop_lacks_gil(context, side, worker)]
    if not lacking:
        return None
    several = len(side.server.loops) + len(side.server.dead_loops) > 1
    whose = f" of {wording.workers(worker.number for worker in lacking)}" if several else ""
    loops = f"The event loop{'s' if len(lacking) > 1 else ''}{whose}{context.of_side(side)}"
    waited_ns, processes = sum(worker.tally.gil_sampled_ns for worker in lacking), len(lacking) > 1
    of = "threads of their processes" if processes else "threads of its process"
    if side.run.ended_ns:
        cure = _cure(context, side, "would have computed")
        return f"{loops} waited {wording.length(waited_ns)} for the GIL, which {of} held: {cure}."
    waits, so_far = "wait" if processes else "waits", wording.longer_than(waited_ns)
    place, all_at = in_threads(context.in_flight[side.name])
    where = f", {'' if all_at else 'most '}at {place.words}" if place is not None else ""
    cure = _cure(context, side, "would compute")
    return f"{loops} {waits} for the GIL, which {of} hold{where} (over {so_far} of waiting so far): {cure}."


def loop_lacks_gil(context: LintContext, side: Side, worker: Worker) -> bool:
    """Its loop waits for the GIL for a good part of the run, and longer than for a core; while that is on, only if
    it does now."""
    waited_ns, elapsed_ns = worker.tally.gil_sampled_ns, metrics.elapsed_ns(side, context.now_ns)
    no_core_ns = worker.sample.runq_ns - worker.tally.first.runq_ns
    much = waited_ns >= max(SETTLED_NS, SHARE * elapsed_ns) and waited_ns > no_core_ns
    return much and (bool(side.run.ended_ns) or seen.lacked_gil(worker, context.now_ns))


def _waited(context: LintContext, side: Side) -> Mapping[int, Waited]:
    """By process."""
    found: defaultdict[int, Waited] = defaultdict(Waited)
    for times in metrics.per_worker(side, context.now_ns):
        found[times.pid] = found[times.pid].plus(times.gil_wait_s or 0.0, times.busy_s or 0.0)
    return {pid: _on_cores(side, pid, each) for pid, each in found.items()}


def _on_cores(side: Side, pid: int, waited: Waited) -> Waited:
    """With the time that its slots, together, were runnable without a core and on one, since the run began. Whether
    threads of the app's own compute beside a sync worker's only one is not known."""
    slots = [worker for worker in side.server.workers.values() if worker.pid == pid and worker.sample.t_ns]
    no_core_ns = sum(max(0, worker.sample.runq_ns - worker.tally.first.runq_ns) for worker in slots)
    cpu_ns = sum(max(0, worker.sample.cpu_ns - worker.tally.first.cpu_ns) for worker in slots)
    known = side.kind == "gthread" and any(worker.sample.t_ns > worker.tally.first.t_ns for worker in slots)
    return replace(waited, no_core_s=no_core_ns / 1e9, cpu_s=cpu_ns / 1e9 if known else None)


def _is(context: LintContext, side: Side, waited: Mapping[int, Waited], whole: Waited) -> str:
    who, one, where = _who(context, side, waited), len(waited) == 1, context.waits_in(side)
    if side.kind == "gthread":
        turns = f"The threads of {who} take turns {'with its GIL' if one else 'with the GILs of their processes'}"
    else:
        turns = f"{_capitalized(who)} {'takes' if one else 'take'} turns with threads of the app's own, at one GIL"
    so_far = wording.longer_than(int(whole.seconds * 1e9))
    return f"{turns}{where} (over {so_far} of waiting so far): {_cure(context, side, 'would compute')}."


def _was(context: LintContext, side: Side, waited: Mapping[int, Waited], whole: Waited) -> str:
    who, gthread = _who(context, side, waited), side.kind == "gthread"
    threads = f"The threads of {who}" if gthread else _capitalized(who)
    lost = wording.length(whole.seconds * 1e9)
    share = f"{whole.seconds / whole.busy_s * 100:.0f} % of {'its' if len(waited) == 1 and not gthread else 'their'}"
    cure = _cure(context, side, "would have computed")
    return f"{threads} waited {lost} for the GIL, {share} busy time: {cure}."


def _who(context: LintContext, side: Side, waited: Mapping[int, Waited]) -> str:
    """ "worker 1", "workers 1 2 of gthread"."""
    numbers = (worker.number for worker in side.server.workers.values() if worker.pid in waited)
    return f"{wording.workers(numbers)}{context.of_side(side)}"


def _capitalized(text: str) -> str:
    return text[0].upper() + text[1:]


def _cure(context: LintContext, side: Side, would_compute: str) -> str:
    if len(side.server.processes()) < context.cores:
        return f"processes, or a free-threaded Python, {would_compute} at the same time"
    return "there are as many processes as cores, and more threads only wait longer"


GIL_CONTENTION = Lint(
    "gil-contention",
    _contention,
    "Only the thread that holds its process's interpreter lock (GIL) runs Python code. Threads that compute take "
    "turns, some milliseconds each, so that each request takes longer, and all of them together take no less. What "
    "waits for a database or a socket lets the lock go meanwhile: threads pay off there. For work that computes, use "
    "processes (--workers), as many as there are cores, or a free-threaded build of Python.",
    "Python glossary: global interpreter lock; gunicorn docs, Design: How Many Threads?",
)
