"""What uvicorn's workers import in the app's place: it loads the app, and watches it and the server round it.

The app's import string is in the environment as WSGIVIZ_APP; where to write, as for gunicorn.
"""

from __future__ import annotations

import atexit
import importlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.server import Server

from wsgiviz.events import Kind
from wsgiviz.lifeline import die_with_parent
from wsgiviz.probe.asgi import AsgiProbe, follow_tasks
from wsgiviz.probe.boot import load_told
from wsgiviz.probe.loop import Heartbeat, LoopLook, note_accepts
from wsgiviz.probe.places import Places
from wsgiviz.probe.stacks import Sampler, Teller
from wsgiviz.recorder.ring import create_ring

RUN_DIR, SIDE, APP = Path(os.environ["WSGIVIZ_RUN_DIR"]), os.environ["WSGIVIZ_SIDE"], os.environ["WSGIVIZ_APP"]


def _find() -> Any:
    """The app behind ``module:attribute``, or made by ``module:factory()``, looked up as gunicorn does."""
    from gunicorn.util import import_app

    return import_app(APP)


def _watch_start(probe: AsgiProbe, write: Callable[..., None]) -> None:
    """Round the server's own `startup`: its loop runs, and when that is through it listens."""
    startup = Server.startup

    async def watched_startup(self: Server, *rest: Any, **named: Any) -> None:
        import asyncio

        loop = asyncio.get_running_loop()
        follow_tasks(loop)
        await startup(self, *rest, **named)
        if self.started:
            heart = Heartbeat(loop, write)
            Sampler([LoopLook(Teller(write, Places(APP)), write, probe.on, heart)])
            write(Kind.WORKER_READY)

    Server.startup = watched_startup  # type: ignore[method-assign]


def _make() -> AsgiProbe:
    die_with_parent()
    memory, write = create_ring(RUN_DIR, SIDE, "worker")
    write(Kind.WORKER_BOOTING, 0, 0, threading.get_native_id(), b"uvicorn 1")
    atexit.register(lambda: write(Kind.WORKER_EXIT) if memory else None)
    accepted = note_accepts(AutoHTTPProtocol, write)
    probe = AsgiProbe(load_told(_find, RUN_DIR, SIDE), write, lambda port: accepted.pop(port, 0))
    _watch_start(probe, write)
    return probe


importlib.invalidate_caches()
app = _make()
