"""What kept a server from starting, or ended it, in the words of whoever has to mend it."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.servers.launch import Server

LOG_LINES = 12
LOG_BYTES = 64_000


def why_not_ready(server: Server, waited_s: float) -> WsgivizError:
    """A server that lives but did not get ready within ``waited_s`` seconds."""
    return WsgivizError(
        f"{_name(server)} was not ready after {waited_s:.0f} s",
        "is the app slow to import, or its lifespan startup slow? The server's log says how far it came.",
        log_tail(server.log_path),
    )


def why_ended(server: Server, status: int) -> WsgivizError:
    """A server that ended although nobody told it to; ``status`` is negative for a signal."""
    boot = _boot_error(server)
    if boot is not None:
        return _app_failed(server, boot)
    ending = f"was ended by {_signal_name(-status)}" if status < 0 else f"ended with status {status}"
    return WsgivizError(f"{_name(server)} {ending}", "the end of its log says more", log_tail(server.log_path))


def _app_failed(server: Server, boot: dict[str, str]) -> WsgivizError:
    """The app was given on the command line, so it is the arguments that are wrong."""
    launch = server.launch
    kind, message, trace = (boot.get(name, "") for name in ("kind", "message", "traceback"))
    if kind == "WrongProtocol":
        speaks = launch.side[:4]
        other = "--asgi" if speaks == "wsgi" else "--wsgi"
        return UsageError(f"{launch.app}: {message}", f"give it as {other} instead of --{speaks}")
    if kind == "AppImportError" or (kind == "ModuleNotFoundError" and not trace):
        hint = "an import string is module:attribute, or module:factory(), looked up from the current directory"
    elif kind == "ModuleNotFoundError":
        hint = "the app imports a module that is not installed where wsgiviz runs"
    else:
        hint = "the app's own code raised this while it was imported"
    first_line = message.splitlines()[0] if message else kind
    return UsageError(f"can't load {launch.app}: {first_line}", hint, trace)


def _boot_error(server: Server) -> dict[str, str] | None:
    path = server.launch.rundir / f"{server.launch.side}-boot-error.json"
    try:
        found: Any = json.loads(path.read_text()[:LOG_BYTES])
    except (OSError, ValueError):
        return None
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else None


def _name(server: Server) -> str:
    launch = server.launch
    named = launch.kind if launch.kind == "uvicorn" else f"gunicorn {launch.kind}"
    return f"the {launch.side.upper()} server ({named})"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def log_tail(path: Path, lines: int = LOG_LINES) -> str:
    """The last lines of a log, at most; "" when there is none."""
    try:
        with path.open("rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - LOG_BYTES))
            text = log.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
