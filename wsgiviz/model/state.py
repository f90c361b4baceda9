"""The picture: what both servers are doing, as immutable values.

Every field comes from an event (see `wsgiviz.events`); nothing here knows how it is shown. Times are
CLOCK_MONOTONIC nanoseconds, 0 where a thing has not happened. The mappings are never changed once published.

msgspec structs rather than dataclasses: the reducer makes a changed copy for every event, and
`msgspec.structs.replace` takes 0.2 µs where `dataclasses.replace` takes 9.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

LOOPS = frozenset({"asgi", "uvicorn", "gevent"})
"""Kinds of servers whose requests share an event loop in one thread; the others hold a thread each."""

CHUNKS_KEPT = 64

ACCEPTS_KEPT = 1024
"""Accepted connections kept until their request is known; those of strangers never are."""

STEPS_KEPT = 64
"""Steps kept of each task's history; older ones go first."""

SPANS_KEPT = 512
"""Spans kept of each worker's history; older ones go first."""

LEDGER_KEPT = 10_000
"""Finished requests kept of each side. Totals count all; percentiles are over those kept."""


class Doing(StrEnum):
    """What a worker slot is doing.

    Busy is any of reading, blocked, computing, writing, closing. Blocked: holds a request and is off the CPU,
    waiting. Computing: on the CPU, or runnable and waiting for one.
    """

    BOOTING = "booting"
    IDLE = "idle"
    READING = "reading"
    BLOCKED = "blocked"
    COMPUTING = "computing"
    WRITING = "writing"
    CLOSING = "closing"
    STOPPING = "stopping"
    DEAD = "dead"


BUSY = frozenset({Doing.READING, Doing.BLOCKED, Doing.COMPUTING, Doing.WRITING, Doing.CLOSING})
IN_APP = frozenset({Doing.BLOCKED, Doing.COMPUTING})


class Task(StrEnum):
    """What a request on an event loop is doing; the first is before it reached the app."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    AWAITING = "awaiting"
    DONE = "done"
    FAILED = "failed"


class Place(Struct, frozen=True):
    """Where a request is: ``line`` of ``file``, in ``function``, and the ``call`` which is on there, or ""."""

    file: str  # as Python found it: relative to the folder that it was imported from
    line: int
    function: str
    call: str = ""

    @property
    def words(self) -> str:
        """In short: "sleep.py:14 time.sleep". From an app, so escape it before showing it."""
        return f"{self.file.rpartition('/')[2]}:{self.line} {self.call or 'in ' + self.function}"


class Span(Struct, frozen=True):
    """A stretch of one worker's history. ``end_ns`` is 0 while it lasts; ``req`` is 0 when it holds none."""

    start_ns: int
    end_ns: int
    doing: Doing
    req: int


class Step(Struct, frozen=True):
    """A stretch of one task's history on a loop. ``end_ns`` is 0 while it lasts."""

    start_ns: int
    end_ns: int
    task: Task


class Request(Struct, frozen=True):
    """One request's ledger entry. ``side``'s driver and worker both write to it, in any order."""

    id: int
    planned_ns: int = 0
    sent_ns: int = 0
    connected_ns: int = 0
    accepted_ns: int = 0
    began_ns: int = 0
    response_ns: int = 0  # start_response, or http.response.start
    returned_ns: int = 0  # the WSGI callable returned its iterable
    ended_ns: int = 0  # close() of the iterable returned, or the coroutine ended
    first_byte_ns: int = 0
    received_ns: int = 0
    failed_ns: int = 0
    status: int = 0  # what the client saw; what the app said, until then
    error: str = ""  # kind, as the client saw it: refused, reset, timeout, ...
    raised: str = ""  # the exception which left the app
    what: str = ""  # "GET /path"; from a request, so escape it before showing it
    pid: int = 0
    slot: int = 0
    port: int = 0  # the client's, which joins it to a connection that is accepted and not read yet
    cpu_ns: int = 0  # on the CPU, for a request in a worker thread
    run_ns: int = 0  # holding the loop, for a task
    task: Task = Task.QUEUED
    since_ns: int = 0  # since when the task is in that state
    steps: tuple[Step, ...] = ()
    chunks: tuple[int, ...] = ()  # when the server had a chunk to write, the last CHUNKS_KEPT
    where: Place | None = None  # in the app's own code, once it has been there for some tens of ms
    within: Place | None = None  # the innermost Python frame, where that is another
    children: int = 0  # tasks that it has started and that live
    children_started: int = 0

    @property
    def finished(self) -> bool:
        """The client has its answer, or knows that there will be none."""
        return bool(self.received_ns or self.failed_ns)

    @property
    def finished_ns(self) -> int:
        return self.received_ns or self.failed_ns

    @property
    def ok(self) -> bool:
        """Received with a status below 400."""
        return bool(self.received_ns) and 0 < self.status < 400


Slot = tuple[int, int]
"""Pid, and number of the thread in it."""


class Thread(Struct, frozen=True):
    """Counters of the thread that is a worker's slot, cumulative since its start (schedstat of proc(5))."""

    t_ns: int = 0
    cpu_ns: int = 0
    runq_ns: int = 0
    letter: str = ""


