"""A run at one side: what begins anew with it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from wsgiviz.state.contract_entry import ContractEntry
from wsgiviz.state.request import Location

RECENT = 64
"""Beginnings and ends that may still be overtaken by earlier ones of another process."""


class Peak(Struct, frozen=True, gc=False):
    """How many were inside at once, at most: from beginnings and ends that may come in any order.

    ``recent`` is sorted by time; what is older has been added up.
    """

    recent: tuple[tuple[int, int], ...] = ()  # (t_ns, +1 or -1)
    settled: int = 0  # inside after all older ones
    highest: int = 0  # of the older ones

    def after(self, t_ns: int, by: int) -> Peak:
        recent = self.recent
        at = len(recent)
        change = (t_ns, by)
        while at and recent[at - 1] > change:
            at -= 1
        recent = (*recent[:at], change, *recent[at:])
        if len(recent) <= RECENT:
            return Peak(recent, self.settled, self.highest)
        settled, highest = self.settled, self.highest
        for _, step in recent[: RECENT // 2]:
            settled += step
            highest = max(highest, settled)
        return Peak(recent[RECENT // 2 :], settled, highest)

    def without(self, t_ns: int, by: int) -> Peak:
        """As if that had not been counted."""
        recent = list(self.recent)
        if (t_ns, by) in recent:
            recent.remove((t_ns, by))
            return Peak(tuple(recent), self.settled, self.highest)
        return Peak(self.recent, self.settled - by, self.highest)

    @property
    def most(self) -> int:
        inside, most = self.settled, self.highest
        for _, by in self.recent:
            inside += by
            most = max(most, inside)
        return most


class DriverSample(Struct, frozen=True, gc=False):
    """CPU time of the driver's thread, and its time on the run queue (-1 where not known), both since its start."""

    t_ns: int = 0
    cpu_ns: int = 0
    runq_ns: int = -1


class Connections(Struct, frozen=True, gc=False):
    """The clients' connections. What is open, and what each has carried, is known where clients keep theirs."""

    made: int = 0
    open: int = 0
    most_open: int = 0
    reused: int = 0  # requests that were sent over one that was kept
    closed_by_server: int = 0
    most_answered: int = 0  # the most answers that came over one that has ended


class WebSockets(Struct, frozen=True, gc=False):
    """WebSockets of the run, as its clients see them."""

    opened: int = 0
    open: int = 0
    most_open: int = 0
    messages: int = 0  # that came from the app, its pings left out
    pings_answered: int = 0  # ping frames, and an app's own "ping" messages
    closed_normally: int = 0  # with both close frames, and a code that says that all is well


class Run(Struct, frozen=True, gc=False):
    """Its numbers so far. ``number`` is 0 before the first."""

    number: int = 0
    planned: int = 0  # requests
    calibration: bool = False  # it measures what one request costs
    paths: tuple[tuple[int, str], ...] = ()  # what is requested in turn, with weights; from a person: escape it
    websocket: bool = False  # each request is a WebSocket's handshake
    requested_ns: int = 0
    started_ns: int = 0  # the planned time of its first request
    ended_ns: int = 0
    cancelled: bool = False
    completed: int = 0
    recycled: int = 0  # workers that have served gunicorn's max_requests
    failed: int = 0
    bad_status: int = 0  # of the completed: status 400 and above
    for_nobody: int = 0  # served when the client had given up
    external: int = 0  # requests in the app that our driver has not sent
    served: Mapping[int, int] = field(default_factory=dict)  # of these that ended: in each second of the last ones
    errors: Mapping[str, int] = field(default_factory=dict)
    statuses: Mapping[int, int] = field(default_factory=dict)  # of the completed
    redirects: Mapping[str, int] = field(default_factory=dict)  # of the completed, by "302 /login/"
    raised: Mapping[str, int] = field(default_factory=dict)  # by the exception that left the app
    first_planned_ns: int = 0
    last_finished_ns: int = 0
    in_app: int = 0  # requests inside the app now
    in_app_peak: Peak = Peak()
    max_queue: int = 0  # the deepest that it stood for two samples in a row
    max_pool: int = 0  # the most that waited for a thread in one process
    max_pool_pid: int = 0  # which process that was
    driver_late_ns: int = 0
    max_driver_late_ns: int = 0
    driver_first: DriverSample = DriverSample()  # at the start of the run
    driver: DriverSample = DriverSample()  # the newest
    self_calls: int = 0  # the most connections that its workers had to their own server at once
    self_calls_stuck: int = 0  # the most of these while nobody was free to answer
    acceptor_ns: int = 0  # for how long accepting threads waited for clients to hang up
    acceptor_most_ns: int = 0  # the longest of these
    silent_clients: int = 0  # connections that kept a slot reading and had sent no byte when the probe looked
    silent_most_ns: int = 0  # the longest that one was seen to have done so
    nested_loop: tuple[int, Location] | None = None  # a request inside which an event loop runs, and where
    connections: Connections = Connections()
    websockets: WebSockets = WebSockets()
    contract: tuple[ContractEntry, ...] = ()  # the newest steps between server and app, where they are followed
    overflows_before: int = -1  # the server's at the start
    deaths_before: int = 0
    earlier: int = 0  # requests of earlier runs that its workers held or took up since it was fired
    left: Mapping[int, int] = field(default_factory=dict)  # requests of earlier runs on its loops now: pid, by id
    added: int = 0  # requests that were added when it had ended: no total counts them
    added_completed: int = 0

    @property
    def running(self) -> bool:
        """The driver has begun, and has not said that it ended."""
        return bool(self.started_ns) and not self.ended_ns

    @property
    def refused(self) -> int:
        """WebSockets whose handshake was answered with another status than 101."""
        return max(0, self.completed - self.statuses.get(101, 0)) if self.websocket else 0

    @property
    def done(self) -> int:
        """Requests that have ended either way for their client."""
        return self.completed + self.failed
