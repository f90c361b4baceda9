"""The controller: turns what a person wants, and what happened, into commands; and reports both as events.

It decides by the State of its log alone. Beside that it holds handles of processes, deadlines, and what was asked for
and can't be done yet. Nothing waits, but for `Controller.close`. Call everything from the main thread.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime

from wsgiviz.analysis import booting
from wsgiviz.asking import read_body
from wsgiviz.control import phases
from wsgiviz.control.deadlines import Deadlines
from wsgiviz.control.failure import why_died_booting, why_not_ready
from wsgiviz.control.jobs import calibration_job, run_job
from wsgiviz.control.processes import Processes
from wsgiviz.control.scaling import Scaling
from wsgiviz.control.watch import Watch
from wsgiviz.errors import WsgivizError
from wsgiviz.events import (
    ActionTaken,
    Calibrated,
    Event,
    Failed,
    PhaseChanged,
    RunRequested,
    ServerRetired,
    ServerStarted,
    SessionOpened,
    SettingsChanged,
)
from wsgiviz.load.plan import Job
from wsgiviz.log import EventLog
from wsgiviz.settings import Settings, hidden, protocol
from wsgiviz.state import Phase, State

SHORT_REQUESTS = 30
"""This many requests, one after the other, show the cost of a short one."""

CALM_AFTER_NS = 500_000_000
CALM_EVERY_NS = 200_000_000
"""When nothing has happened for the first time, events are taken in no more often than the second."""


class Controller:
    """Both servers under one load, for as long as it is open. All that is known about them is in ``log.state``."""

    def __init__(
        self,
        settings: Settings,
        log: EventLog,
        processes: Processes | None = None,
        watch: Watch | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._log = log
        self._processes = processes or Processes()
        self._watch = watch or Watch()
        self._clock = clock
        self._deadlines = Deadlines()
        self._scaling = Scaling()
        self._secrets = settings.secrets  # the log never holds them
        self._wants_fire = False
        self._restarting = False
        self._opened = False
        self._moved_ns = self._polled_ns = clock()
        self._emit(SettingsChanged(clock(), "", 0, settings.given()))

    @property
    def _state(self) -> State:
        return self._log.state

    def _emit(self, *events: Event) -> None:
        if events:
            self._log.append(events)

    # --- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start servers and load driver, and return at once. What can't be started is a failure in the State."""
        from wsgiviz.control.host import describe_host  # takes a while to load, and the first frame does not need it

        now_ns = self._clock()
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self._emit(SessionOpened(now_ns, "", 0, started, describe_host(self._state.settings.python)))
        self._enter(Phase.STARTING, now_ns)
        self._start_servers()

    def _start_servers(self) -> None:
        settings = self._state.settings
        self._scaling = Scaling()
        try:
            self._open(settings)
            self._processes.start_client()
            self._processes.start_servers(settings, self._secrets["dsn"])
        except WsgivizError as error:
            self._fail(error)
            return
        now_ns = self._clock()
        self._deadlines.servers_started(now_ns, settings.ready_timeout)
        servers = self._processes.servers
        self._watch.follow(server.launch for server in servers.values())
        started = [
            ServerStarted(now_ns, side, server.pid, server.launch.kind, server.url, tuple(server.command))
            for side, server in servers.items()
        ]
        self._emit(*started, *self._watch.sources(self._state, now_ns))

    def _open(self, settings: Settings) -> None:
        if not hasattr(os, "fork"):
            raise WsgivizError("this platform has no fork(), which gunicorn needs", "use Linux, macOS, or WSL")
        if not self._opened:
            self._watch.open(self._processes.open(settings))
            self._opened = True

    def close(self) -> None:
        """Stop every process that was started and remove the run directory. At most about two seconds; may be
        called again."""
        if self._state.phase is Phase.CLOSED:
            return
        servers = self._processes.close()
        now_ns = self._clock()
        self._emit(*(ServerRetired(now_ns, server.launch.side, server.pid) for server in servers))
        self._enter(Phase.CLOSED, now_ns)
        self._watch.close()

    # --- what a person asks for -----------------------------------------------------------------------------------

    def fire(self) -> None:
        """A new run, as soon as the servers are ready. A run that is on is cancelled by it."""
        phase = self._state.phase
        if phase in phases.OPEN:
            self._send(Phase.RUNNING, self._run_job(), "fire")
        elif phase not in (Phase.FAILED, Phase.CLOSED):
            self._wants_fire = True

    def _run_job(self, requests: int | None = None) -> Job:
        return run_job(self._state, requests, self._secrets["header"] or "")

    def fire_one(self) -> None:
        """One request more to each side: in the newest run, which goes on where it has ended; before the first, a run
        of one."""
        state, client = self._state, self._processes.client
        if state.phase in phases.OPEN and client is not None and phases.can_go_on(state):
            self._note("more")
            self._deadlines.run_sent(self._moved_ns)
            self._emit(*phases.going_on(state, self._moved_ns))
            client.more(1)
        elif state.phase in phases.OPEN:
            self._send(Phase.RUNNING, self._run_job(requests=1), "fire")

    def cancel(self) -> None:
        """Give up the run that is on. What workers hold, they finish: a sync worker can't be notified."""
        client = self._processes.client
        if self._state.phase is Phase.RUNNING and client is not None:
            self._note("cancel")
            client.cancel()

    @property
    def scaled(self) -> str | None:
        """The side whose workers can be added and removed: the first that is gunicorn's, a WSGI one if there is."""
        kinds = self._state.settings.kinds
        sides = [side for side, kind in kinds.items() if kind != "uvicorn"]
        return min(sides, key=lambda side: protocol(kinds[side]) != "wsgi", default=None)

    def add_worker(self) -> None:
        """One worker more on the `scaled` side: gunicorn's TTIN."""
        self._want_workers(+1, "add_worker")

    def remove_worker(self) -> None:
        """One worker less: gunicorn's TTOU. The oldest goes, when it has finished its request."""
        self._want_workers(-1, "remove_worker")

    def _want_workers(self, by: int, action: str) -> None:
        side = self.scaled
        if side is not None and self._state.phase in phases.OPEN:
            server = self._state.sides[side].server
            self._scaling.want(server.wanted, by)
            self._note(action, side, server.pid)
            self._scale()

    def end_worker(self, side: str, pid: int, number: signal.Signals) -> bool:
        """Send a signal to one worker. False when it is not, or not any more, a child of a server of ours."""
        sent = self._processes.signal_worker(side, pid, number)
        if sent:
            self._note("end_worker", side, pid, number.name)
        return sent

    def reload(self) -> None:
        """Load the apps anew: gunicorn's HUP, which starts new workers and lets the old ones finish. Nothing before
        the servers are ready: HUP ends a gunicorn that has not set its signal handlers yet."""
        if self._state.phase not in (*phases.OPEN, Phase.MEASURING):
            return
        for side, server in self._processes.servers.items():
            if server.launch.kind != "uvicorn":
                self._note("reload", side, server.pid)
                self._processes.signal_master(side, signal.SIGHUP)
        self._emit(*self._watch.sources(self._state, self._clock()))

    def change(self, settings: Settings) -> None:
        """Take new settings, and fire. Servers are restarted when something that they were started with differs."""
        before, phase = self._state.settings, self._state.phase
        self._take(settings)
        if phase in (Phase.NEW, Phase.CLOSED):
            return
        if phase is Phase.FAILED or settings.servers != before.servers:
            self._restart()
        elif phases.needs_calibration(self._state) and settings.parameters != before.parameters:
            self._wants_fire = True
            if phase in (*phases.OPEN, Phase.MEASURING):
                self._send(Phase.MEASURING, calibration_job(self._state, 1))
        else:
            self.fire()

    def prepare(self, settings: Settings) -> None:
        """Take new settings, and fire nothing: servers are started anew for them, that have served nobody yet."""
        self._take(settings)
        if self._state.phase is Phase.NEW:
            self.start()
        elif self._state.phase is not Phase.CLOSED:
            self._restart(fire=False)

    def _take(self, settings: Settings) -> None:
        hidden_before = hidden(self._secrets)
        for name, value in settings.secrets.items():
            if value is None or value != hidden_before[name]:
                self._secrets[name] = value
        self._moved_ns = self._clock()
        self._emit(SettingsChanged(self._moved_ns, "", 0, settings.given()))

    def _restart(self, fire: bool = True) -> None:
        """Retire the servers; others are started when these are gone (`_act`)."""
        self._wants_fire, self._restarting = fire, True
        self._enter(Phase.STARTING, self._clock())
        self._stop()

    def _note(self, action: str, side: str = "", pid: int = 0, detail: str = "") -> None:
        self._moved_ns = self._clock()
        self._emit(ActionTaken(self._moved_ns, side, pid, action, detail))

    # --- the pump -------------------------------------------------------------------------------------------------

    @property
    def calm(self) -> bool:
        """Nothing happens, and has not for a while: looking a few times a second is enough."""
        return self._polled_ns - self._moved_ns >= CALM_AFTER_NS

    def pump(self) -> int:
        """Take in what happened since the last call, act on it, and give the time (CLOCK_MONOTONIC, ns).

        Call it 20 to 60 times a second; it never waits. While it is `calm`, it mostly does no more than look at the
        clock.
        """
        now_ns = self._clock()
        if self._state.phase is Phase.CLOSED or (self.calm and now_ns - self._polled_ns < CALM_EVERY_NS):
            return now_ns
        self._polled_ns = now_ns
        events = self._watch.new(self._state, self._processes.listeners(), now_ns)
        self._emit(*events)
        if not phases.at_rest(self._state, events):
            self._moved_ns = now_ns
        self._act(now_ns)
        return now_ns

    def _act(self, now_ns: int) -> None:
        """What follows from the State."""
        self._emit(*(ServerRetired(now_ns, server.launch.side, server.pid) for server in self._processes.bury()))
        phase = self._state.phase
        if self._restarting:
            if not self._processes.retiring:
                self._restarting = False
                self._watch.forget(self._state.sides)
                self._start_servers()
        elif phase in (Phase.NEW, Phase.FAILED):
            return
        elif (failure := self._failure(now_ns)) is not None:
            self._fail(failure)
        elif phase is Phase.STARTING:
            self._check_ready(now_ns)
        else:
            self._scale()
            if phase is Phase.FINISHED and self._state.running:  # a request was added as the run ended
                self._enter(Phase.RUNNING, now_ns)
            elif phase in phases.RUN_ON:
                self._check_ended(now_ns)

    def _failure(self, now_ns: int) -> WsgivizError | None:
        """What has ended by itself, in words; None while all is well."""
        if self._processes.failure(self._state.sides) is not None:  # what it has recorded last says more
            self._emit(*self._watch.new(self._state, self._processes.listeners(), now_ns))
        return self._processes.failure(self._state.sides)

    def _enter(self, phase: Phase, now_ns: int) -> None:
        self._emit(PhaseChanged(now_ns, "", 0, phase.value))

    def _fail(self, failure: WsgivizError) -> None:
        """What stands is stopped. The session can go on with `change`."""
        now_ns = self._moved_ns = self._clock()
        said = Failed(now_ns, "", 0, failure.message, failure.hint, failure.detail, failure.status)
        self._emit(*self._watch.last_words(now_ns), said, PhaseChanged(now_ns, "", 0, Phase.FAILED.value))
        self._wants_fire = self._restarting = False
        self._stop()

    def _stop(self) -> None:
        if self._processes.client is not None:
            self._processes.client.cancel()
        self._processes.retire()

    def _scale(self) -> None:
        side = self.scaled
        number = self._scaling.due(self._state.sides[side].server.wanted) if side is not None else None
        if side is not None and number is not None:
            self._processes.signal_master(side, number)

    def _check_ready(self, now_ns: int) -> None:
        if (died := phases.died_booting(self._state)) is not None:
            self._fail(why_died_booting(self._processes.servers[died.side.name].launch, *died))
            return
        late, client = phases.late_side(self._state), self._processes.client
        if late is None and client is not None and self._watch.driver_ready(self._state.sides, client.pid):
            if phases.needs_calibration(self._state):
                self._send(Phase.MEASURING, calibration_job(self._state, 1))
            else:
                self._become_ready(now_ns)
        elif self._deadlines.too_late_to_get_ready(now_ns):
            waited_s = self._state.settings.ready_timeout
            if late is not None:
                at = booting.of_side(self._state.sides[late])
                self._fail(why_not_ready(self._processes.servers[late].launch, waited_s, at))
            else:
                words = f"the load driver was not ready after {waited_s:g} s"
                self._fail(WsgivizError(words, "is the machine very busy?"))

    def _become_ready(self, now_ns: int) -> None:
        self._enter(Phase.READY, now_ns)
        if self._wants_fire:
            self.fire()

    # --- runs -----------------------------------------------------------------------------------------------------

    def _send(self, phase: Phase, job: Job, action: str = "") -> None:
        """Begin a run. That it was asked for is in the log before the driver knows of it."""
        client = self._processes.client
        if client is None:
            return
        try:
            body = read_body(self._secrets["body"] or "")
        except WsgivizError as error:
            self._fail(error)
            return
        now_ns = self._moved_ns = self._clock()
        self._deadlines.run_sent(now_ns)
        if phase is Phase.RUNNING:
            self._wants_fire = False
        at = tuple(target.side for target in job.targets)
        self._emit(
            *self._watch.everything(self._state, now_ns),
            *([ActionTaken(now_ns, "", 0, action)] if action else []),
            RunRequested(
                now_ns, "", 0, job.run, job.requests, at, phase is Phase.MEASURING, job.paths, job.websocket
            ),
            PhaseChanged(now_ns, "", 0, phase.value),
        )
        try:
            client.fire(job, body)
        except OSError as error:
            self._fail(WsgivizError(f"can't hand the body on: {error.strerror or error}", "is the disk full?"))

    def _check_ended(self, now_ns: int) -> None:
        if not phases.run_ended(self._state):
            silent_s = self._deadlines.silent_s(self._state, now_ns)
            if silent_s:
                words = f"the load driver has been silent for {silent_s:.0f} s"
                self._fail(WsgivizError(words, "fire again; if it comes again, the machine may be too busy"))
        elif self._deadlines.settled(self._state, now_ns):
            if self._state.phase is Phase.MEASURING:
                self._note_calibration(now_ns)
            else:
                # The report of the run is made of the State after exactly these.
                finished = PhaseChanged(now_ns, "", 0, Phase.FINISHED.value)
                self._emit(*self._watch.everything(self._state, now_ns), finished)

    def _note_calibration(self, now_ns: int) -> None:
        found = phases.calibration(self._state)
        if found.short:
            self._send(Phase.MEASURING, calibration_job(self._state, SHORT_REQUESTS))
            return
        wait_s, cpu_s = (found.measured.wait_s, found.measured.cpu_s) if found.measured else (-1.0, -1.0)
        self._emit(Calibrated(now_ns, "", 0, wait_s, cpu_s))
        self._become_ready(now_ns)
