"""Why workers died, in words: of which signal or with which exit status, and by whom, as far as is known. Pure.

Who has sent a signal, the kernel does not say afterwards. The master notes what it sends, and so does wsgiviz; a
fault of the process has signals of its own; what is left came from outside, or the process sent it to itself.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping

from msgspec import Struct

from wsgiviz.events import request_number
from wsgiviz.state import Death, Location, Request, Side, Worker
from wsgiviz.state.request import WORKER_DIED

FAULTS = frozenset({"SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGSYS", "SIGTRAP"})
"""What the kernel sends to a process that does what it can't: a fault in native code, mostly."""


class Cause(Struct, frozen=True):
    """``words``: what goes after the worker's name; ``brief``: the same where there is no room. ``by``: who ended it:
    "gunicorn", "uvicorn", "kernel", "wsgiviz", "itself", or None where nobody knows. ``signal``: its name."""

    words: str
    brief: str
    by: str | None = None
    signal: str | None = None
    exit_status: int | None = None


class DeathRow(Struct, frozen=True):
    """One death, as the JSON has it (`wsgiviz.report.result`)."""

    worker: int
    pid: int
    at_s: float | None
    cause: str
    by: str | None
    signal: str | None
    exit_status: int | None
    booting: bool
    requests: list[int]
    last_seen_at: str | None


def server_of(side: Side) -> str:
    """What its master is called."""
    return "uvicorn" if side.kind == "uvicorn" else "gunicorn"


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def cause(worker: Worker, side: Side) -> Cause:
    """Why a dead worker of ``side`` died."""
    death, server = worker.death, server_of(side)
    if death is None:
        return Cause("", "")
    if worker.died_of == "timeout":
        name = signal_name(death.signal) if death.signal else None
        return _by_timeout(server, name, death.exit_code)
    if worker.died_of == "exit":
        if worker.ended_as_asked:
            words = f"ended as asked ({worker.asked} from wsgiviz)"
            return Cause(words, worker.asked, "wsgiviz", exit_status=death.exit_code)
        if worker.recycled:
            return Cause("recycled after its max_requests", "recycled", server, exit_status=death.exit_code)
        return Cause("exited", "exited", exit_status=death.exit_code)
    if death.signal:
        return _by_signal(death, signal_name(death.signal), server, side.server.signals.get(worker.pid))
    status = death.exit_code
    if status is None:
        return Cause("was killed", "killed")
    how = "" if worker.exited else " (os._exit)"
    return Cause(f"ended itself with exit status {status}{how}", f"exit status {status}", "itself", None, status)


def of_many(found: Cause) -> str:
    """What goes after "3 workers" where all died of the same."""
    return found.words.replace("was ", "were ", 1).replace("itself", "themselves", 1)


def _by_timeout(server: str, name: str | None, status: int | None) -> Cause:
    why = "worker timeout" if server == "gunicorn" else "no answer to its health check"
    return Cause(f"was killed by {server} ({why})", why, server, name, status)


def _by_signal(death: Death, name: str, server: str, ours: str | None) -> Cause:
    """``ours``: the signal that a person had wsgiviz send."""
    if death.sent == death.signal:
        return Cause(f"was ended by {server} ({name})", name, server, name)
    if ours == name:
        return Cause(f"was killed by {name} from wsgiviz", name, "wsgiviz", name)
    if death.oom_named:
        return Cause(f"was killed by the kernel: out of memory ({name})", "out of memory", "kernel", name)
    if death.oom:
        words = f"was killed by {name} (the kernel has ended a process for lack of memory: maybe this one)"
        return Cause(words, f"{name}, out of memory?", None, name)
    if name in FAULTS:
        return Cause(f"crashed with {name}", name, "kernel", name)
    if name == "SIGABRT":
        return Cause(f"aborted ({name})", name, "itself", name)
    return Cause(f"was killed by {name}", name, None, name)


def stale(worker: Worker) -> bool:
    """The line that it was seen at last may be one that it had left: it ran when it died. One that gunicorn killed
    for its timeout was at its line for as long."""
    return worker.died_of != "timeout"


def last_seen(worker: Worker, lost: Iterable[Request | None]) -> Location | None:
    """The line that a dead worker was last seen at: that of its app's import, or of the requests that it took along.
    None where these were at several, or it was seen at none."""
    if worker.died_booting:
        return worker.boot_where
    places = {request.where for request in lost if request is not None and request.where is not None}
    return places.pop() if len(places) == 1 else None


def lost_by_pid(side: Side) -> Mapping[int, list[Request]]:
    """The requests that dead processes took along."""
    found: dict[int, list[Request]] = {}
    for request in side.ledger:
        if request.raised == WORKER_DIED:
            found.setdefault(request.pid, []).append(request)
    return found


def dead(side: Side) -> list[Worker]:
    """Processes that died out of order in this run, by when; of each one of its slots: one that held a request."""
    found: dict[int, Worker] = {}
    for worker in side.server.workers.values():
        violent = worker.died_violently and worker.death is not None and worker.death.t_ns >= side.run.requested_ns
        if violent and (worker.pid not in found or worker.req):
            found[worker.pid] = worker
    return sorted(found.values(), key=lambda worker: worker.death.t_ns if worker.death else 0)


def rows(side: Side) -> list[DeathRow]:
    """The deaths of the run, for the JSON."""
    lost = lost_by_pid(side)
    return [_row(side, worker, lost.get(worker.pid, [])) for worker in dead(side)]


def _row(side: Side, worker: Worker, lost: list[Request]) -> DeathRow:
    found, where = cause(worker, side), last_seen(worker, lost)
    death_ns = worker.death.t_ns if worker.death is not None else 0
    held = {request.id for request in lost}
    return DeathRow(
        worker=worker.number,
        pid=worker.pid,
        at_s=(death_ns - side.run.started_ns) / 1e9 if side.run.started_ns else None,
        cause=found.words,
        by=found.by,
        signal=found.signal,
        exit_status=found.exit_status,
        booting=worker.died_booting,
        requests=sorted(request_number(req) for req in held if req > 0),
        last_seen_at=where.words if where is not None else None,
    )
