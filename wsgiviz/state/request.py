"""One request: what its client, its worker and the line sampler have emitted about it, in any order."""

from __future__ import annotations

from msgspec import Struct

from wsgiviz.state.activity import INSIDE_THREAD, WAITS_FOR_POOL, Task
from wsgiviz.state.calls import NO_CALLS, SPENT, Calls

CHUNKS_KEPT = 64
STEPS_KEPT = 64
"""Steps kept of each task's history; older ones go first."""

STAYS_KEPT = 8
"""Stays at lines kept of each request; older ones go first."""

AFTER_ANSWER_NS = 50_000_000
"""An app that is through so soon after its client has the answer just closes; what lasts longer goes on after it."""

WORKER_DIED = "worker died"
"""Stands where the exception's name would, for a request that its worker took with it."""


class Location(Struct, frozen=True, gc=False):
    """A line of the app's code: ``line`` of ``file``, in ``function``, and the ``call`` that is on there, or "".

    Of the innermost line, where that is in a lock, an event or a queue of the standard library: ``user``, the
    library's function that waits in it, or "".
    """

    file: str  # as Python found it: relative to the folder that it was imported from
    line: int
    function: str
    call: str = ""
    user: str = ""

    @property
    def words(self) -> str:
        """In short: "sleep.py:14 time.sleep". From an app, so escape it before showing it."""
        return f"{self.file.rpartition('/')[2]}:{self.line} {self.call or 'in ' + self.function}" + (
            f", used by {self.user}" if self.user else ""
        )


class Step(Struct, frozen=True, gc=False):
    """A stretch of one task's history on a loop. ``end_ns`` is 0 while it lasts."""

    start_ns: int
    end_ns: int
    task: Task


class Stay(Struct, frozen=True, gc=False):
    """A stretch at one line, as far as it was seen: what is over within some tens of ms never is.

    ``until_ns`` is 0 while it lasts, and of one in which its request ended. On a loop both times are those of steps,
    exactly; in a thread the line sampler's, some tens of ms late. ``task``: IN_THREAD or FOR_THREAD, of a request on
    a loop that was in a thread there, or waited for one.
    """

    where: Location
    within: Location | None  # the innermost Python frame then, where that is another
    since_ns: int
    until_ns: int = 0
    task: Task | None = None


def joined(stays: tuple[Stay, ...]) -> tuple[Stay, ...]:
    """The same, with the last two as one where they are at one place: each new look at a request begins a stay."""
    if len(stays) < 2 or not _at_one_place(stays[-2], stays[-1]):
        return stays
    first, again = stays[-2:]
    return (*stays[:-2], Stay(first.where, first.within, first.since_ns, again.until_ns, first.task))


def _at_one_place(one: Stay, other: Stay) -> bool:
    """At one line of the app, and inside one function called there."""
    if (one.where.file, one.where.line, one.task) != (other.where.file, other.where.line, other.task):
        return False
    if one.within is None or other.within is None:
        return one.within is other.within
    return _inside(one.within) == _inside(other.within)


def _inside(within: Location) -> tuple[str, str, str]:
    return within.file, within.function, within.user


