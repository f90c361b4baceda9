"""Commands of wsgiviz, carried out in this process, which has all modules already: to load them takes longer than a
short run. That ``python -m wsgiviz`` does the same is what `tests/e2e` and a few tests here see."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.conftest import APPS
from wsgiviz import cli


@dataclass(frozen=True)
class Done:
    """How a command has ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


def wsgiviz(*arguments: str, folder: Path = APPS) -> Done:
    """``wsgiviz ARGUMENTS`` in ``folder``."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.run(list(arguments))
    return Done(status, out.getvalue(), err.getvalue())


def headless(*options: str) -> tuple[dict[str, Any], str]:
    """The JSON of a run, requests included, and its text."""
    done = wsgiviz("run", "--json", "-", "--ledger", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def run_json(*options: str) -> dict[str, Any]:
    """What a headless run of an app, or of a scenario, reports."""
    found, _ = headless(*options)
    return found
