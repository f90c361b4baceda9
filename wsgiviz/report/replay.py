"""The report of a recorded run: the same as when it was live."""

from __future__ import annotations

import sys

from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.log import Recording, Snapshot, open_recording
from wsgiviz.printable import printable
from wsgiviz.report.output import write_report
from wsgiviz.state import Failure, Phase


def run_replay(path: str, json: str | None = None, ledger: bool = False, ascii_only: bool = False) -> int:
    """Report on the last run in the recording ``path``; ``json`` is a file's name, or "-" for stdout.

    Gives the exit status. What is missing from the recording is said on stderr. Raises WsgivizError when it can't be
    read; and when the session failed, as it did when it was live.
    """
    with open_recording(path) as recording:
        finished, last = _read(recording)
        if recording.damage:
            _warn(f"{path}: {recording.damage}", ascii_only)
    if finished is None and not last.state.attached:
        _warn(f"{path}: no run ended in it, so this is how far it came", ascii_only)
    _write(path, finished or last, json, ledger, ascii_only)
    if last.state.failure is not None:
        raise _error(last.state.failure)
    return 0


def _read(recording: Recording) -> tuple[Snapshot | None, Snapshot]:
    """What was known when the last run had just ended, which is when the live report is made; and in the end."""
    finished = None
    last = Snapshot()
    for snapshot in recording.snapshots():
        if snapshot.state.phase is Phase.FINISHED and last.state.phase is not Phase.FINISHED:
            finished = snapshot
        last = snapshot
    return finished, last


def _write(path: str, snapshot: Snapshot, json: str | None, ledger: bool, ascii_only: bool) -> None:
    try:
        write_report(snapshot.state, snapshot.occurrences, json, ledger, ascii_only)
    except (WsgivizError, OSError):
        raise
    except Exception as error:  # a damaged recording may add up to a State that can't be
        message = f"{path}: what it holds can't be reported"
        raise WsgivizError(message, "it may be damaged", f"{type(error).__name__}: {error}") from error


def _error(failure: Failure) -> WsgivizError:
    kind = UsageError if failure.status == UsageError.status else WsgivizError
    return kind(failure.message, failure.hint, failure.detail)


def _warn(words: str, ascii_only: bool) -> None:
    print(f"wsgiviz: {printable(words, ascii_only)}", file=sys.stderr, flush=True)
