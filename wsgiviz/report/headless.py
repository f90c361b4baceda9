"""A run without a screen: a live progress line, then a summary table or JSON."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from rich.console import Console

from wsgiviz.errors import WsgivizError
from wsgiviz.report.plain import plain
from wsgiviz.report.progress import Progress
from wsgiviz.report.result import result
from wsgiviz.report.summary import summary
from wsgiviz.session import Phase, Session
from wsgiviz.settings import Settings

PUMP_S = 1 / 60


class Interrupted(BaseException):
    """A signal asked us to end; ``number`` is its number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """SIGINT, SIGTERM and SIGHUP raise Interrupted, once; what follows is ignored, so that clean-up ends.

    Gives a function after which the first is ignored too. What is ignored already (as by nohup) stays so.
    """
    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in watched}
    before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}

    def deafen() -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)

    def interrupt(number: int, frame: FrameType | None) -> None:
        deafen()
        raise Interrupted(number)

    for number in before:
        signal.signal(number, interrupt)
    try:
        yield deafen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_headless(settings: Settings, json: str | None = None, ledger: bool = False, ascii_only: bool = False) -> int:
    """Run ``settings`` once and report; ``json`` is a file's name, or "-" for stdout. Gives the exit status.

    0 when the run was carried out, even if requests failed: they are counted in the report. Raises
    WsgivizError when it could not be carried out. An interrupt ends everything in order and gives 128 plus
    its number.
    """
    session = Session(settings)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        with interruptible() as deafen:
            try:
                try:
                    _carry_out(session, ascii_only)
                    _report(session, started, json, ledger, ascii_only)
                finally:
                    deafen()  # half a clean-up would leave processes
            finally:
                session.close()
    except Interrupted as interrupted:
        with contextlib.suppress(OSError):  # the terminal may be what ended
            print(f"wsgiviz: ended by {signal.Signals(interrupted.number).name}", file=sys.stderr)
        return 128 + interrupted.number
    return 0


def _carry_out(session: Session, ascii_only: bool) -> None:
    with Progress(session, ascii_only) as progress:
        session.start()
        session.fire()
        while session.phase is not Phase.FINISHED:
            session.pump()
            if session.failure is not None:
                raise session.failure
            progress.update(time.monotonic_ns())
            time.sleep(PUMP_S)


def _report(session: Session, started: str, target: str | None, ledger: bool, ascii_only: bool) -> None:
    now_ns = time.monotonic_ns()
    predictions = {side: session.prediction(side) for side in session.settings.sides}
    found = result(session.settings, session.picture, predictions, started, now_ns, ledger, session.pitfalls.rows())
    text = json.dumps(found, allow_nan=False, indent=1)
    console = Console(stderr=target == "-")
    console.print(summary(session.settings, session.picture, predictions, now_ns, plain(console, ascii_only)))
    if target == "-":
        print(text)
    elif target:
        write_whole(Path(target), text + "\n")
        console.print(f"JSON written to {target}", markup=False, highlight=False)


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all; a device or a pipe is written to as it is. Raises WsgivizError."""
    try:
        if path.exists() and not path.is_file():
            path.write_text(text)
        else:
            _replace(path.resolve(), text)
    except OSError as error:
        raise WsgivizError(f"can't write {path}: {error.strerror or error}", "choose another file") from error


def _replace(path: Path, text: str) -> None:
    mask = os.umask(0)
    os.umask(mask)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), 0o666 & ~mask)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise
