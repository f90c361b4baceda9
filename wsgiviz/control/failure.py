"""What kept a server from starting, or ended it, in words that help to fix it."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from wsgiviz.analysis.deaths import cause
from wsgiviz.control.launch import Launch
from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.observe.logs import BoundedLog
from wsgiviz.own_app import hint_for
from wsgiviz.state import Server, Side, Worker

LOG_LINES = 12
MOST_BYTES = 64_000


def why_not_ready(launch: Launch, waited_s: float, at: str = "") -> WsgivizError:
    """A server that lives but did not get ready within ``waited_s`` seconds; ``at``: what its workers do, and at
    which line, "" where that is not known."""
    slow = "" if at else "is the app slow to import, or its lifespan startup slow? "
    return WsgivizError(
        f"{_name(launch)} was not ready after {waited_s:g} s" + (f": {at}" if at else ""),
        f"{slow}--ready-timeout S waits longer; the server's log says how far it got",
        log_tail(launch.log_path),
    )


def why_died_booting(launch: Launch, side: Side, worker: Worker) -> WsgivizError:
    """A worker that died while it loaded the app: its server would start another one again and again."""
    boot = _boot_error(launch)
    if boot is not None:
        return _app_failed(launch, boot)
    where = f", last seen at {worker.boot_where.words}" if worker.boot_where is not None else ""
    return WsgivizError(
        f"can't load {launch.app}: a worker {cause(worker, side).words} while it loaded the app{where}",
        "its server would start it again and again; the end of its log says more",
        log_tail(launch.log_path),
    )


def why_ended(launch: Launch, status: int, server: Server | None = None) -> WsgivizError:
    """A server that ended although nothing told it to; ``status`` is negative for a signal. ``server``: what is
    known of it."""
    boot = _boot_error(launch)
    if boot is not None:
        return _app_failed(launch, boot)
    if server is not None and server.loading_ns:
        where = f", last seen at {server.boot_where.words}" if server.boot_where is not None else ""
        how = ending(status) if status < 0 else f"ended itself with exit status {status} (os._exit)"
        return WsgivizError(
            f"can't load {launch.app}: gunicorn's master {how} while it loaded the app (--preload){where}",
            "the end of the server's log says more",
            log_tail(launch.log_path),
        )
    return WsgivizError(
        f"{_name(launch)} {ending(status)}", "the end of its log says more", log_tail(launch.log_path)
    )


def ending(status: int) -> str:
    """How a process ended, by its status as `subprocess` gives it."""
    return f"was ended by {_signal_name(-status)}" if status < 0 else f"ended with status {status}"


def _app_failed(launch: Launch, boot: dict[str, str]) -> WsgivizError:
    """The app was given on the command line, so it is the arguments that are wrong."""
    kind, message, trace = (boot.get(name, "") for name in ("kind", "message", "traceback"))
    if kind == "WrongProtocol":
        speaks = launch.side[:4]
        other = "--asgi" if speaks == "wsgi" else "--wsgi"
        return UsageError(f"{launch.app}: {message}", f"give it as {other} instead of --{speaks}")
    if kind == "AppImportError" or (kind == "ModuleNotFoundError" and not trace):
        hint = "an import string is module:attribute, or module:factory(), looked up from the current directory"
        if "attribute" in message:
            hint += "; for a factory add (): module:create_app()"
    elif kind == "ModuleNotFoundError":
        hint = f"the app imports a module that is not installed where it runs; {hint_for(message)}"
    elif kind == "SystemExit":
        hint = "the app's own code ended its process (sys.exit) while it was imported"
    else:
        hint = "the app's own code raised this while it was imported"
    if kind == "SystemExit" and (not message or message.isdigit()):
        message = f"sys.exit({message})"
    first_line = message.splitlines()[0] if message else kind
    return UsageError(f"can't load {launch.app}: {first_line}", hint, trace)


def _boot_error(launch: Launch) -> dict[str, str] | None:
    """What the probe wrote; it may have been written by the app itself, so it can be anything."""
    try:
        with launch.boot_error_path.open("rb") as file:
            found: Any = json.loads(file.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else None


def _name(launch: Launch) -> str:
    named = launch.kind if launch.kind == "uvicorn" else f"gunicorn {launch.kind}"
    return f"the {launch.side.upper()} server ({named})"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def log_tail(path: Path) -> str:
    """The last lines of a log; "" when there are none."""
    return "\n".join(BoundedLog(path).tail(LOG_LINES))
