"""A run without a screen: a live progress line, then a summary table or JSON."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from wsgiviz.errors import WsgivizError
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
def interruptible() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise Interrupted, once; what follows is ignored, so that clean-up ends."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_headless(settings: Settings, json: str | None = None, ledger: bool = False) -> int:
    """Run ``settings`` once and report; ``json`` is a file's name, or "-" for stdout. Gives the exit status.

    0 when the run was carried out, even if requests failed: they are counted in the report. Raises WsgivizError
    when it could not be carried out. An interrupt ends everything in order and gives 128 plus its number.
    """
    session = Session(settings)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        with interruptible():
            try:
                _carry_out(session)
                _report(session, started, json, ledger)
            finally:
                session.close()
    except Interrupted as interrupted:
        print(f"wsgiviz: ended by {signal.Signals(interrupted.number).name}", file=sys.stderr)
        return 128 + interrupted.number
    return 0


def _carry_out(session: Session) -> None:
    with Progress(session) as progress:
        session.start()
        session.fire()
        while session.phase is not Phase.FINISHED:
            session.pump()
            if session.failure is not None:
                raise session.failure
            progress.update(time.monotonic_ns())
            time.sleep(PUMP_S)


def _report(session: Session, started: str, target: str | None, ledger: bool) -> None:
    now_ns = time.monotonic_ns()
    predictions = {side: session.prediction(side) for side in session.settings.sides}
    found = result(session.settings, session.picture, predictions, started, now_ns, ledger)
    console = Console(stderr=target == "-")
    console.print(summary(session.settings, session.picture, predictions, now_ns))
    if target == "-":
        print(json.dumps(found, allow_nan=False, indent=1))
    elif target:
        _write(Path(target), found)
        console.print(f"JSON written to {target}", markup=False, highlight=False)


def _write(path: Path, found: dict[str, Any]) -> None:
    """Write the file whole or not at all. Raises WsgivizError."""
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.absolute().parent, delete=False) as file:
            json.dump(found, file, allow_nan=False, indent=1)
            file.write("\n")
        mask = os.umask(0)
        os.umask(mask)
        Path(file.name).chmod(0o666 & ~mask)
        Path(file.name).replace(path)
    except OSError as error:
        raise WsgivizError(f"can't write {path}: {error.strerror or error}", "choose another file") from error
