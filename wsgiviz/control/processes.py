"""The processes of a session: started, signalled, watched and ended. Nothing here waits, but for `close`.

Call everything from the main thread: a child is bound to the thread that started it (`wsgiviz.lifeline`).
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from wsgiviz.backend import Backend
from wsgiviz.control.failure import why_ended
from wsgiviz.control.launch import Launch, ServerProcess
from wsgiviz.control.load_client import LoadClient
from wsgiviz.errors import WsgivizError
from wsgiviz.interpreter import executable, lend_probe, look_at
from wsgiviz.probe.conf_chain import CONF_VARIABLE
from wsgiviz.recorder.codec import SIDES
from wsgiviz.recorder.contract_steps import FOLLOW_STEPS
from wsgiviz.recorder.layout import CAPACITY, DRIVER_CAPACITY
from wsgiviz.recorder.rundir import RunDirectory, room_for, sweep
from wsgiviz.settings import Settings, check_installed
from wsgiviz.state import Side

DEMO_APPS = Path(__file__).parents[2]
"""The folder that the demo apps are in, beside this package. What else a person has where they are is not theirs."""


class Processes:
    """``servers`` are those of the present settings, by side. Those that were told to stop are buried in time."""

    def __init__(self) -> None:
        self.servers: dict[str, ServerProcess] = {}
        self._retiring: list[ServerProcess] = []
        self._backend: Backend | None = None
        self._client: LoadClient | None = None
        self._rundir: RunDirectory | None = None

    # --- starting -------------------------------------------------------------------------------------------------

    def open(self, settings: Settings) -> Path:
        """Make the run directory, with room for what ``settings`` need, and give its path. Raises WsgivizError."""
        sweep()
        try:
            self._rundir = RunDirectory(_rings(settings) + DRIVER_RINGS)
        except OSError as error:
            raise _no_room(error) from error
        return self._rundir.path

    def start_client(self) -> None:
        """Start the load driver, if none runs. Raises WsgivizError."""
        if self._client is not None and self._client.alive:
            return
        rundir = self._opened()
        self._client = LoadClient.start(rundir.path, rundir.logs)

    def start_servers(self, settings: Settings, dsn: str | None) -> None:
        """Start a server for each side, and what the scenario needs beside them. Raises WsgivizError."""
        check_installed(settings)
        rundir = self._opened()
        try:
            room_for(rundir.path, _rings(settings))
            env = {**self._start_backend(settings, dsn), **self._lend(settings, rundir)}
        except OSError as error:
            raise _no_room(error) from error
        for side in settings.sides:
            launch = _launch(settings, side, rundir, env)
            launch.boot_error_path.unlink(missing_ok=True)
            self.servers[side] = ServerProcess(launch)

    def _start_backend(self, settings: Settings, dsn: str | None) -> Mapping[str, str]:
        if self._backend is not None:
            self._backend.close()
            self._backend = None
        scenario = settings.scenario_used
        if scenario is None or not scenario.backend:
            return {}
        rundir = self._opened()
        self._backend = Backend.start(scenario.backend, rundir.path, dsn, rundir.logs)
        return self._backend.env

    def _lend(self, settings: Settings, rundir: RunDirectory) -> Mapping[str, str]:
        """The probe for the app's own Python, and where that finds it."""
        env: dict[str, str] = {}
        scenario = settings.scenario_used
        if scenario is not None and scenario.follow_steps:
            env[FOLLOW_STEPS] = "1"
        if settings.gunicorn_conf:
            env[CONF_VARIABLE] = os.path.abspath(settings.gunicorn_conf)
        if settings.python:
            lent = lend_probe(look_at(executable(settings.python)), rundir.logs / "probe")
            env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(lent), os.environ.get("PYTHONPATH"))))
        return env

    def _opened(self) -> RunDirectory:
        if self._rundir is None:
            raise RuntimeError("the processes have no run directory yet")
        return self._rundir

    # --- watching -------------------------------------------------------------------------------------------------

    @property
    def client(self) -> LoadClient | None:
        """The load driver."""
        return self._client

    @property
    def retiring(self) -> bool:
        """Servers that were told to stop are still there."""
        return bool(self._retiring)

    def listeners(self) -> dict[str, socket.socket]:
        """The listening sockets of the servers that run, by side."""
        return {side: server.listener for side, server in self.servers.items() if server.exit_status() is None}

    def failure(self, sides: Mapping[str, Side]) -> WsgivizError | None:
        """What has ended by itself, in words; None while all is well. ``sides``: what is known of the servers."""
        for name, server in self.servers.items():
            status = server.exit_status()
            if status is not None:
                return why_ended(server.launch, status, sides[name].server if name in sides else None)
        if self._client is not None and not self._client.alive:
            return self._client.failure()
        if self._backend is not None and not self._backend.alive:
            return WsgivizError("the backend service of this scenario has ended", "fire again to restart it")
        return None

    def bury(self) -> list[ServerProcess]:
        """Servers that were told to stop and have ended since the last call. One that takes too long is killed."""
        gone = [server for server in self._retiring if server.gone()]
        self._retiring = [server for server in self._retiring if server not in gone]
        return gone

    # --- signals --------------------------------------------------------------------------------------------------

    def signal_master(self, side: str, number: signal.Signals) -> None:
        """Send a signal to the side's master, if it is there."""
        if side in self.servers:
            self.servers[side].signal(number)

    def signal_worker(self, side: str, pid: int, number: signal.Signals) -> bool:
        """Send a signal to one worker. False when it is not, or not any more, a child of the side's master."""
        server = self.servers.get(side)
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

    # --- ending ---------------------------------------------------------------------------------------------------

    def retire(self) -> None:
        """Tell all servers to stop."""
        for server in self.servers.values():
            server.stop()
        self._retiring += self.servers.values()
        self.servers = {}

    def close(self) -> list[ServerProcess]:
        """Stop everything and remove the run directory; give the servers that ended. It takes two seconds at most."""
        self.retire()  # all at once, so that the waits overlap
        servers, self._retiring = self._retiring, []
        if self._client is not None:
            self._client.close()
        for server in servers:
            server.close()
        if self._backend is not None:
            self._backend.close()
        if self._rundir is not None:
            self._rundir.remove()
        return servers