class Request(Struct, frozen=True, gc=False):
    """One request. Times are CLOCK_MONOTONIC nanoseconds, 0 where a thing has not happened.

    Its client's part and its app's part are independent: a client may give up what a worker serves later, and an app
    may go on when its client has the answer.
    """

    id: int
    planned_ns: int = 0
    sent_ns: int = 0
    connected_ns: int = 0
    accepted_ns: int = 0
    began_ns: int = 0
    response_ns: int = 0  # start_response, or http.response.start
    returned_ns: int = 0  # the WSGI callable returned its iterable
    ended_ns: int = 0  # the app is through: close() of the iterable returned, or the coroutine ended
    released_ns: int = 0  # the slot was free again
    first_byte_ns: int = 0
    received_ns: int = 0
    failed_ns: int = 0
    status: int = 0  # what the client saw
    app_status: int = 0  # what the app said
    location: str = ""  # of a redirect, where to; from an app, so escape it before showing it
    error: str = ""  # kind, as the client saw it: refused, reset, timeout, ...
    raised: str = ""  # the exception that left the app
    target: str = ""  # "GET /path"; from a request, so escape it before showing it
    pid: int = 0
    slot: int = 0
    peer: str = ""  # of an external one that lasted: its client's address, from whoever serves it
    port: int = 0  # the client's, which joins it to a connection that is accepted and not read yet
    cpu_ns: int = 0  # on the CPU, for a request in a worker thread
    gil_ns: int = -1  # waiting for the GIL, for one in a worker thread that has ended: an estimate; -1: not known
    run_ns: int = 0  # holding the loop, for a task
    task: Task = Task.QUEUED
    since_ns: int = 0  # since when the task is in that state
    steps: tuple[Step, ...] = ()
    chunks: tuple[int, ...] = ()  # when the server had a chunk to write, the last CHUNKS_KEPT
    where: Location | None = None  # in the app's own code, once it has been there for some tens of ms
    within: Location | None = None  # the innermost Python frame, where that is another
    stays: tuple[Stay, ...] = ()  # the lines that it was seen at, the last STAYS_KEPT
    children: int = 0  # tasks that it has started and that live
    children_started: int = 0
    calls: Calls = NO_CALLS
    reused: bool = False  # its connection was kept from an earlier request: connected_ns is older than sent_ns
    opened_ns: int = 0  # its client's WebSocket handshake was accepted

    @property
    def external(self) -> bool:
        """It is not from our load driver."""
        return self.id < 0

    @property
    def finished(self) -> bool:
        """The client has its answer, or knows that there will be none."""
        return bool(self.received_ns or self.failed_ns)

    @property
    def finished_ns(self) -> int:
        return self.received_ns or self.failed_ns

    @property
    def in_app(self) -> bool:
        """The app is at it."""
        return bool(self.began_ns) and not self.ended_ns

    @property
    def over(self) -> bool:
        """Client and app are through with it, as far as is known."""
        if self.in_app:
            return False
        return self.finished or (self.external and bool(self.ended_ns))

    @property
    def off_loop(self) -> Task:
        """What it does while no step of it is on or due."""
        calls = self.calls
        return Task.AWAITING if calls is NO_CALLS else calls.task

    @property
    def ok(self) -> bool:
        """Received with a status below 400."""
        return bool(self.received_ns) and 0 < self.status < 400

    @property
    def shown_status(self) -> int:
        """What the client saw; until then what the app said."""
        return self.status or self.app_status

    @property
    def for_nobody(self) -> bool:
        """A worker served it, or serves it, when its client had given it up."""
        if not self.failed_ns or not self.began_ns or self.raised == WORKER_DIED:
            return False
        return not self.ended_ns or self.ended_ns > self.failed_ns

    def in_threads_ns(self, now_ns: int) -> int:
        """For how long it has been in threads, until now."""
        calls, since_ns = self.calls, max(0, now_ns - self.since_ns)
        return calls.blocked_ns + calls.computing_ns + calls.gil_ns + since_ns * (self.task in INSIDE_THREAD)

    def spent_ns(self, task: Task, now_ns: int) -> int:
        """For how long it has been in that state of a call, until now."""
        spent_ns: int = getattr(self.calls, SPENT[task])
        return spent_ns + (max(0, now_ns - self.since_ns) if self.task is task else 0)

    def for_threads_ns(self, now_ns: int) -> int:
        """For how long it has waited for a thread or a process of a pool, until now."""
        return self.calls.waited_ns + (max(0, now_ns - self.since_ns) if self.task in WAITS_FOR_POOL else 0)

    def after_answer_ns(self, now_ns: int) -> int:
        """For how long the app has gone on after its client had the answer; 0 when it just closes."""
        if not self.received_ns or not self.began_ns:
            return 0
        longer = (self.ended_ns or now_ns) - self.received_ns
        return longer if longer > AFTER_ANSWER_NS else 0
