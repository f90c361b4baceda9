"""An app that was given without its protocol: its own Python is asked which it speaks."""

from __future__ import annotations

import subprocess
import sys

from wsgiviz.errors import UsageError
from wsgiviz.interpreter import another_environment, executable
from wsgiviz.probe import speaks

LOADED_WITHIN_S = 60.0


def protocol_of(app: str, python: str | None) -> str:
    """ "wsgi" or "asgi". Raises UsageError when the app can't be loaded there."""
    command = [executable(python) if python else sys.executable, "-P", speaks.__file__, app]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LOADED_WITHIN_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(
            f"can't load {app}", "give it as --wsgi or --asgi, so that nobody has to look", str(error)
        ) from error
    said = [line for line in done.stdout.splitlines() if line.startswith("wsgiviz:")]
    if done.returncode or not said:
        last = (done.stderr.strip().splitlines() or ["it ended the interpreter"])[-1]
        raise UsageError(f"can't load {app}: {last}", hint_for(last), done.stderr[-2000:])
    return said[-1].removeprefix("wsgiviz:")


def hint_for(message: str) -> str:
    """What helps against an error in loading an app."""
    elsewhere = another_environment()
    if "No module named" in message and elsewhere:
        return f"another virtual environment is active: --python {elsewhere}"
    if "No module named" in message:
        return "is it installed where wsgiviz runs? --python PATH runs the app in an environment of its own"
    if "attribute" in message:
        return 'a factory is given with its call, "module:create_app()"'
    return "the app's own code raised this while it was imported"
