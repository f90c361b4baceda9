"""A person's own gunicorn.conf.py, read before the servers start: what it decides is what the screen has to show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from wsgiviz.errors import UsageError
from wsgiviz.interpreter import executable
from wsgiviz.options import KINDS
from wsgiviz.probe import conf_chain
from wsgiviz.settings import Settings

READ_WITHIN_S = 20.0

REFUSED = {
    "certfile": "the load driver speaks plain HTTP",
    "keyfile": "the load driver speaks plain HTTP",
    "proxy_protocol": "the load driver sends no PROXY header",
    "user": "the servers run as you, or the probe could not write",
    "group": "the servers run as you, or the probe could not write",
    "chdir": "start wsgiviz in that folder",
}
"""Settings under which nothing could be shown, and why."""

SAID = ("bind", "daemon", "backlog", "worker_tmp_dir", "control_socket", "pidfile", "wsgi_app", "reuse_port")
"""Settings that wsgiviz makes itself: it is said that they are not used."""


def with_conf(settings: Settings, given: Collection[str]) -> tuple[Settings, str]:
    """The settings with what ``settings.gunicorn_conf`` says beside what was ``given`` on the command line: that goes
    first, as gunicorn has it; and what is to be said of it. Raises UsageError."""
    if settings.gunicorn_conf is None:
        return settings, ""
    found = _read(settings)
    for name, why in REFUSED.items():
        if name in found["given"]:
            raise UsageError(f"--gunicorn-conf {settings.gunicorn_conf} sets {name}: {why}", f"leave {name} out")
    changes = {name: value for name, value in _changes(settings, found["shown"]).items() if name not in given}
    unused = [name for name in SAID if name in found["given"]]
    said = f"not used of {settings.gunicorn_conf}: {', '.join(unused)} (wsgiviz sets it)" if unused else ""
    return settings.changed(**changes), said


def _changes(settings: Settings, shown: dict[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if settings.wsgi:
        changes |= {name: shown[name] for name in ("workers", "threads") if name in shown}
    if settings.asgi and "workers" in shown:
        changes["async_workers"] = shown["workers"]
    kind = shown.get("worker_class")
    if kind is not None:
        if kind not in KINDS or kind == "uvicorn":
            raise UsageError(
                f"--gunicorn-conf {settings.gunicorn_conf} sets worker_class {kind}, which the probe does not know",
                f"it knows {', '.join(KINDS)}; for uvicorn use --async-server uvicorn",
            )
        if settings.wsgi and kind != "asgi":
            changes["worker_class"] = kind
    return changes


def _read(settings: Settings) -> dict[str, Any]:
    path = settings.gunicorn_conf or ""
    if not Path(path).is_file():
        raise UsageError(f"--gunicorn-conf {path}: there is no such file", "give a gunicorn.conf.py")
    python = executable(settings.python) if settings.python else sys.executable
    command = [python, "-P", conf_chain.__file__, os.path.abspath(path)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=READ_WITHIN_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(
            f"--gunicorn-conf {path}: can't be read", "does it wait for something?", str(error)
        ) from error
    said = [line for line in done.stdout.splitlines() if line.startswith("wsgiviz:")]
    if done.returncode or not said:
        last = (done.stderr.strip().splitlines() or ["it ended the interpreter"])[-1]
        raise UsageError(f"--gunicorn-conf {path}: {last}", "the file raised this", done.stderr[-2000:])
    found: dict[str, Any] = json.loads(said[-1].removeprefix("wsgiviz:"))
    return found


def not_used() -> str:
    """What is there, and would be used by plain gunicorn; "" when nothing is."""
    there = [name for name in ("gunicorn.conf.py",) if Path(name).is_file()]
    there += [name for name in ("GUNICORN_CMD_ARGS",) if os.environ.get(name)]
    hint = "; --gunicorn-conf gunicorn.conf.py uses it" if "gunicorn.conf.py" in there else ""
    return f"{' and '.join(there)}: there, and not used{hint}" if there else ""
