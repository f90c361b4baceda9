"""The session: wires servers, load driver, collector and reducer. The only mutable holder.

Views read `picture` and `phase`, and ask for what they want by plain calls; nothing here waits, but for `close`.
Call everything from the main thread: children are bound to the thread that starts them (`wsgiviz.lifeline`).
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

import psutil

from wsgiviz.companion import Companion
from wsgiviz.errors import WsgivizError
from wsgiviz.events import Event, Kind
from wsgiviz.load import Driver
from wsgiviz.load.plan import Job, Target
from wsgiviz.model.costing import from_many, from_one
from wsgiviz.model.lints import Scene
from wsgiviz.model.reducer import reduce
from wsgiviz.model.state import Doing, Picture, Side
from wsgiviz.model.theory import Prediction
from wsgiviz.observe.collector import Collector
from wsgiviz.observe.sampler import Sampler
from wsgiviz.pitfalls import Pitfalls, scene_of
from wsgiviz.prediction import prediction
from wsgiviz.recorder import rundir
from wsgiviz.scenarios import Cost
from wsgiviz.servers.failure import why_ended, why_not_ready
from wsgiviz.servers.launch import Launch, Server
from wsgiviz.servers.scaling import Scaling
from wsgiviz.settings import Settings, protocol

READY_WITHIN_S = 20.0
SETTLE_S = 0.25
"""After the driver's last word, workers may still be closing what they answered: they get this long."""

SHORT_ONES = 30
"""So many requests, one after the other, tell the cost of a short one."""


class Phase(StrEnum):
    """How far the session is. Measuring: one request alone is sent, to know what one costs here."""

    NEW = "new"
    STARTING = "starting"
    MEASURING = "measuring"
    READY = "ready"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CLOSED = "closed"