def _launch(settings: Settings, side: str, rundir: RunDirectory, env: Mapping[str, str]) -> Launch:
    there = look_at(executable(settings.python)) if settings.python else None
    return Launch(
        side=side,
        app=settings.target(side),
        kind=settings.kinds[side],
        workers=settings.processes(side),
        threads=settings.threads_of(side),
        timeout_s=settings.server_timeout or int(settings.scenario_seconds("server_timeout")),
        host=settings.host,
        rundir=rundir.path,
        logs=rundir.logs,
        env=env,
        folder=None if settings.own_app else DEMO_APPS,
        python=there.path if there else sys.executable,
        control_socket=there is None or there.control_socket or there.borrows_gunicorn,
        flags=settings.gunicorn_flags,
    )


DRIVER_RINGS = len(SIDES) * DRIVER_CAPACITY // CAPACITY
"""What the load driver's rings need, in rings of a worker."""


def _rings(settings: Settings) -> int:
    """How many rings the servers of ``settings`` write: one of each master and worker."""
    return sum(1 + settings.processes(side) for side in settings.sides)


def _no_room(error: OSError) -> WsgivizError:
    if error.errno == errno.ENOSPC:
        hint = "free some, or let XDG_RUNTIME_DIR name a directory that has more"
        return WsgivizError(f"no room for the flight recorder: {error.strerror} in {error.filename}", hint)
    return WsgivizError(f"can't make a run directory: {error.strerror or error}", "is the temp directory writable?")