class Worker(Struct, frozen=True):
    """What serves requests: a process, or one thread of a process that has several.

    The ``*_ns`` totals are of the present run. A worker which died stays, with ``doing`` DEAD, until the next run.
    """

    pid: int
    number: int  # the process's, gunicorn's age: 1, 2, 3 ...; a replacement gets a new one
    doing: Doing
    since_ns: int
    slot: int = 0  # which thread of its process, from 1; 0 is a process of one
    tid: int = 0  # the thread's native id, once it is known
    req: int = 0  # which request it holds, 0 for none
    last_req: int = 0
    spans: tuple[Span, ...] = ()
    requests: int = 0  # ended in this run
    reading_ns: int = 0
    app_ns: int = 0  # from call to close(): blocked and computing together
    writing_ns: int = 0
    cpu_ns: int = 0  # of requests which ended, exactly, by the thread's own clock
    sample: Thread = Thread()  # the newest
    mark: Thread = Thread()  # from which the next sample judges blocked or computing
    run_sample: Thread = Thread()  # the newest at the start of the run
    rss_bytes: int = 0
    cpu_permille: int = 0
    died_of: str = ""  # "exit", "killed", "timeout"
    iterating: bool = False  # the app has returned its iterable, and is asked for its parts

    @property
    def key(self) -> Slot:
        return self.pid, self.slot

    @property
    def busy(self) -> bool:
        return self.doing in BUSY

    @property
    def alive(self) -> bool:
        return self.doing is not Doing.DEAD


class Hold(Struct, frozen=True):
    """A step that kept a loop from everybody else. ``req`` is 0 when it was no request's."""

    req: int
    held_ns: int
    where: Place


class Loop(Struct, frozen=True):
    """One event loop. ``selector_ns`` is -1 where the loop does not let us measure it."""

    pid: int
    running: int = 0  # the request whose step is on now, 0 for none
    since_ns: int = 0  # when that step began
    lag_ns: int = 0
    max_lag_ns: int = 0
    longest_step_ns: int = 0
    longest_step_req: int = 0
    selector_ns: int = -1
    run_selector_ns: int = -1  # at the start of the run
    beat_ns: int = 0  # time of the newest heartbeat
    run_beat_ns: int = 0  # of the one that counts as the run's start
    held: Hold | None = None  # the newest step that held it, told while it did; None once it is over
    longest_hold: Hold | None = None  # of this run


class Side(Struct, frozen=True):
    """One server under load: its workers, its queue, and every request sent to it in this run."""

    name: str  # its protocol, and a 2 for the second of the same
    kind: str = "sync"  # of its server: sync, gthread, gevent, asgi, uvicorn
    workers: Mapping[Slot, Worker] = field(default_factory=dict)  # in order of appearance
    loops: Mapping[int, Loop] = field(default_factory=dict)  # by pid
    in_flight: Mapping[int, Request] = field(default_factory=dict)  # by id: sent, not finished
    finished: tuple[Request, ...] = ()  # in order of finishing, the last LEDGER_KEPT
    wanted: int = 0  # workers asked for
    master_up: bool = False
    queue_depth: int = -1  # -1: not known
    queue_limit: int = -1
    accepts: Mapping[int, int] = field(default_factory=dict)  # by client's port: accepted, its request not known yet
    pools: Mapping[int, int] = field(default_factory=dict)  # by pid: what waits in it for one of its threads
    max_pool: int = 0  # the most that waited so in one process
    pool_threads: int = 0  # of each such process
    nested_loop: tuple[int, Place] | None = None  # a request inside which an event loop runs, and where
    overflows: int = 0  # connections turned away by full accept queues, on the whole machine, in this run
    overflows_before: int = 0
    max_queue: int = 0  # the deepest that it stood for two samples in a row
    now_in_app: int = 0  # requests of this run inside the app
    max_in_app: int = 0
    run: int = 0  # number of the run that all this is about
    planned: int = 0  # requests of this run
    run_started_ns: int = 0  # the planned time of its first request
    run_ended_ns: int = 0
    cancelled: bool = False
    completed: int = 0
    failed: int = 0
    bad_status: int = 0  # of the completed: status 400 and above
    errors: Mapping[str, int] = field(default_factory=dict)
    first_planned_ns: int = 0
    last_finished_ns: int = 0
    driver_lag_ns: int = 0
    max_driver_lag_ns: int = 0
    events: int = 0
    lost: int = 0
    deaths: int = 0

    @property
    def protocol(self) -> str:
        """What its server speaks with the app: "wsgi" or "asgi"."""
        return self.name[:4]

    @property
    def is_loop(self) -> bool:
        """Its requests share an event loop."""
        return self.kind in LOOPS

    @property
    def running(self) -> bool:
        """A run is on: the driver has not said that it ended."""
        return bool(self.run_started_ns) and not self.run_ended_ns

    @property
    def done(self) -> int:
        """Requests that have ended either way."""
        return self.completed + self.failed

    def living(self) -> list[Worker]:
        return [worker for worker in self.workers.values() if worker.alive]

    def processes(self) -> set[int]:
        """Pids of the workers that live."""
        return {worker.pid for worker in self.living()}

    def request(self, req: int) -> Request | None:
        """The newest that is known of a request; None when it is not kept any more."""
        return self.in_flight.get(req) or next((r for r in reversed(self.finished) if r.id == req), None)

    def in_app(self) -> list[Request]:
        """Requests inside the app now: begun and not ended."""
        return [request for request in self.in_flight.values() if request.began_ns and not request.ended_ns]


BOTH: Mapping[str, Side] = {"wsgi": Side("wsgi", "sync"), "asgi": Side("asgi", "asgi")}


class Picture(Struct, frozen=True):
    """Both sides, and when the newest event was. A side that is not shown stays empty."""

    t_ns: int = 0
    run: int = 0
    sides: Mapping[str, Side] = field(default_factory=lambda: dict(BOTH))

    @property
    def wsgi(self) -> Side:
        return self.sides.get("wsgi", BOTH["wsgi"])

    @property
    def asgi(self) -> Side:
        return self.sides.get("asgi", BOTH["asgi"])

    @property
    def lost(self) -> int:
        return sum(side.lost for side in self.sides.values())

    @property
    def running(self) -> bool:
        return any(side.running for side in self.sides.values())
