"""A person's own gunicorn.conf.py, in force under our probe: its settings as they are, its hooks beside ours."""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from typing import Any

CONF_VARIABLE = "WSGIVIZ_GUNICORN_CONF"

NOT_USED = (
    "bind", "backlog", "workers", "worker_class", "threads", "daemon", "worker_tmp_dir", "control_socket",
    "control_socket_disable", "pidfile", "wsgi_app", "reuse_port", "config",
)  # fmt: skip
"""What the viewer decides, or what would part the server from it."""

OURS_LAST = ("when_ready", "post_worker_init")
"""Hooks that end a stage: what a person does there belongs to it. In the others ours come first, so that what they
record is there even if a person's hook raises."""


def load_conf(path: str) -> dict[str, Any]:
    """The names that the file defines, loaded as gunicorn does."""
    loader = importlib.machinery.SourceFileLoader("__config__", path)
    spec = importlib.util.spec_from_loader("__config__", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["__config__"] = module
    loader.exec_module(module)
    return vars(module)


def chained(ours: dict[str, Any], theirs: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """What a configuration module has to define so that both apply. ``known``: names of gunicorn's settings."""
    found: dict[str, Any] = {}
    for given, value in theirs.items():
        name = given.lower()
        if name not in known or name in NOT_USED:
            continue
        hook = ours.get(name)
        found[name] = both(name, hook, value) if callable(hook) and callable(value) else value
    return found


def both(name: str, ours: Callable[..., Any], theirs: Callable[..., Any]) -> Callable[..., Any]:
    first, second = (theirs, ours) if name in OURS_LAST else (ours, theirs)

    @functools.wraps(ours)  # gunicorn looks at the signature
    def chain(*args: Any) -> None:
        first(*args)
        second(*args)

    return chain


SHOWN = ("workers", "threads", "worker_class")
"""What the viewer has to know before it starts the server."""


def main() -> None:
    """Print, as JSON after a mark, what a configuration file says of SHOWN and which settings it has.

    A program of its own: the file is a person's code, and may need what only their Python has.
    """
    sys.path.insert(0, os.getcwd())  # as gunicorn does before it loads one
    found = {name.lower(): value for name, value in load_conf(sys.argv[1]).items()}
    shown = {name: _plain(found[name]) for name in SHOWN if name in found}
    given = sorted(name for name, value in found.items() if value and not name.startswith("_"))
    print("\nwsgiviz:" + json.dumps({"shown": shown, "given": given}))


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | str) else getattr(value, "__name__", str(value))


if __name__ == "__main__":
    main()
