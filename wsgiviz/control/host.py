"""The machine and the versions that a session runs with, for its report and its recording."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from wsgiviz import __version__
from wsgiviz.errors import UsageError
from wsgiviz.interpreter import executable, look_at

SERVERS = ("gunicorn", "gevent", "uvicorn")


def usable_cores() -> int:
    """CPU cores that this process, and so its servers, may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe_host(python: str | None = None) -> dict[str, Any]:
    """Names and plain values. No name of the machine or of a person is among them: a recording may be passed on.

    ``python``: the Python that the servers run under (--python), where it is not this one; what is not known of it is
    None.
    """
    here = platform.python_version()
    servers = {"python": here, **{name: _version(name) for name in SERVERS}} if python is None else _of(python)
    return {
        "cores": os.cpu_count() or 1,
        "usable_cores": usable_cores(),
        "platform": platform.platform(),
        "wsgiviz": __version__,
        "wsgiviz_python": here,
        **servers,
    }


def _of(python: str) -> dict[str, str | None]:
    try:
        there = look_at(executable(python))
    except UsageError:  # it can't be used, and the start will say so
        return dict.fromkeys(("python", *SERVERS))
    found: dict[str, str | None] = {name: there.packages.get(name) for name in SERVERS}
    if there.borrows_gunicorn:
        found["gunicorn"] = _version("gunicorn")
    return {"python": ".".join(map(str, there.python)), **found}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
