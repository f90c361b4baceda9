"""``wsgiviz exec``: a person's own command, unchanged, with the probe in its way.

The command replaces this process: its pid, its signals, its exit status, its input and output are its own. What is
added is an environment: a folder first on PYTHONPATH with the probe and a sitecustomize (`wsgiviz.probe.guest_site`),
and where to record (`wsgiviz.recorder.served`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.interpreter import lend_probe_to
from wsgiviz.recorder import keeping, served
from wsgiviz.recorder.layout import SUFFIX

LENT = "wsgiviz_lent"
"""The name of the probe's package in a person's own process."""

OTHERS = ("uwsgi", "unitd", "mod_wsgi-express")
"""Servers with a Python inside. (Those that are Python themselves: `wsgiviz.probe.guest_site`.)"""

ENDS = ("-m", "-c")
"""Flags of Python behind which the program's own words stand."""

MOST_LINE_BYTES = 256
NOT_FOUND, NOT_RUN = 127, 126
"""Exit status where there is no such command, or it can't be run: those of env(1) and of shells."""


class CommandFailed(WsgivizError):
    """The command could not be run."""

    def __init__(self, command: str, error: OSError) -> None:
        super().__init__(f"exec {command}: {error.strerror or error}", "it is looked for on the PATH")
        self.status = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_RUN


def run_command(command: Sequence[str], redact: bool = False, always: bool = False) -> NoReturn:
    """Become ``command``. Raises WsgivizError when it can't be run."""
    if not command:
        raise UsageError("exec: no command given", "for example: wsgiviz exec gunicorn shop.wsgi")
    before = dict(os.environ)
    redact = _leave_outer(before) or redact
    try:
        directory = _prepare(command, redact, always)
    except OSError as error:
        print(f"wsgiviz: not recorded: {_words(error)}", file=sys.stderr, flush=True)
        directory = None
    if directory is not None and _obstacle(command):
        print(f"wsgiviz: not recorded: {_obstacle(command)}", file=sys.stderr, flush=True)
    env = before if directory is None else environment(before, directory, redact, always)
    try:
        os.execvpe(command[0], list(command), env)
    except OSError as error:
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)
        raise CommandFailed(command[0], error) from error


def _leave_outer(before: dict[str, str]) -> bool:
    """Take an outer ``wsgiviz exec`` out of the environment: this one is for the same servers. Whether it redacts.

    What it has prepared goes as well, if that was for this process, and nothing has been recorded there.
    """
    if before.get("WSGIVIZ_GUEST") != "1":
        return False
    outer = Path(before.get("WSGIVIZ_RUN_DIR", ""))
    site = os.path.abspath(outer / served.SITE)
    path = [folder for folder in before.get("PYTHONPATH", "").split(os.pathsep) if os.path.abspath(folder) != site]
    before["PYTHONPATH"] = os.pathsep.join(path)
    redacts = before.get("WSGIVIZ_REDACT") == "1"
    for name in [name for name in before if not _is_kept(name)]:
        del before[name]
    about = served.read_about(outer) if outer.parent in served.homes() and served.is_private(outer) else None
    if about is not None and about.pid == os.getpid() and not list(outer.glob(f"*{SUFFIX}")):
        shutil.rmtree(outer, ignore_errors=True)
    return redacts


def _prepare(command: Sequence[str], redact: bool, always: bool) -> Path:
    keeping.prune()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    about = served.About(os.getpid(), time.monotonic_ns(), started, tuple(command), os.getcwd(), redact, always)
    about = dataclasses.replace(about, pid_namespace=served.pid_namespace())
    directory = served.create(about)
    site = directory / served.SITE
    try:
        lend_probe_to(site)
        _rename(site)
        shutil.copyfile(Path(site, LENT, "probe", "guest_site.py"), site / "sitecustomize.py")
    except OSError:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return directory


def _rename(site: Path) -> None:
    """Give the copy of the probe a name of its own: the app may have a package that is called as ours."""
    for path in Path(site, "wsgiviz").rglob("*.py"):
        path.write_text(re.sub(r"\bwsgiviz\.(?=probe|recorder|lifeline)", f"{LENT}.", path.read_text()))
    Path(site, "wsgiviz").rename(site / LENT)


def _obstacle(command: Sequence[str]) -> str:
    """Why the probe won't be in, as far as the command tells; what a script runs is not known."""
    name = os.path.basename(command[0])
    if name in OTHERS:
        return f"{name} is a server that the probe does not know"
    flags = ignoring(_flags(command) or _flags(_interpreter(command[0])))
    return f"{flags} keeps the probe out: Python then looks for no sitecustomize on PYTHONPATH" if flags else ""


def _flags(command: Sequence[str]) -> list[str]:
    """Those of a Python; none of any other command."""
    if not command or not os.path.basename(command[0]).startswith("python"):
        return []
    return list(itertools.takewhile(lambda word: word.startswith("-") and not word.startswith(ENDS), command[1:]))


def ignoring(flags: Sequence[str]) -> str:
    """The flags by which a Python ignores its environment (-I, -E), or sitecustomize (-S, -I)."""
    letters = "".join(flag[1:] for flag in flags if not flag.startswith("--"))
    return " and ".join(f"-{letter}" for letter in "IES" if letter in letters)


def _interpreter(name: str) -> list[str]:
    """What the first line of a script says (execve(2)); nothing of a program, or of what can't be read."""
    path = shutil.which(name)
    if path is None:
        return []
    with contextlib.suppress(OSError), open(path, "rb") as file:
        line = file.readline(MOST_LINE_BYTES)
        if line.startswith(b"#!"):
            words = line[2:].decode("utf-8", "replace").split()
            return words[1:] if words[:1] == ["/usr/bin/env"] else words
    return []


def _words(error: OSError) -> str:
    """One line. (`shutil.Error` has a list of all files that could not be copied.)"""
    if isinstance(error, shutil.Error) and error.args and error.args[0]:
        return str(error.args[0][0][2])
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}"


def environment(
    before: Mapping[str, str], directory: Path, redact: bool = False, always: bool = False
) -> dict[str, str]:
    """What the command runs with."""
    path = [str(directory / served.SITE), *filter(None, [before.get("PYTHONPATH")])]
    kept = {name: value for name, value in before.items() if _is_kept(name)}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(path),
        "WSGIVIZ_RUN_DIR": str(directory),
        "WSGIVIZ_GUEST": "1",
        "WSGIVIZ_REDACT": str(int(redact)),
        "WSGIVIZ_ALWAYS": str(int(always)),
    }


def _is_kept(name: str) -> bool:
    """Whether a variable is no matter of wsgiviz's, or is a person's own word to it."""
    return not name.startswith("WSGIVIZ_") or name == served.HOME_VARIABLE
