"""A headless run whose processes can be killed one by one, and what must be gone after that."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

GONE_WITHIN_S = 5.0
PROCESSES = 7  # driver, backend, two masters, two workers and one


def is_master(process: psutil.Process, worker_class: str) -> bool:
    command = process.cmdline()
    return "gunicorn" in command and worker_class in command


Victim = Callable[[psutil.Process, list[psutil.Process]], psutil.Process]

VICTIMS: dict[str, Victim] = {
    "viewer": lambda viewer, children: viewer,
    "wsgi master": lambda viewer, children: next(p for p in children if is_master(p, "sync")),
    "asgi master": lambda viewer, children: next(p for p in children if is_master(p, "asgi")),
    "wsgi worker": lambda viewer, children: next(p for p in children if is_master(p, "sync")).children()[0],
    "asgi worker": lambda viewer, children: next(p for p in children if is_master(p, "asgi")).children()[0],
    "driver": lambda viewer, children: next(p for p in children if "wsgiviz.load.driver" in p.cmdline()),
    "backend": lambda viewer, children: next(p for p in children if "wsgiviz.backend" in p.cmdline()),
}

RUN = [
    "run",
    "--headless",
    "--scenario",
    "http",
    "--set",
    "seconds=0.3",
    "--requests",
    "50",
    "--timeout",
    "5",
    "--workers",
    "2",
]

AS_FROM_A_SHELL = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from wsgiviz.__main__ import main
sys.exit(main())
"""
"""A shell that starts this suite in the background has it, and all its children, ignore Ctrl-C."""


@contextlib.contextmanager
def viewer_of(place: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A headless run with these ``options`` more, in a process group of its own, its run directory in ``place``."""
    env = {**os.environ, "XDG_RUNTIME_DIR": str(place), "TMPDIR": str(place)}
    command = [sys.executable, "-c", AS_FROM_A_SHELL, *RUN, *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, process_group=0
    ) as viewer:
        yield viewer


def all_children(process: psutil.Process) -> list[psutil.Process]:
    """Every process of a session, once they are all there and requests are on."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        children = process.children(recursive=True)
        if len(children) >= PROCESSES and any(is_worker_serving(child) for child in children):
            return children
        time.sleep(0.02)
    raise AssertionError(f"only {process.children(recursive=True)} came")


def is_worker_serving(process: psutil.Process) -> bool:
    try:
        return is_master(process, "sync") and len(process.net_connections("tcp")) > 1
    except psutil.Error:
        return False


def assert_gone(children: list[psutil.Process], place: Path) -> None:
    deadline = time.monotonic() + GONE_WITHIN_S
    while time.monotonic() < deadline:
        left = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
        if not left and not list(place.glob("wsgiviz-*")):
            return
        time.sleep(0.02)
    raise AssertionError(f"left: {left} {list(place.iterdir())}")