class Session:
    """Both servers under one load, for as long as it is open."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.phase = Phase.NEW
        self.failure: WsgivizError | None = None
        self.cost: Cost | None = None
        self._servers: dict[str, Server] = {}
        self._retiring: list[Server] = []
        self._companion: Companion | None = None
        self._driver: Driver | None = None
        self._rundir: rundir.RunDirectory | None = None
        self._collector: Collector | None = None
        self._sampler = Sampler()
        self._run = 0
        self._fired = 0
        self.pitfalls = Pitfalls()
        self.picture = Picture()
        self.picture = self._empty_picture()
        self._wants_fire = False
        self._deadline = 0.0
        self._ended_at: float | None = None
        self._reopen: Settings | None = None
        self._scaling = Scaling()

    # --- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start companion, driver and servers, and return at once. Raises WsgivizError when one can't be started."""
        if not hasattr(os, "fork"):
            raise WsgivizError(
                "this platform has no fork(), which gunicorn needs", "use Linux, macOS, or WSL on Windows"
            )
        rundir.sweep()
        try:
            self._rundir = rundir.RunDirectory()
        except OSError as error:
            raise WsgivizError(f"can't make a run directory: {error}", "is there room in the temp dir?") from error
        self._collector = Collector(self.rundir)
        self._driver = Driver.start(self.rundir)
        self._open()

    @property
    def rundir(self) -> Path:
        """The private directory of this session's rings and logs."""
        if self._rundir is None:
            raise RuntimeError("the session is not started")
        return self._rundir.path

    def _open(self) -> None:
        """Start what the present settings need."""
        settings = self.settings
        env: dict[str, str] = {}
        scenario = settings.scenario_used
        if scenario is not None and scenario.companion:
            self._companion = Companion.start(scenario.companion, self.rundir, settings.dsn)
            env = dict(self._companion.env)
        self.cost = scenario.cost(settings.parameters) if scenario is not None else None
        for side in settings.sides:
            self._servers[side] = Server(self._launch(side, env))
        self._scaling = Scaling()
        self.phase = Phase.STARTING
        self._deadline = time.monotonic() + READY_WITHIN_S

    def _launch(self, side: str, env: Mapping[str, str]) -> Launch:
        settings = self.settings
        return Launch(
            side=side,
            app=settings.target(side),
            kind=settings.kinds[side],
            workers=settings.processes(side),
            threads=settings.threads_of(side),
            timeout_s=int(settings.scenario_seconds("server_timeout")),
            host=settings.host,
            rundir=self.rundir,
            env=env,
        )

    def close(self) -> None:
        """Stop every process that was started and remove the run directory. At most about two seconds; may be
        called again."""
        if self.phase is Phase.CLOSED:
            return
        self.phase = Phase.CLOSED
        servers = [*self._servers.values(), *self._retiring]
        for server in servers:
            server.stop()  # all at once, so that the waits overlap
        if self._driver is not None:
            self._driver.close()
        for server in servers:
            server.close()
        if self._companion is not None:
            self._companion.close()
        if self._collector is not None:
            self._collector.close()
        self._sampler.close()
        if self._rundir is not None:
            self._rundir.remove()

    # --- what a person asks for -----------------------------------------------------------------------------------

    def fire(self) -> None:
        """A new run, as soon as the servers are ready. A run that is on is cancelled by it."""
        if self.phase in (Phase.READY, Phase.RUNNING, Phase.FINISHED):
            self._wants_fire = False
            self._fire()
        elif self.phase is not Phase.FAILED:
            self._wants_fire = True

    def _fire(self, requests: int | None = None) -> None:
        settings = self.settings
        self._send(
            Phase.RUNNING,
            Job(
                run=self._run + 1,
                targets=self._targets(),
                requests=requests or settings.requests,
                arrivals=settings.arrivals,
                concurrency=settings.concurrency,
                timeout_s=settings.timeout,
                order=settings.order,
                duration_s=settings.duration,
                send_over_s=settings.scenario_seconds("send_over"),
                read_over_s=settings.scenario_seconds("read_over"),
            ),
        )

    def _measure(self, requests: int) -> None:
        """Send some requests one after the other, to know what one costs here."""
        self._send(
            Phase.MEASURING,
            Job(self._run + 1, self._targets(), requests, "closed", 1, self.settings.timeout, "in-turn"),
        )

    def _targets(self) -> tuple[Target, ...]:
        return tuple(Target(side, url) for side, url in self.urls.items())

    def _send(self, phase: Phase, job: Job) -> None:
        if self._driver is None:
            return
        self._ended_at = None
        self._run = job.run
        self._feed(self._sampler.everything(self.picture, time.monotonic_ns()))
        self._driver.fire(job)
        self.phase = phase
        if phase is Phase.RUNNING:
            self._fired, self.pitfalls.found = job.run, None

    def fire_one(self) -> None:
        """One request more to each side: in the run that is on, or else a run of one."""
        if self.phase is Phase.RUNNING and self._driver is not None:
            self._driver.more(1)
        elif self.phase in (Phase.READY, Phase.FINISHED):
            self._fire(requests=1)

    def cancel(self) -> None:
        """Give up the run that is on. What workers hold, they finish: a sync worker can't be told."""
        if self._driver is not None and self.phase is Phase.RUNNING:
            self._driver.cancel()

    @property
    def scaled(self) -> str | None:
        """The side whose workers can be added and removed: the first that is gunicorn's, a WSGI one if there is."""
        sides = [side for side, kind in self.settings.kinds.items() if kind != "uvicorn"]
        return min(sides, key=lambda side: protocol(self.settings.kinds[side]) != "wsgi", default=None)

    def add_worker(self) -> None:
        """One worker more on the `scaled` side: gunicorn's TTIN."""
        self._want_workers(+1)

    def remove_worker(self) -> None:
        """One worker less: gunicorn's TTOU. The oldest goes, when it has finished its request."""
        self._want_workers(-1)

    def _want_workers(self, by: int) -> None:
        side = self.scaled
        if side in self._servers and self.phase in (Phase.READY, Phase.RUNNING, Phase.FINISHED):
            self._scaling.want(self.picture.sides[side].wanted, by)
            self._scale()

    def _scale(self) -> None:
        side = self.scaled
        number = self._scaling.due(self.picture.sides[side].wanted) if side in self._servers else None
        if side is not None and number is not None:
            self._servers[side].signal(number)

    def end_worker(self, side: str, pid: int, number: signal.Signals) -> bool:
        """Send a signal to one worker. False when it is not, or not any more, a child of a server of ours."""
        server = self._servers.get(side)
        if server is None or server.exit_status() is not None:
            return False
        try:
            worker = psutil.Process(pid)
            if worker.ppid() != server.pid:
                return False
            worker.send_signal(number)  # psutil makes sure that the pid has not been taken by another since
        except psutil.Error:
            return False
        return True

    def reload(self) -> None:
        """Load the apps anew: gunicorn's HUP, which starts new workers and lets the old ones finish."""
        for side, server in self._servers.items():
            if self.settings.kinds[side] != "uvicorn":
                server.signal(signal.SIGHUP)

    def change(self, settings: Settings) -> None:
        """Take new settings. Servers are restarted when something that they were started with differs."""
        before, self.settings = self.settings, settings
        if self.phase in (Phase.NEW, Phase.CLOSED):
            return
        if self.phase is not Phase.FAILED and settings.servers == before.servers:
            self.fire()
            return
        if self._driver is not None:
            self._driver.cancel()
        self._wants_fire = True
        self.failure = None
        self.phase = Phase.STARTING
        self._retire()
        self._reopen = settings
        if settings.kinds != before.kinds:
            self.picture = self._empty_picture()

    def _retire(self) -> None:
        for server in self._servers.values():
            server.stop()
        self._retiring += self._servers.values()
        self._servers = {}

    # --- the pump -------------------------------------------------------------------------------------------------

    def pump(self) -> Picture:
        """Take in what happened since the last call. Call it 20 to 60 times a second; it never waits."""
        if self._collector is None or self.phase is Phase.CLOSED:
            return self.picture
        events = self._collector.poll()
        now_ns = time.monotonic_ns()
        listeners = {side: server.listener for side, server in self._servers.items() if not server.stopping}
        self._feed(events + self._sampler.due(self.picture, listeners, events, now_ns))
        self._look_for_pitfalls()
        self._supervise()
        return self.picture

    def _feed(self, events: list[Event]) -> None:
        self.picture = reduce(self.picture, events)

    def _supervise(self) -> None:
        self._bury()
        if self._reopen is not None:
            if not self._retiring:
                self._restart()
            return
        for server in self._servers.values():
            status = server.exit_status()
            if status is not None and self.phase is not Phase.FAILED:
                self._fail(why_ended(server, status))
                return
        if self.phase is Phase.FAILED:
            return
        if self._driver is not None and not self._driver.alive:
            self._fail(self._driver.failure())
            return
        if self._companion is not None and not self._companion.alive:
            self._fail(WsgivizError("the slow service that this scenario calls has ended", "fire again to restart"))
            return
        self._scale()
        if self.phase is Phase.STARTING:
            self._check_ready()
        elif self.phase in (Phase.RUNNING, Phase.MEASURING):
            self._check_finished()

    def _bury(self) -> None:
        """A master that has ended took its workers with it; a killed one could not say so itself."""
        gone = [server for server in self._retiring if server.gone()]
        if gone:
            now_ns = time.monotonic_ns()
            self._feed([Event(now_ns, Kind.MASTER_EXIT, server.launch.side, server.pid) for server in gone])
            self._retiring = [server for server in self._retiring if server not in gone]

    def _restart(self) -> None:
        """The old servers are gone: forget them, and start those of the new settings."""
        self._reopen = None
        if self._collector is not None:
            self._collector.poll()
            for side in self.picture.sides.values():
                self._collector.forget(side.name)
            self._sampler.forget(self.picture)
        if self._companion is not None:
            self._companion.close()
            self._companion = None
        for left in self.rundir.glob("*-boot-error.json"):
            left.unlink(missing_ok=True)
        self.picture = self._empty_picture()
        try:
            if self._driver is None or not self._driver.alive:
                self._driver = Driver.start(self.rundir)
            self._open()
        except WsgivizError as error:
            self._fail(error)

    def _empty_picture(self) -> Picture:
        """Nothing is known yet, but for what the servers before these have lost."""
        lost = {name: side.lost for name, side in self.picture.sides.items()}
        kinds = self.settings.kinds.items()
        return Picture(run=self._run, sides={name: Side(name, kind, lost=lost.get(name, 0)) for name, kind in kinds})

    def _fail(self, failure: WsgivizError) -> None:
        """What stands is stopped; the session can go on with `change`."""
        self.failure = failure
        self.phase = Phase.FAILED
        if self._driver is not None:
            self._driver.cancel()
        self._retire()

    def _check_ready(self) -> None:
        late = next((s for s in self._servers.values() if not self._is_ready(s)), None)
        driver_ready = self._collector is not None and all(self._collector.has_driver(side) for side in self._servers)
        if late is None and driver_ready:
            self._become_ready()
        elif time.monotonic() > self._deadline:
            self._fail(
                why_not_ready(late, READY_WITHIN_S)
                if late is not None
                else WsgivizError("the load driver did not get ready", "", "")
            )

    def _is_ready(self, server: Server) -> bool:
        side = self.picture.sides[server.launch.side]
        ready = [worker for worker in side.living() if worker.doing not in (Doing.BOOTING, Doing.STOPPING)]
        return side.master_up and len({worker.pid for worker in ready}) >= server.launch.workers

    def _become_ready(self) -> None:
        if self.cost is not None and math.isnan(self.cost.cpu_s):
            self._measure(1)
            return
        self._ready()

    def _ready(self) -> None:
        self.phase = Phase.READY
        if self._wants_fire:
            self.fire()

    def _check_finished(self) -> None:
        sides = [self.picture.sides[name] for name in self._servers]
        if not all(side.run == self._run and side.run_ended_ns for side in sides):
            return
        now = time.monotonic()
        if self._ended_at is None:
            self._ended_at = now
        if any(side.in_flight for side in sides) and now - self._ended_at < SETTLE_S:
            return
        if self.phase is Phase.MEASURING:
            self._note_cost(sides[0])
        else:
            self.phase = Phase.FINISHED
            self._feed(self._sampler.everything(self.picture, time.monotonic_ns()))
            self._look_for_pitfalls(at_once=True)

    def _note_cost(self, side: Side) -> None:
        """What one request costs here, as was just measured; not known when it failed."""
        measured = from_many(side) if side.planned > 1 else from_one(side)
        if measured is not None and measured.short and side.planned == 1:
            self._measure(SHORT_ONES)
            return
        if self.cost is not None:
            self.cost = replace(self.cost, wait_s=measured.wait_s, cpu_s=measured.cpu_s) if measured else None
        self._ready()

    def _look_for_pitfalls(self, at_once: bool = False) -> None:
        now_ns = time.monotonic_ns()
        if self.showing_run:
            self.pitfalls.look(now_ns, lambda: self.scene(self.picture, now_ns), at_once)

    # --- what views ask -------------------------------------------------------------------------------------------

    def scene(self, picture: Picture, now_ns: int) -> Scene:
        """What captions and lints need to know beside the picture."""
        return scene_of(self.settings, self.cost, picture, self.cores, now_ns)

    @property
    def showing_run(self) -> bool:
        """The picture is of the run that was fired last, not of the one before it."""
        return self.picture.run == self._fired

    @property
    def urls(self) -> Mapping[str, str]:
        """The address of each side, with the path that is requested."""
        path = self.settings.request_path
        return {side: server.url + path for side, server in self._servers.items()}

    @property
    def cores(self) -> int:
        """CPU cores that this process, and so its servers, may use."""
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    def log_path(self, side: str) -> Path:
        """The server's log: what gunicorn and the app wrote to stdout and stderr."""
        return self.rundir / f"{side}.log"

    def prediction(self, side: str) -> Prediction | None:
        """How long all requests should take, by the theory; None when one request's cost is not known."""
        return prediction(self.settings, self.cost, self.picture, side, self.cores)
