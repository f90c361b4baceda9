"""This process's ring. A server that can't have one runs as it would without us, and says so once."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wsgiviz.lifeline import die_with_parent
from wsgiviz.probe.pace import PACE
from wsgiviz.probe.saying import say
from wsgiviz.recorder.emitter import Emitter, create_emitter, silent_emitter
from wsgiviz.recorder.keeping import DeadWorkers

RUN_DIR = Path(os.environ["WSGIVIZ_RUN_DIR"])
SIDE = os.environ.get("WSGIVIZ_SIDE", "")
"""Under ``wsgiviz exec`` it is known when the server is, and set then."""

GUEST = os.environ.get("WSGIVIZ_GUEST") == "1"
"""The server runs under ``wsgiviz exec``: it lives on without a viewer, and loads its app as ever."""


def live_with_viewer(parent: int | None = None) -> None:
    """Of a server that wsgiviz has started: this process dies with ``parent``, or with the one that started it."""
    if not GUEST:
        die_with_parent(parent)


def dead_workers() -> DeadWorkers | None:
    """Keeps the rings of a guest's dead workers: the black box. Those of our own servers go when they are read."""
    return DeadWorkers(RUN_DIR) if GUEST else None


def make_emitter(role: str) -> Emitter:
    """The emitter of this process, a "master" or a "worker"; a silent one when its ring can't be made.

    A worker's says when its app forks (os.fork and what is built on it; not what only runs another program). What the
    child does then is not recorded: it may even return into the server, and answer in its parent's place.
    """
    try:
        emit = create_emitter(RUN_DIR, SIDE, role)
    except OSError as error:
        if GUEST:
            say(f"not every process is recorded: {error.strerror or error}")
        else:
            print(f"wsgiviz: this {role} (pid {os.getpid()}) is not recorded: {error}", file=sys.stderr, flush=True)
        return silent_emitter()
    emit.set_detailed(PACE.full)
    if role == "worker":
        os.register_at_fork(after_in_parent=lambda: emit.forked(0))  # nothing tells it who the child is
    return emit
