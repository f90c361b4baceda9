"""A lint of workers whose threads wait for each other's interpreter lock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from msgspec import Struct

from wsgiviz.analysis import metrics
from wsgiviz.analysis.lints import seen, wording
from wsgiviz.analysis.lints.context import SETTLED_NS, LintContext
from wsgiviz.analysis.lints.lint import Lint
from wsgiviz.state import Activity, Side

SHARE = 0.1
"""From this share of their busy time on, a process's threads have waited enough for the GIL to say so."""


class Waited(Struct, frozen=True):
    """How long the slots of some processes have waited for the GIL, and been busy in all."""

    seconds: float = 0.0
    busy_s: float = 0.0

    def plus(self, seconds: float, busy_s: float) -> Waited:
        return Waited(self.seconds + seconds, self.busy_s + busy_s)

    @property
    def much(self) -> bool:
        return self.seconds * 1e9 >= SETTLED_NS and self.seconds >= SHARE * self.busy_s


def _contention(context: LintContext, side: Side) -> str | None:
    if side.is_loop:
        return None
    waited = {pid: each for pid, each in _waited(context, side).items() if each.much}
    if not side.run.ended_ns:
        now = {worker.pid for worker in seen.slots_in(context, side, Activity.WAITING_FOR_GIL)}
        waited = {pid: each for pid, each in waited.items() if pid in now}
    if not waited:
        return None
    whole = Waited(sum(each.seconds for each in waited.values()), sum(each.busy_s for each in waited.values()))
    return _was(context, side, waited, whole) if side.run.ended_ns else _is(context, side, waited, whole)


def _waited(context: LintContext, side: Side) -> Mapping[int, Waited]:
    """By process."""
    found: defaultdict[int, Waited] = defaultdict(Waited)
    for times in metrics.per_worker(side, context.now_ns):
        found[times.pid] = found[times.pid].plus(times.gil_wait_s or 0.0, times.busy_s or 0.0)
    return found


def _is(context: LintContext, side: Side, waited: Mapping[int, Waited], whole: Waited) -> str:
    who, its = _who(context, side, waited), "its" if len(waited) == 1 else "their"
    so_far = wording.longer_than(int(whole.seconds * 1e9))
    where = context.waits_in(side)
    if side.kind == "gthread":
        what = f"The threads of {who} take turns with {its} GIL{where}: one of a process computes at a time"
    else:
        share = "shares" if len(waited) == 1 else "share"
        what = f"{who[0].upper()}{who[1:]} {share} {its} GIL with other threads of the same process{where}"
    return f"{what}, over {so_far} of waiting so far. {_cure(context, side)}."


def _was(context: LintContext, side: Side, waited: Mapping[int, Waited], whole: Waited) -> str:
    who = _who(context, side, waited)
    threads = f"The threads of {who}" if side.kind == "gthread" else f"{who[0].upper()}{who[1:]}"
    lost = f"{wording.length(whole.seconds * 1e9)}, {whole.seconds / whole.busy_s:.0%} of their busy time"
    return f"{threads} waited for the GIL: {lost}. {_cure(context, side)}."


def _who(context: LintContext, side: Side, waited: Mapping[int, Waited]) -> str:
    """ "worker 1", "workers 1 2 of WSGI2 (gthread)"."""
    numbers = (worker.number for worker in side.server.workers.values() if worker.pid in waited)
    return f"{wording.workers(numbers)}{context.of_side(side)}"


def _cure(context: LintContext, side: Side) -> str:
    if len(side.server.processes()) < context.cores:
        return "Processes instead of threads, or a free-threaded Python, would compute at the same time"
    return "There are as many processes as cores already: fewer threads would wait less"


GIL_CONTENTION = Lint(
    "gil-contention",
    _contention,
    "Only the thread that holds its process's interpreter lock (GIL) runs Python code. Threads that compute take turns "
    "with it, some milliseconds each, so that each request takes longer, and all of them together take no less. What "
    "waits for a database or a socket lets the lock go meanwhile: threads pay off there. For work that computes, use "
    "processes (--workers), as many as there are cores, or a free-threaded build of Python.",
    "Python glossary: global interpreter lock; gunicorn docs, Design: How Many Threads?",
)
