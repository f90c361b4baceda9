"""The load driver, as the viewer sees it: a process that takes jobs and reports into rings."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from wsgiviz.errors import WsgivizError
from wsgiviz.load.plan import Job

STOP_PATIENCE_S = 1.0


class Driver:
    """The driver's process. Start it from the main thread; it ends with its owner, however that ends."""

    def __init__(self, process: subprocess.Popen[bytes], log_path: Path) -> None:
        self.process = process
        self.log_path = log_path

    @classmethod
    def start(cls, rundir: Path) -> Driver:
        """Start it. It is ready to fire when its rings appear in ``rundir``."""
        log_path = rundir / "driver.log"
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "wsgiviz.load.driver", str(rundir)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)
        return cls(process, log_path)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def fire(self, job: Job) -> None:
        """Start a run; one that is on is cancelled by it."""
        self._command(f'{{"fire": {job.to_json()}}}\n')

    def more(self, count: int) -> None:
        """So many requests more, to each side, in the run that is on."""
        self._command(f'{{"more": {count}}}\n')

    def cancel(self) -> None:
        """Give up the run that is on, if one is."""
        self._command('{"cancel": true}\n')

    def _command(self, line: str) -> None:
        """Write a line of a few hundred bytes. It fits the pipe, or the driver has not read for thousands of them."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError, BlockingIOError):  # a driver that died is noticed by `alive`
            os.write(self.process.stdin.fileno(), line.encode())

    def failure(self) -> WsgivizError:
        """What to say when it has ended by itself."""
        status = self.process.poll() or 0
        ending = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        words = ""
        with contextlib.suppress(OSError):
            words = "\n".join(self.log_path.read_text(errors="replace").splitlines()[-12:])
        hint = "its last words follow" if words else "fire again to start it anew"
        return WsgivizError(f"the load driver {ending}", hint, words)

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
