"""What a server's master and its workers say of their own life."""

from __future__ import annotations

from wsgiviz.events.event import Event


class MasterReady(Event, frozen=True, tag=1):
    """It listens and keeps workers."""


class WorkersChanged(Event, frozen=True, tag=2):
    """gunicorn keeps ``wanted`` workers now, ``before`` until then (its hook nworkers_changed)."""

    wanted: int
    before: int = 0


class WorkerDied(Event, frozen=True, tag=3):
    """The master has found that ``worker_pid`` is gone. ``status``: its exit status as waitpid(2) gives it, -1 where
    that is not known; ``by_timeout``: the master killed it for gunicorn's --timeout, or uvicorn for an unanswered
    health check; ``sent``: the last signal that the master sent to it, 0 for none; ``oom``: "pid" when
    the kernel's log names it as killed for lack of memory; "oom" when the kernel has meanwhile counted a process
    that it killed so (oom_kill of /proc/vmstat), which may have been another one."""

    worker_pid: int
    status: int = -1
    by_timeout: int = 0
    sent: int = 0
    oom: str = ""


class MasterExited(Event, frozen=True, tag=4):
    """The master is gone, and its workers with it."""


NO_TIMEOUT = 0xFFFF


class WorkerBooting(Event, frozen=True, tag=10):
    """A worker process has come. ``number``: gunicorn's age (1, 2, 3 ...), 0 where there is none; ``threads``: how
    many serve requests; ``thread_id``: native id of its main thread; ``timeout``: its gunicorn's --timeout in
    seconds, 0 where that is not known, NO_TIMEOUT where it has none."""

    number: int
    thread_id: int
    threads: int
    worker_class: str
    timeout: int = 0


class WorkerReady(Event, frozen=True, tag=11):
    """Its app is loaded, and it listens."""


class WorkerStopping(Event, frozen=True, tag=12):
    """It handles ``signal``, and will go."""

    signal: int


class WorkerExited(Event, frozen=True, tag=13):
    """Its last record: it goes in order. A killed worker has none. ``recycled``: since it has served as many requests
    as gunicorn's max_requests lets it."""

    recycled: int = 0


class BootLineSeen(Event, frozen=True, tag=70):
    """A worker that loads its app, or a master with --preload, is at ``line`` of ``where`` ("file|function|call"):
    the app's innermost line, or the innermost of all where none is the app's."""

    line: int
    where: str


class MasterLoading(Event, frozen=True, tag=100):
    """gunicorn's master begins to load the app itself, before it forks workers (--preload), or is through with it
    (``loading`` is 0), whether or not it could."""

    loading: int


class WorkerGone(Event, frozen=True, tag=71):
    """The kernel says that the worker's process has ended (a zombie, proc(5)), whether or not its master knows.
    ``status``: as waitpid(2) will give it (exit_code of /proc/PID/stat), -1 where that is not known."""

    status: int = -1


class WorkerHeard(Event, frozen=True, tag=105):
    """Of a dead worker: its newest record is of ``heard_ns`` (CLOCK_MONOTONIC). By whoever reads its ring."""

    heard_ns: int


class SlotThread(Event, frozen=True, tag=14):
    """Thread ``thread_id`` (native) serves as ``slot``."""

    slot: int
    thread_id: int


class PoolQueued(Event, frozen=True, tag=15):
    """``waiting`` wait in this process for one of its ``threads``."""

    waiting: int
    threads: int


class SamplerFailed(Event, frozen=True, tag=16):
    """The line sampler of this worker has ended with ``error``: lines are not known any more."""

    error: str


class Forked(Event, frozen=True, tag=17):
    """The app in this worker has forked ``child_pid`` (0: nobody says whom); what that does is not recorded."""

    child_pid: int
