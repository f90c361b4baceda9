"""A run without a screen: a live progress line, then a summary or JSON; and a recording, if one is wanted."""

from __future__ import annotations

import contextlib
import signal
import sys
import time

from wsgiviz.control.controller import Controller
from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.log import EventLog, RecordingWriter
from wsgiviz.report.interrupts import Interrupted, interruptible
from wsgiviz.report.output import write_report
from wsgiviz.report.progress import Progress
from wsgiviz.settings import Settings
from wsgiviz.state import Failure, Phase

PUMP_S = 1 / 60


def run_headless(
    settings: Settings,
    json: str | None = None,
    ledger: bool = False,
    ascii_only: bool = False,
    record: str | None = None,
) -> int:
    """Run ``settings`` once and report. Gives the exit status.

    ``json`` is a file's name, or "-" for stdout; ``record`` a file to which all events are written as they come.
    The status is 0 when the run was carried out, even if requests failed: they are counted in the report. Raises
    WsgivizError when it could not be carried out. An interrupt ends everything in order and gives 128 plus its
    number.
    """
    log = EventLog()
    recording = RecordingWriter(record) if record is not None else None
    if recording is not None:
        log.attach(recording)
    try:
        with interruptible() as ignore_more:
            controller = Controller(settings, log)
            try:
                try:
                    _carry_out(controller, log, ascii_only)
                    write_report(log.state, log.occurrences, json, ledger, ascii_only)
                finally:
                    ignore_more()  # half a clean-up would leave processes
            finally:
                controller.close()
                if recording is not None:
                    _end_recording(recording, log)
    except Interrupted as interrupted:
        _say(f"ended by {signal.Signals(interrupted.number).name}")
        return 128 + interrupted.number
    return 0


def _carry_out(controller: Controller, log: EventLog, ascii_only: bool) -> None:
    """From the start of the servers to the end of the run. Raises WsgivizError when it does not come to that."""
    with Progress(ascii_only) as progress:
        controller.start()
        controller.fire()
        while log.state.phase is not Phase.FINISHED:
            if log.state.failure is not None:
                raise _error(log.state.failure)
            progress.update(log.state, controller.pump())
            time.sleep(PUMP_S)


def _error(failure: Failure) -> WsgivizError:
    kind = UsageError if failure.status == UsageError.status else WsgivizError
    return kind(failure.message, failure.hint, failure.detail)


def _end_recording(recording: RecordingWriter, log: EventLog) -> None:
    """Say what has become of it. A recording that failed does not change how the run ended."""
    log.detach(recording)
    recording.close()
    _say(recording.failure or f"recording written to {recording.path} ({log.events} events)")


def _say(words: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be what has ended
        print(f"wsgiviz: {words}", file=sys.stderr, flush=True)
