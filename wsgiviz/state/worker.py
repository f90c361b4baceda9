"""A worker slot: what serves one request at a time, a process or one thread of a process."""

from __future__ import annotations

from msgspec import Struct

from wsgiviz.state.activity import BUSY, Activity
from wsgiviz.state.counters import Counters, WaitSamples
from wsgiviz.state.request import Location

SPANS_KEPT = 512
"""Spans kept of each worker's history; older ones go first."""

Slot = tuple[int, int]
"""Pid, and number of the thread in it."""

SIGABRT = 6

STOPS = frozenset({2, 3, 15})
"""Signals by which a master stops a worker in order: SIGINT, SIGQUIT, SIGTERM."""

ASKS_TO_STOP = frozenset({"SIGINT", "SIGQUIT", "SIGTERM"})
"""Their names."""


class Span(Struct, frozen=True, gc=False):
    """A stretch of one worker's history. ``end_ns`` is 0 while it lasts; ``req`` is 0 when it holds none."""

    start_ns: int
    end_ns: int
    activity: Activity
    req: int


class Tally(Struct, frozen=True, gc=False):
    """What a slot has done in the present run."""

    requests: int = 0  # ended
    reading_ns: int = 0
    app_ns: int = 0  # from call to close(): blocked, computing and waiting for the GIL together
    writing_ns: int = 0
    cpu_ns: int = 0  # of requests that ended, exactly, by the thread's own clock
    first: Counters = Counters()  # the newest at the start of the run
    gil_ns: int = 0  # of app_ns, waiting for the GIL: see `Worker.gil_ns`
    waits: WaitSamples = WaitSamples()  # of requests that ended
    runq_outside_ns: int = 0  # on the run queue outside the app, of the time between samples, as far as that is sure
    gil_sampled_ns: int = 0  # waiting for the GIL, in the app or not: of the time between samples, what ended so


class Death(Struct, frozen=True, gc=False):
    """As the master has seen it. ``status`` is as waitpid(2) gives it, -1 where not known."""

    t_ns: int
    status: int = -1
    by_timeout: bool = False
    with_master: bool = False  # the master went, and took it along
    sent: int = 0  # the last signal that the master sent to it
    oom: bool = False  # the kernel has killed a process for lack of memory meanwhile, maybe this one
    oom_named: bool = False  # it was this one
    unreported: bool = False  # the kernel says so, and its master has not yet

    @property
    def signal(self) -> int:
        """Of which signal it died; 0 for none, or where that is not known."""
        return self.status & 0x7F if self.status > 0 else 0

    @property
    def exit_code(self) -> int | None:
        """With which status it exited; None for a signal, or where that is not known."""
        return self.status >> 8 if self.status >= 0 and not self.signal else None

    @property
    def as_told(self) -> bool:
        """Its master sent it the signal to stop that it died of, as it does with workers that it needs no more."""
        return self.signal in STOPS and self.sent in STOPS


class ReadingClient(Struct, frozen=True, gc=False):
    """Who keeps a slot reading. ``address`` may hold anything; ``received``: bytes so far, -1 where not known."""

    address: str
    received: int
    since_ns: int  # since when the slot reads

    @property
    def silent(self) -> bool:
        return self.received == 0


class Worker(Struct, frozen=True, gc=False):
    """One slot. A worker that died stays, with ``activity`` DEAD, until the next run begins."""

    pid: int
    number: int  # the process's, gunicorn's age: 1, 2, 3 ...; a replacement gets a new one
    activity: Activity
    since_ns: int
    slot: int = 0  # which thread of its process, from 1; 0 is a process of one
    thread_id: int = 0  # the thread's native id, once it is known
    booted_ns: int = 0  # when it came
    req: int = 0  # which request it holds, 0 for none
    last_req: int = 0
    spans: tuple[Span, ...] = ()
    tally: Tally = Tally()
    sample: Counters = Counters()  # the newest
    mark: Counters = Counters()  # from which the next sample judges what it did in the app
    waits: WaitSamples = WaitSamples()  # of the present request
    gil_seen_ns: int = 0  # when a sample last saw it wait for the GIL outside the app
    lacks_gil: bool = False  # it mostly waited for it between the newest two of these
    calls_gil_ns: int = 0  # of a loop: when a thread that works for one of its requests was last seen to wait for it
    rss_bytes: int = 0
    cpu_permille: int = 0
    ready_ns: int = 0  # when it had loaded the app, and listened
    boot_where: Location | None = None  # the line that it was last seen at while it loaded the app
    stopped_by: int = 0  # the signal that it said it handles
    asked: str = ""  # the name of the signal that a person has had wsgiviz send to it last
    exited: bool = False  # it said that it goes in order
    recycled: bool = False  # because of gunicorn's max_requests
    death: Death | None = None
    heard_ns: int = 0  # of a dead one: when it has written its newest record
    iterating: bool = False  # the app has returned its iterable, and is asked for its parts
    paused_ns: int = 0  # of the present request: how long its iterator waited for the server to write
    client: ReadingClient | None = None  # of a connection that has brought no request for a while
    silent_since_ns: int = 0  # when the newest stretch of reading began in which no byte was seen to come
    sampler_error: str = ""  # the line sampler has ended with this

    @property
    def key(self) -> Slot:
        return self.pid, self.slot

    @property
    def busy(self) -> bool:
        return self.activity in BUSY

    def gil_ns(self, in_app_ns: int, cpu_ns: int) -> int:
        """For how long the present request has waited for the GIL, of its time in the app: an estimate.

        What is neither on the CPU nor runnable is a wait; its share for the GIL is that of the samples which found it
        waiting for that. Of a request that no sample saw waiting, it is that of the requests before it in this run.
        """
        share = self.waits.gil_share
        if share is None:
            share = self.tally.waits.gil_share or 0.0
        return int(share * max(0, in_app_ns - cpu_ns - self.waits.runq_ns))

    @property
    def alive(self) -> bool:
        return self.activity is not Activity.DEAD

    @property
    def died_of(self) -> str:
        """ "timeout"; "exit" in order; "killed" by a signal; "failed" when it ended itself out of order; "" while it
        lives."""
        death = self.death
        if death is None:
            return ""
        if death.by_timeout or (self.stopped_by == SIGABRT and (death.status < 0 or death.unreported)):
            return "timeout"
        if death.with_master or death.as_told or self.ended_as_asked:
            return "exit"
        if death.signal:
            return "killed"
        if death.exit_code is None:
            return "exit" if self.exited else "killed"
        return "failed" if death.exit_code or not self.exited else "exit"

    @property
    def ended_as_asked(self) -> bool:
        """A person had wsgiviz stop it, and it has ended in order. uvicorn's workers do, and then send themselves the
        signal once more."""
        if self.death is None or self.asked not in ASKS_TO_STOP:
            return False
        in_order = self.exited and self.death.exit_code in (0, None)
        return in_order or self.death.signal in STOPS or self.death.status < 0

    @property
    def died_violently(self) -> bool:
        return self.died_of in ("timeout", "killed", "failed")

    @property
    def died_booting(self) -> bool:
        """It never got ready, and nobody stopped it."""
        if self.death is None or self.ready_ns or self.req or self.last_req:
            return False
        return not (self.death.with_master or self.death.as_told)
