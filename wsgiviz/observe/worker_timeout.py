"""gunicorn's --timeout, as far as it can be known from outside: a config file is Python, and is never run here.

gunicorn takes the last of: its default, the config file, GUNICORN_CMD_ARGS, the command line
(gunicorn.app.base.Application.load_config).
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

DEFAULT_S = 30.0
CONFIG_FILE = "gunicorn.conf.py"
"""What gunicorn reads from its folder where no -c names another."""

TITLE = "gunicorn: "
"""Where setproctitle is installed, the command line is gone."""


@dataclass(frozen=True, slots=True)
class WorkerTimeout:
    """``seconds`` after which a silent worker is killed: 0 for never, None where that is not known. ``source``: how
    it is known, or why it is not."""

    seconds: float | None
    source: str


def timeout_of(pid: int, command: Sequence[str], folder: str | None) -> WorkerTimeout:
    """Of the gunicorn whose master is ``pid``, that was run as ``command`` in ``folder``."""
    if (seconds := named(command)) is not None:
        return WorkerTimeout(seconds, "the command line")
    given = _given(pid)
    if given is None:
        return WorkerTimeout(None, "its environment can't be read")
    if (seconds := named(given)) is not None:
        return WorkerTimeout(seconds, "GUNICORN_CMD_ARGS")
    if command and command[0].startswith(TITLE):
        return WorkerTimeout(None, "its process title hides the command line")
    if _has(command, "-c", "--config") or _has(given, "-c", "--config"):
        return WorkerTimeout(None, "it has a config file, which is not run to find out")
    if folder is None or os.path.lexists(os.path.join(folder, CONFIG_FILE)):
        return WorkerTimeout(None, f"there may be a {CONFIG_FILE} in its folder, which is not run to find out")
    return WorkerTimeout(DEFAULT_S, "gunicorn's default")


def named(words: Sequence[str]) -> float | None:
    """The last that these arguments say; None where they say none, or no number."""
    found = None
    for at, word in enumerate(words):
        value = ""
        if word in ("-t", "--timeout") and at + 1 < len(words):
            value = words[at + 1]
        elif word.startswith("--timeout="):
            value = word.partition("=")[2]
        elif word.startswith("-t"):
            value = word[2:]
        if value.isascii() and value.isdigit() and len(value) < 7:
            found = float(value)
    return found


def _has(words: Sequence[str], short: str, long: str) -> bool:
    return any(word == long or word.startswith((f"{long}=", short)) for word in words)


def _given(pid: int) -> list[str] | None:
    with contextlib.suppress(psutil.Error, OSError, ValueError):
        return shlex.split(psutil.Process(pid).environ().get("GUNICORN_CMD_ARGS", ""))
    return None
