"""What uvicorn's workers import in the app's place: it loads the app, and watches it and the server round it.

The app's import string is in the environment as WSGIVIZ_APP; where to write, as for gunicorn.
"""

from __future__ import annotations

import atexit
import importlib
import multiprocessing
import os
import sys
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.server import Server

from wsgiviz.lifeline import die_with_parent
from wsgiviz.probe.boot import load_app
from wsgiviz.probe.ring import RUN_DIR, SIDE
from wsgiviz.probe.uvicorn_server import begin_serving, watch_startup

APP = os.environ["WSGIVIZ_APP"]


def _find() -> Any:
    """The app behind ``module:attribute``, or made by ``module:factory()``, looked up as gunicorn does."""
    from gunicorn.util import import_app

    # As uvicorn's own command does, but no sooner: files there may be named like modules of the standard library.
    sys.path.insert(0, "")
    return import_app(APP)


def _make() -> Any:
    supervisor = multiprocessing.parent_process()
    if supervisor is not None and supervisor.pid is not None:
        die_with_parent(supervisor.pid)
    process = begin_serving(APP)
    app = load_app(_find, RUN_DIR, SIDE)
    if process.emit.memory is None:
        return app  # there was no room for a ring: the server runs as it would without us
    atexit.register(process.emit.worker_exited)
    watch_startup(Server, lambda: process, lambda call, *args: call(*args))
    return process.wrap(app, AutoHTTPProtocol)


importlib.invalidate_caches()
app = _make()
