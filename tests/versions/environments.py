"""Virtual environments that hold one version of a server and nothing that it does not need."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
NEEDS = {"gunicorn": ("packaging",), "uvicorn": ("click", "h11")}
"""What each needs to run, without what it needs on other Pythons: installed without dependencies, this is quick."""

GEVENT = ("gevent", "greenlet", "zope.event", "zope.interface")
DEADLINE_S = 120.0


class Environments:
    """Virtual environments in ``folder``, each made once; those of an earlier session are taken as they are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def python(self, package: str, version: str, gevent: bool = False) -> Path:
        """The Python of the environment that has this version of ``package``. Raises RuntimeError with pip's words
        when that can't be installed: no index to be reached, or no such version."""
        place = self._folder / f"{package}-{version}{'-gevent' if gevent else ''}"
        python = place / "bin" / "python"
        done = place / "installed"
        if not done.exists():
            venv.create(place, symlinks=True, clear=True)
            _install(python, f"{package}=={version}", *NEEDS[package], *(GEVENT if gevent else ()))
            done.touch()
        return python


def _install(python: Path, *requirements: str) -> None:
    command = [
        *PIP,
        "--python",
        str(python),
        "install",
        "--no-deps",
        "--no-compile",
        "--retries",
        "0",
        "--timeout",
        "20",
    ]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    found = subprocess.run(
        [*command, *requirements],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        env=env,
    )
    if found.returncode:
        raise RuntimeError(f"{' '.join(requirements)} can't be installed: {found.stderr.strip()[-500:]}")
