"""The report of a run, live or replayed: the summary on the terminal, the result as JSON."""

from __future__ import annotations

import json
import os
import tempfile
from math import isfinite
from pathlib import Path
from typing import Any

from rich.console import Console

from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.errors import WsgivizError
from wsgiviz.report.attached_report import attached_result, attached_summary
from wsgiviz.report.plain import plain
from wsgiviz.report.result import result
from wsgiviz.report.summary import summary
from wsgiviz.state import State


def write_report(
    state: State, occurrences: Occurrences, target: str | None, ledger: bool = False, ascii_only: bool = False
) -> None:
    """Print the summary, and write the result as JSON to ``target``: a file's name, "-" for stdout, None for nowhere.

    With JSON on stdout the summary goes to stderr. Raises WsgivizError when the file can't be written.
    """
    made, words = (attached_result, attached_summary) if state.attached else (result, summary)
    text = as_json(made(state, occurrences, ledger))
    console = Console(stderr=target == "-")
    console.print(words(state, occurrences, plain(console, ascii_only)))
    if target == "-":
        print(text)
    elif target:
        write_whole(Path(target), text + "\n")
        console.print(f"JSON written to {target}", markup=False, highlight=False, soft_wrap=True)  # it may be copied


def as_json(found: dict[str, Any]) -> str:
    """In ASCII, so that no text of an app reaches a terminal as it is."""
    try:
        return json.dumps(found, allow_nan=False, indent=1)
    except ValueError:  # only what a recording holds may be such a number
        return json.dumps(_finite(found), allow_nan=False, indent=1)


def _finite(value: Any) -> Any:
    """``value`` with null for numbers that JSON has not."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


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
