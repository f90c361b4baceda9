"""Round uvicorn's `Config.load` and `Server.startup`, in the process that serves: alone, under a supervisor of
uvicorn's, or as gunicorn's worker.

A process has one ring. Alone, or under uvicorn's supervisor, it is made when the app is about to be loaded; in
gunicorn's worker the hooks have made it before (`serve_with`).
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from wsgiviz.probe.asgi import AsgiProbe, follow_tasks
from wsgiviz.probe.boot_line import BootLine
from wsgiviz.probe.contract import followed
from wsgiviz.probe.line_sampler import LineEmitter, LineSampler
from wsgiviz.probe.loop import LoopHeartbeat, note_accepts
from wsgiviz.probe.loop_sampler import LoopSampler
from wsgiviz.probe.request_ids import RequestIds
from wsgiviz.probe.ring import make_emitter
from wsgiviz.probe.source_lines import SourceLines
from wsgiviz.probe.thread_calls import follow_thread_calls
from wsgiviz.recorder.emitter import Emitter


class ServingProcess:
    """What the probe has in a process that serves the app behind the import string ``app``."""

    def __init__(self, emit: Emitter, boot_line: BootLine, app: str) -> None:
        self.emit = emit
        self._boot_line = boot_line
        self._app = app
        self._ids = RequestIds(os.getpid())
        self._requests: dict[int, Any] = {}

    def wrap(self, app: Any, protocol: Any) -> AsgiProbe:
        """The app as the server is to call it. ``protocol``: the server's asyncio protocol class."""
        accepted = note_accepts(protocol, self.emit)
        watched = followed(app, self.emit, speaks_asgi=True)
        probe = AsgiProbe(watched, self.emit, self._ids, accepted.pop)
        self._requests = probe.requests
        return probe

    def starting(self, loop: asyncio.AbstractEventLoop) -> None:
        """The server starts up on this loop, and so does the app's lifespan."""
        follow_tasks(loop)
        self._boot_line.follow(loop)

    def started(self, loop: asyncio.AbstractEventLoop) -> None:
        """The server listens."""
        self._boot_line.stop()
        calls = follow_thread_calls(loop, self.emit)
        lines = LineEmitter(self.emit, SourceLines(self._app))
        sampler = LoopSampler(self.emit, lines, self._requests, LoopHeartbeat(loop, self.emit), calls)
        LineSampler(self.emit, [sampler.sample], ids=self._ids).start()
        self.emit.worker_ready()


def begin_serving(app: str) -> ServingProcess:
    """Make this process's ring, and say that it loads ``app``."""
    emit = make_emitter("worker")
    emit.worker_booting(0, threading.get_native_id(), 1, b"uvicorn")
    boot_line = BootLine(emit, app)
    boot_line.start()
    return ServingProcess(emit, boot_line, app)


def watch_startup(server: Any, current: Callable[[], ServingProcess | None], harmless: Callable[..., Any]) -> None:
    """Round ``server.startup`` (uvicorn's class); ``harmless`` calls a function, and keeps its faults to itself."""
    startup: Callable[..., Awaitable[None]] = server.startup

    async def observed_startup(self: Any, *rest: Any, **named: Any) -> None:
        loop, process = asyncio.get_running_loop(), current()
        if process is not None:
            harmless(process.starting, loop)
        await startup(self, *rest, **named)
        if process is not None and self.started:
            harmless(process.started, loop)

    server.startup = observed_startup
