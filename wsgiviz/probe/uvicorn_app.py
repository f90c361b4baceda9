"""What uvicorn's workers import in the app's place: it loads the app, and watches it and the server round it.

The app's import string is in the environment as WSGIVIZ_APP; where to write, as for gunicorn.
"""

from __future__ import annotations

import atexit
import importlib
import multiprocessing
import os
import sys
import threading
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.server import Server

from wsgiviz.lifeline import die_with_parent
from wsgiviz.probe.asgi import AsgiProbe, follow_tasks
from wsgiviz.probe.boot import load_app
from wsgiviz.probe.boot_line import BootLine
from wsgiviz.probe.contract import followed
from wsgiviz.probe.line_sampler import LineEmitter, LineSampler
from wsgiviz.probe.loop import LoopHeartbeat, note_accepts
from wsgiviz.probe.loop_sampler import LoopSampler
from wsgiviz.probe.request_ids import RequestIds
from wsgiviz.probe.ring import RUN_DIR, SIDE, make_emitter
from wsgiviz.probe.source_lines import SourceLines
from wsgiviz.probe.thread_calls import follow_thread_calls
from wsgiviz.recorder.emitter import Emitter

APP = os.environ["WSGIVIZ_APP"]


def _find() -> Any:
    """The app behind ``module:attribute``, or made by ``module:factory()``, looked up as gunicorn does."""
    from gunicorn.util import import_app

    # As uvicorn's own command does, but no sooner: files there may be named like modules of the standard library.
    sys.path.insert(0, "")
    return import_app(APP)


def _watch_start(probe: AsgiProbe, emit: Emitter, boot_line: BootLine) -> None:
    """Round the server's own `startup`: its loop runs, and when that is through it listens."""
    startup = Server.startup

    async def observed_startup(self: Server, *rest: Any, **named: Any) -> None:
        import asyncio

        loop = asyncio.get_running_loop()
        follow_tasks(loop)
        boot_line.follow(loop)
        await startup(self, *rest, **named)
        boot_line.stop()
        if self.started:
            lines = LineEmitter(emit, SourceLines(APP))
            thread_calls = follow_thread_calls(loop, emit)
            sampler = LoopSampler(emit, lines, probe.requests, LoopHeartbeat(loop, emit), thread_calls)
            LineSampler(emit, [sampler.sample]).start()
            emit.worker_ready()

    Server.startup = observed_startup  # type: ignore[method-assign]


def _make() -> Any:
    supervisor = multiprocessing.parent_process()
    if supervisor is not None and supervisor.pid is not None:
        die_with_parent(supervisor.pid)
    emit = make_emitter("worker")
    emit.worker_booting(0, threading.get_native_id(), 1, b"uvicorn")
    boot_line = BootLine(emit, APP)
    boot_line.start()
    app = load_app(_find, RUN_DIR, SIDE)
    if emit.memory is None:
        return app  # there was no room for a ring: the server runs as it would without us
    atexit.register(emit.worker_exited)
    accepted = note_accepts(AutoHTTPProtocol, emit)
    probe = AsgiProbe(
        followed(app, emit, speaks_asgi=True), emit, RequestIds(os.getpid()), lambda port: accepted.pop(port, 0)
    )
    _watch_start(probe, emit, boot_line)
    return probe


importlib.invalidate_caches()
app = _make()
