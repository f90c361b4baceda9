"""One server: gunicorn as its plain command with our configuration module, or uvicorn; and ended by its pid."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wsgiviz.errors import WsgivizError
from wsgiviz.lifeline import parent_environment

SAFE_PATH = "-P"
"""Without it, ``python -m`` looks for modules in the current folder first, where files may be named like the standard
library's. gunicorn and uvicorn put that folder on the path when they load the app, as their own commands do."""

BACKLOG = 2048
"""gunicorn's own default; the kernel caps it at net.core.somaxconn (listen(2))."""

STOP_PATIENCE_S = 1.5
"""A master told to stop gets this long; then it is killed, and its workers with it (see wsgiviz.lifeline)."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start: ``app`` is an import string, ``kind`` a worker class or "uvicorn"; ``env`` is added to the
    environment. A ``timeout_s`` of 0 is the server's own default. Its rings go to ``rundir``, its log to ``logs``.
    It runs in ``folder``, where its app is looked for first; None is the current one.
    ``python`` runs it; ``control_socket``: that gunicorn has one; ``flags`` are options of gunicorn's own."""

    side: str
    app: str
    kind: str
    workers: int
    threads: int
    timeout_s: int
    host: str
    rundir: Path
    logs: Path
    env: Mapping[str, str]
    folder: Path | None = None
    python: str = sys.executable
    control_socket: bool = True
    flags: tuple[str, ...] = ()

    @property
    def log_path(self) -> Path:
        """What the server and the app write to stdout and stderr."""
        return self.logs / f"{self.side}.log"

    @property
    def boot_error_path(self) -> Path:
        """Where the probe writes what kept the app from being loaded (`wsgiviz.probe.boot`)."""
        return self.rundir / f"{self.side}-boot-error.json"

    def command(self, fd: int) -> list[str]:
        """The command line, listening on the inherited file descriptor ``fd``."""
        if self.kind == "uvicorn":
            return [
                self.python, SAFE_PATH, "-m", "wsgiviz.probe.uvicorn_master",
                "--fd", str(fd),
                "--workers", str(self.workers),
                "--backlog", str(BACKLOG),
                self.app,
            ]  # fmt: skip
        return [
            self.python, SAFE_PATH, "-m", "gunicorn",
            "--config", "python:wsgiviz.probe.gunicorn_conf",
            "--worker-class", self.kind,
            "--workers", str(self.workers),
            "--threads", str(self.threads),
            "--bind", f"fd://{fd}",
            "--backlog", str(BACKLOG),
            "--worker-tmp-dir", str(self.rundir),
            *(["--no-control-socket"] if self.control_socket else []),
            *(["--timeout", str(self.timeout_s)] if self.timeout_s else []),
            *self.flags,
            self.app,
        ]  # fmt: skip


class ServerProcess:
    """A running master. Start it from a thread that lives as long as the server shall.

    (Linux binds the death signal of prctl(2) to the thread which forked, not to its process.) Raises WsgivizError
    when it can't be started.
    """

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self._stop_by: float | None = None
        self.listener = _bind(launch.host)
        self.command = launch.command(self.listener.fileno())
        try:
            self.process = self._spawn()
        except OSError as error:
            self.listener.close()
            raise WsgivizError(f"can't start the {launch.side.upper()} server: {error}") from error

    def _spawn(self) -> subprocess.Popen[bytes]:
        launch = self.launch
        env = {key: value for key, value in os.environ.items() if key != "GUNICORN_CMD_ARGS"}
        env |= parent_environment()
        env |= {"WSGIVIZ_RUN_DIR": str(launch.rundir), "WSGIVIZ_SIDE": launch.side, **launch.env}
        with launch.log_path.open("ab") as log:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=launch.folder,
                pass_fds=(self.listener.fileno(),),
                process_group=0,  # the terminal's Ctrl-C is for the viewer, which ends the server in order
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        host, port = self.listener.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def stopping(self) -> bool:
        return self._stop_by is not None

    def exit_status(self) -> int | None:
        """The master's exit status, negative for a signal; None while it lives. Never waits."""
        ended = self.process.returncode is not None
        status = self.process.poll()
        if status is not None and not ended:
            self._ended()
        return status

    def _ended(self) -> None:
        """Our copy of the listening socket would keep clients waiting for nobody. And what the app has started in the
        server's process group, such as a pool of processes, may wait for ever for a worker that was killed."""
        self.listener.close()
        with contextlib.suppress(ProcessLookupError):  # as long as one is left, the group's number is nobody else's
            os.killpg(self.pid, signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Send a signal to the master, if it is there."""
        self.process.send_signal(number)

    def stop(self) -> None:
        """Tell the master to stop now, not gracefully: SIGINT, as gunicorn and uvicorn take it. Returns at once."""
        if self._stop_by is None:
            self._stop_by = time.monotonic() + STOP_PATIENCE_S
            self.signal(signal.SIGINT)

    def gone(self) -> bool:
        """Whether a master told to stop has ended; one that took too long is killed. Never waits."""
        if self.exit_status() is not None:
            return True
        if self._stop_by is not None and time.monotonic() > self._stop_by:
            self.signal(signal.SIGKILL)
        return False

    def close(self) -> None:
        """Stop, and wait until it is over: at most about two seconds."""
        self.stop()
        if self.process.returncode is not None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_PATIENCE_S)
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        self._ended()


def _bind(host: str) -> socket.socket:
    """A TCP socket on ``host`` and a port of the kernel's choice: bound here, so that no port can be raced for."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.bind((host, 0))
    except OSError as error:
        listener.close()
        raise WsgivizError(
            f"can't listen on {host}: {error.strerror or error}", "--host takes an address of this machine"
        ) from error
    return listener
