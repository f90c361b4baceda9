"""The load driver, as the viewer sees it: a process that takes jobs on its stdin and reports into rings."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from wsgiviz.control.failure import ending, log_tail
from wsgiviz.control.launch import SAFE_PATH
from wsgiviz.errors import WsgivizError
from wsgiviz.lifeline import parent_environment
from wsgiviz.load.plan import Job

STOP_PATIENCE_S = 1.0


class LoadClient:
    """The driver's process. Start it from the main thread; it ends with its owner, however that ends."""

    def __init__(self, process: subprocess.Popen[bytes], log_path: Path) -> None:
        self.process = process
        self.log_path = log_path

    @classmethod
    def start(cls, rundir: Path, logs: Path | None = None) -> LoadClient:
        """Start it. It is ready to fire when its rings appear in ``rundir``. Raises WsgivizError.

        When its owner has died, it removes both directories.
        """
        logs = logs or rundir
        log_path = logs / "driver.log"
        try:
            with log_path.open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, SAFE_PATH, "-m", "wsgiviz.load.driver", str(rundir), str(logs)],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=os.environ | parent_environment(),
                    process_group=0,
                )
        except OSError as error:
            raise WsgivizError(f"can't start the load driver: {error}") from error
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)
        return cls(process, log_path)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def fire(self, job: Job, body: bytes = b"") -> None:
        """Start a run; one that is on is cancelled by it. ``body`` goes by a file, as it may not fit the pipe.
        Raises OSError when that can't be written."""
        if body:
            path = self.log_path.with_name(f"body-{job.run}")
            path.write_bytes(body)
            job = replace(job, body_file=str(path))
        self._command(f'{{"fire": {job.to_json()}}}\n')

    def more(self, count: int) -> None:
        """This many requests more, to each side, in the run that is on."""
        self._command(f'{{"more": {count}}}\n')

    def cancel(self) -> None:
        """Give up the run that is on, if one is."""
        self._command('{"cancel": true}\n')

    def _command(self, line: str) -> None:
        """Write a line of a few hundred bytes. It fits the pipe, or the driver has not read for thousands of them."""
        assert self.process.stdin is not None
        # A driver that died is noticed by `alive`, and one that reads no more by its silence.
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            os.write(self.process.stdin.fileno(), line.encode())

    def failure(self) -> WsgivizError:
        """What to say when it has ended by itself."""
        log = log_tail(self.log_path)
        hint = "the end of its log follows" if log else "fire again to start another one"
        return WsgivizError(f"the load driver {ending(self.process.poll() or 0)}", hint, log)

    def close(self) -> None:
        """End the process by closing its stdin, or by killing it when it does not go. May be called again."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
