"""The app's own Python, where it is not ours: what is installed there, and a copy of the probe for it to load."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from wsgiviz.errors import UsageError
from wsgiviz.probe.known_servers import GUNICORNS, UVICORNS, knows

OLDEST_PYTHON = (3, 11)
FAULTY_GUNICORNS = {
    "24.0.0": "it never notices that a worker has died, and starts no other in its place; gunicorn 24.1 does",
}
"""Releases whose own fault a person would take for the app's, or for ours."""

LOOK_WITHIN_S = 20.0

PROBE_PARTS = ("__init__.py", "lifeline.py", "probe", "recorder")
"""Of wsgiviz: all that an observed server loads. It is standard library only."""

LOOK = """
import json, sys, sysconfig
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
found = {"python": list(sys.version_info[:3]), "packages": {}}
found["free_threaded"] = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
for name in ("gunicorn", "uvicorn", "gevent"):
    try:
        found["packages"][name] = version(name)
    except PackageNotFoundError:
        pass
if "gunicorn" in found["packages"]:
    found["asgi"] = find_spec("gunicorn.workers.gasgi") is not None
    found["control_socket"] = find_spec("gunicorn.ctl") is not None
print("wsgiviz:" + json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python, and what servers need of it. ``packages``: versions by name."""

    path: str
    python: tuple[int, ...]
    packages: Mapping[str, str] = field(default_factory=dict)
    asgi: bool = True  # its gunicorn has an asgi worker
    control_socket: bool = True  # its gunicorn has a control socket, which is not to be shared

    @property
    def borrows_gunicorn(self) -> bool:
        """It has none of its own: ours is lent to it. (gunicorn needs nothing but the standard library.)"""
        return "gunicorn" not in self.packages


def executable(text: str) -> str:
    """The interpreter that ``text`` names: a program, or a folder with a virtual environment. Raises UsageError.

    Symbolic links are kept: by them a Python knows its virtual environment.
    """
    path = Path(text).expanduser()
    if path.is_dir():
        path = path / "bin" / "python"
    found = shutil.which(str(path)) if path.parts and (len(path.parts) > 1 or path.exists()) else shutil.which(text)
    if found is None:
        hint = "give an interpreter, or the folder of a virtual environment"
        raise UsageError(f"--python {text}: there is no program like that", hint)
    return os.path.abspath(found)


@cache
def look_at(path: str) -> Interpreter:
    """What the Python at ``path`` has. Raises UsageError when it does not run, or is too old."""
    command = [path, "-c", LOOK]
    try:
        # From a folder where no file can be taken for a module.
        done = subprocess.run(
            command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LOOK_WITHIN_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(f"--python {path}: can't be run", "is it a Python interpreter?", str(error)) from error
    said = [line for line in done.stdout.splitlines() if line.startswith("wsgiviz:")]
    if done.returncode or not said:
        raise UsageError(f"--python {path}: it is no Python that can be used", "is it broken?", done.stderr[-2000:])
    return _described(path, json.loads(said[-1].removeprefix("wsgiviz:")))


def _described(path: str, found: dict[str, Any]) -> Interpreter:
    python = tuple(found["python"])
    if python[:2] < OLDEST_PYTHON:
        have, least = (".".join(map(str, version[:2])) for version in (python, OLDEST_PYTHON))
        raise UsageError(f"--python {path}: that is Python {have}", f"the probe needs {least} or newer")
    if found.get("free_threaded"):
        raise _free_threaded(f"--python {path}", python)
    packages = found["packages"]
    return Interpreter(path, python, packages, found.get("asgi", True), found.get("control_socket", True))


def check_servers(there: Interpreter, kinds: tuple[str, ...]) -> None:
    """Whether it can run these kinds of servers. Raises UsageError with what would help."""
    for kind in kinds:
        name = kind if kind in ("uvicorn", "gevent") else "gunicorn"
        if name not in there.packages and name != "gunicorn":
            raise UsageError(f"{name} is not installed in {there.path}", f"{there.path} -m pip install {name}")
        if kind == "uvicorn":
            _check_uvicorn(there)
        elif not there.borrows_gunicorn:
            _check_gunicorn(there, kind)


def _check_uvicorn(there: Interpreter) -> None:
    version, (first, end) = there.packages["uvicorn"], UVICORNS
    if not knows("uvicorn", version):
        _refuse(there, "uvicorn", version, "{}.{}".format(*first), f"{end[0]}")


def _refuse(there: Interpreter, package: str, version: str, first: str, end: str) -> NoReturn:
    raise UsageError(
        f"{there.path} has {package} {version}, which the probe does not know: it knows {first} up to {end}",
        f'{there.path} -m pip install "{package}>={first},<{end}"',
    )


def _check_gunicorn(there: Interpreter, kind: str) -> None:
    version = there.packages["gunicorn"]
    if not knows("gunicorn", version):
        _refuse(there, "gunicorn", version, str(GUNICORNS.start), str(GUNICORNS.stop))
    if kind == "asgi" and not there.asgi:
        raise UsageError(f"gunicorn {version} has no asgi worker", "add --async-server uvicorn")


def known_fault(there: Interpreter) -> str:
    """What is known to be wrong with its gunicorn, for a person to know; "" when nothing is."""
    version = there.packages.get("gunicorn", "")
    return f"gunicorn {version}: {FAULTY_GUNICORNS[version]}" if version in FAULTY_GUNICORNS else ""


def check_own_build() -> None:
    """Whether servers can run under the Python that wsgiviz runs under. Raises UsageError."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise _free_threaded("wsgiviz runs under", sys.version_info[:3])


def _free_threaded(where: str, python: tuple[int, ...]) -> UsageError:
    version = ".".join(map(str, python[:2]))
    return UsageError(
        f"{where}: a free-threaded build of Python {version}, which the probe does not know",
        f"use the ordinary build, python{version}",
    )


def lend_probe(there: Interpreter, folder: Path) -> Path:
    """Make ``folder`` hold what a server of that interpreter has to find beside its own packages, and nothing else of
    ours. Raises OSError. (A copy: the other Python may write its bytecode there, which goes when the run does.)"""
    lend_probe_to(folder)
    if there.borrows_gunicorn:
        ours = find_spec("gunicorn")
        assert ours is not None
        assert ours.origin is not None
        _copy(Path(ours.origin).parent, folder / "gunicorn")
    return folder


def lend_probe_to(folder: Path) -> None:
    """Make ``folder`` hold the probe and nothing else. Raises OSError."""
    package = Path(__file__).parent
    target = folder / "wsgiviz"
    if target.exists():
        shutil.rmtree(folder)
    target.mkdir(parents=True)
    for name in PROBE_PARTS:
        _copy(package / name, target / name)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)


def another_environment() -> str | None:
    """An active virtual environment that is not the one wsgiviz runs in: the app may live there."""
    active = os.environ.get("VIRTUAL_ENV")
    if not active or not os.path.exists(os.path.join(active, "bin", "python")):
        return None
    return active if os.path.realpath(active) != os.path.realpath(sys.prefix) else None
