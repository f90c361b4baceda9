"""The line at which a worker is while it loads its app: an import that takes long, or waits for a lock for ever.

A thread looks every 20 ms at the frames of the one that loads, until the worker is ready, and emits a line that it
finds twice. On an event loop whose lifespan starts up, it is the line that a task awaits.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from wsgiviz.probe.line_sampler import SAMPLE_EVERY_S, unpatched
from wsgiviz.probe.source_lines import SourceLine, SourceLines, awaiting, stack
from wsgiviz.recorder.emitter import Emitter

IMPORTERS = ("<frozen importlib", "<frozen runpy")


class BootLine:
    """Emits the lines of the thread that makes it, while the app behind the import string ``app`` is loaded."""

    def __init__(self, emit: Emitter, app: str) -> None:
        self._emit = emit
        self._app = app
        self._lines = SourceLines(app)
        self._module = app.partition(":")[0].partition(".")[0]
        self._known = False
        self._thread = unpatched("_thread", "get_ident")()
        self._sleep = unpatched("time", "sleep")
        self._loop: Any = None
        self._over = False
        self.started = False
        self._runs = unpatched("_thread", "allocate_lock")()
        self._found: SourceLine | None = None
        self._emitted: SourceLine | None = None

    def start(self) -> None:
        """Start the thread; it ends by itself after `stop`."""
        if self._emit.memory is not None:
            self.started = True
            self._runs.acquire()
            unpatched("_thread", "start_new_thread")(self.run, ())

    def follow(self, loop: Any) -> None:
        """The app is imported, and starts up as a task of ``loop``."""
        self._loop = loop

    def stop(self) -> None:
        """The worker is ready, or is not looked at any more."""
        self._over = True

    def wait(self) -> None:
        """Until the thread has ended: after `stop`, no longer than 20 ms."""
        with self._runs:
            pass

    def run(self) -> None:
        """Until `stop`. Its faults end it, never its host; the worker is then booting at an unknown line."""
        try:
            while not self._over:
                self._sleep(SAMPLE_EVERY_S)
                self.sample()
        except Exception:  # noqa: BLE001
            self._over = True
        finally:
            if self._runs.locked():
                self._runs.release()

    def sample(self) -> None:
        """Look once."""
        frames = stack(sys._current_frames().get(self._thread))
        line = self._line(frames)
        if line is not None and line == self._found != self._emitted and not self._over:
            self._emit.boot_line_seen(line.number, line.where)
            self._emitted = line
        self._found = line

    def _line(self, frames: list[FrameType]) -> SourceLine | None:
        if not self._known:  # where the app's package lies is known when its import has begun
            self._lines, self._known = SourceLines(self._app), self._module in sys.modules
        own = self._lines.own(frames) or self._awaited()
        if own is None:
            own = next((frame for frame in frames if not frame.f_code.co_filename.startswith(IMPORTERS)), None)
        return self._lines.name(own) if own is not None else None

    def _awaited(self) -> FrameType | None:
        """Of the tasks of the loop, the first line of the app that one awaits."""
        if self._loop is None:
            return None
        tasks = sys.modules["asyncio"].all_tasks(self._loop)  # a worker without a loop has not loaded it
        found = (self._lines.own(awaiting(task.get_coro())) for task in tasks)
        return next((frame for frame in found if frame is not None), None)
