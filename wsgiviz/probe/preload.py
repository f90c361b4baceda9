"""An app that gunicorn's master loads itself, before it forks workers: --preload.

gunicorn does it before the first hook of its master, on_starting. So its Arbiter is made to let us know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wsgiviz.probe.boot import load_app
from wsgiviz.probe.boot_line import BootLine
from wsgiviz.probe.ring import RUN_DIR, SIDE
from wsgiviz.recorder.emitter import Emitter


def watch_preload(open_emitter: Callable[[], Emitter]) -> None:
    """Round the setup of the master that is about to start. ``open_emitter`` gives its emitter."""
    from gunicorn.arbiter import Arbiter

    setup = Arbiter.setup

    def observed_setup(self: Any, app: Any) -> None:
        Arbiter.setup = setup  # a reload finds the app loaded
        if not app.cfg.preload_app:
            setup(self, app)
            return
        load = app.wsgi
        app.wsgi = lambda: _load(load, app.app_uri or "", open_emitter())
        try:
            setup(self, app)
        finally:
            del app.wsgi

    Arbiter.setup = observed_setup


def _load(load: Callable[[], Any], uri: str, emit: Emitter) -> Any:
    """Load the app, and emit at which line that is. The thread that looks has ended before workers are forked."""
    emit.master_loading(1)
    line = BootLine(emit, uri)
    line.start()
    try:
        return load_app(load, RUN_DIR, SIDE)
    finally:
        line.stop()
        line.wait()
        emit.master_loading(0)
