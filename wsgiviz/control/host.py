"""The machine and the versions that a session runs with, for its report and its recording."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from wsgiviz import __version__


def usable_cores() -> int:
    """CPU cores that this process, and so its servers, may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe_host() -> dict[str, Any]:
    """Names and plain values. No name of the machine or of a person is among them: a recording may be passed on."""
    return {
        "cores": os.cpu_count() or 1,
        "usable_cores": usable_cores(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "wsgiviz": __version__,
        "gunicorn": _version("gunicorn"),
        "gevent": _version("gevent"),
        "uvicorn": _version("uvicorn"),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
