"""The State: all that is known at one time, as immutable values.

Every field comes from an event (`wsgiviz.events`); nothing here knows how it is shown. Times are CLOCK_MONOTONIC
nanoseconds, 0 where a thing has not happened. A State that has been published never changes.

msgspec structs rather than dataclasses: the reducer makes a changed copy for every event, and
`msgspec.structs.replace` takes 0.15 µs where `dataclasses.replace` takes 9.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from wsgiviz.recorder.codec import RUN_STRIDE
from wsgiviz.settings import Settings, make
from wsgiviz.state.activity import LOOPS, Phase
from wsgiviz.state.ledger import Ledger
from wsgiviz.state.request import Request
from wsgiviz.state.run import Run
from wsgiviz.state.run_summary import RunSummary
from wsgiviz.state.server import Server

LOG_LINES_KEPT = 500
"""Lines of each server's log that are kept."""


class Side(Struct, frozen=True):
    """A pane: a server, and the present run at it.

    ``name`` is its protocol ("wsgi", "asgi"; "wsgi2" for a second of the same); ``kind`` is its server's: sync,
    gthread, gevent, asgi, uvicorn.
    """

    name: str
    kind: str = "sync"
    server: Server = Server()
    run: Run = Run()
    ledger: Ledger = Ledger()

    @property
    def protocol(self) -> str:
        """What its server speaks with the app: "wsgi" or "asgi"."""
        return self.name[:4]

    @property
    def is_loop(self) -> bool:
        """Its requests share an event loop."""
        return self.kind in LOOPS

    @property
    def overflows(self) -> int:
        """Connections turned away by full accept queues, on the whole machine, in this run."""
        before = self.run.overflows_before
        return max(0, self.server.overflows - before) if before >= 0 else 0

    @property
    def deaths(self) -> int:
        """Workers that were killed or died by themselves in this run."""
        return max(0, self.server.deaths - self.run.deaths_before)

    def of_earlier_run(self, req: int) -> bool:
        """A request that our driver sent in a run before the present one: a worker may still have it."""
        return 0 < req < self.run.number * RUN_STRIDE

    def left_of_earlier_runs(self) -> int:
        """Requests of earlier runs that its workers or loops still have."""
        held = {worker.req for worker in self.server.living() if worker.busy and self.of_earlier_run(worker.req)}
        return len(held) + len(self.run.left)

    def in_app(self) -> list[Request]:
        """Requests inside the app now: begun and not ended."""
        return [request for request in self.ledger.in_flight() if request.in_app]


class Failure(Struct, frozen=True):
    """Why the session can't go on: for a person, with the fix."""

    message: str
    hint: str = ""
    detail: str = ""
    status: int = 1


class Action(Struct, frozen=True):
    """Something that a person asked for and that was done."""

    t_ns: int
    action: str
    side: str = ""
    pid: int = 0
    detail: str = ""


class Measured(Struct, frozen=True):
    """Seconds that one request was measured to wait and to compute."""

    wait_s: float
    cpu_s: float


class State(Struct, frozen=True):
    """All of it. A side that is not run is not there."""

    t_ns: int = 0  # when the newest event was
    started: str = ""  # ISO 8601
    host: Mapping[str, Any] = field(default_factory=dict)
    settings: Settings = field(default_factory=make)
    phase: Phase = Phase.NEW
    failure: Failure | None = None
    measured: Measured | None = None
    attached: bool = False  # to servers that somebody else has started: there are no runs of ours
    attached_ns: int = 0  # since when
    run: int = 0  # number of the newest run that was requested
    fired: int = 0  # of the newest that a person asked for
    sides: Mapping[str, Side] = field(default_factory=dict)
    runs: tuple[RunSummary, ...] = ()  # that a person has fired and that have finished, the newest RUNS_KEPT
    actions: tuple[Action, ...] = ()  # the newest ACTIONS_KEPT
    sources: Mapping[str, str] = field(default_factory=dict)  # text of the apps' files, by path
    logs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the newest lines, by side

    @property
    def side_names(self) -> tuple[str, ...]:
        """Those that have a pane, left to right."""
        if self.attached:
            return tuple(sorted(self.sides, key=lambda name: (not name.startswith("wsgi"), name)))
        return tuple(name for name in self.settings.sides if name in self.sides)

    @property
    def lost(self) -> int:
        """Events that were lost, at all sides."""
        return sum(side.server.lost for side in self.sides.values())

    @property
    def running(self) -> bool:
        """A run is on at one of the sides."""
        return any(side.run.running for side in self.sides.values())

    @property
    def shows_fired(self) -> bool:
        """The newest run is one that a person asked for, not a calibration before it."""
        return self.run == self.fired

    @property
    def cores(self) -> int:
        """CPU cores that the servers may use."""
        cores = self.host.get("usable_cores")
        return cores if isinstance(cores, int) and cores > 0 else 1

    @property
    def events(self) -> int:
        return sum(side.server.events for side in self.sides.values())


ACTIONS_KEPT = 64
