"""The line sampler: a thread in each worker that finds the lines at which requests spend their time.

It looks every 20 ms, and emits what it finds in two looks in a row, and only when that has changed: a request of
some milliseconds is never looked at, and the request's own thread does nothing for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import CodeType, FrameType
from typing import Any

from wsgiviz.probe.connection import name_of
from wsgiviz.probe.over import OverNumbers
from wsgiviz.probe.pace import PACE, QUIET_EVERY_S, RecordingPace
from wsgiviz.probe.request_ids import RequestIds
from wsgiviz.probe.source_lines import SourceLine, SourceLines
from wsgiviz.probe.tasks_at_hand import RUN_LOOPS, Tasks, follow
from wsgiviz.recorder.emitter import Emitter
from wsgiviz.recorder.layout import CAPACITY

SAMPLE_EVERY_S = 0.02

AGAIN_AFTER = CAPACITY // 4
"""When so many records have been written, what lasts is announced again: before the ring has lost its beginning."""

Frames = dict[int, FrameType]


def unpatched(module: str, name: str) -> Any:
    """A function of the standard library as it is without gevent, which puts greenlets in the place of threads."""
    monkey = sys.modules.get("gevent.monkey")
    return getattr(sys.modules[module], name) if monkey is None else monkey.get_original(module, name)


class LineSampler:
    """Calls ``samples`` every 20 ms, in a thread, as long as the process lives. Its faults end it, never its host.

    Under `wsgiviz exec` it does so while a viewer is attached, and else every half second; and it has the objects
    that sample announce (their ``announce``) what is there when a viewer attaches, and what lasts now and then.
    """

    def __init__(
        self,
        emit: Emitter,
        samples: Iterable[Callable[[], None]],
        pace: RecordingPace = PACE,
        ids: RequestIds | None = None,
    ) -> None:
        self._emit = emit
        self._pace = pace
        self._samples = tuple(samples)
        self._announcers = self._methods("announce")
        self._over = OverNumbers(emit, ids, self._methods("in_flight")) if ids is not None else None
        self._announced = 0
        self._sleep = unpatched("time", "sleep")
        self._is_finalizing = sys.is_finalizing

    def _methods(self, name: str) -> list[Callable[..., Any]]:
        """Those of the objects that sample, as far as they have them."""
        found = (getattr(getattr(sample, "__self__", None), name, None) for sample in self._samples)
        return [method for method in found if method is not None]

    def start(self) -> None:
        """Start the thread; nobody waits for its end."""
        unpatched("_thread", "start_new_thread")(self.run, ())

    def run(self) -> None:
        """Return when a sample has failed, which is emitted; but at the interpreter's end anything may be gone."""
        try:
            while True:
                self.look()
                self._sleep(SAMPLE_EVERY_S if self._pace.full else QUIET_EVERY_S)
                for sample in self._samples:
                    sample()
        except Exception as error:  # noqa: BLE001
            if not self._is_finalizing():
                self._emit.sampler_failed(name_of(error))

    def look(self) -> None:
        """Ask whether a viewer is attached, and announce what has to be."""
        if not self._pace.is_guest:
            return
        begins = self._pace.begins()
        self._emit.set_detailed(self._pace.full)
        written = self._emit.written()
        if begins or written - self._announced >= AGAIN_AFTER:
            for announce in self._announcers:
                announce(lasting=not begins)
            self._announced = self._emit.written()
        if self._over is not None and self._pace.full:
            self._over.look()


class LineEmitter:
    """Emits the line that a request is at, once for each that it is found at."""

    def __init__(self, emit: Emitter, lines: SourceLines) -> None:
        self._emit = emit
        self._lines = lines

    def follow(
        self, frames: list[FrameType], req: int, future: object = None, tasks: Tasks | None = None
    ) -> list[FrameType]:
        """Innermost-first ``frames``, which wait, or those of the task that they wait for: see `tasks_at_hand`."""
        return follow(frames, future, req, self._lines.own, tasks)

    def emit(self, frames: list[FrameType], req: int, slot: int, before: object) -> object:
        """The line of innermost-first ``frames``; what was emitted ``before`` is not emitted again."""
        own = self._lines.own(frames)
        if own is None:
            return before
        line = self._lines.name(own)
        inner = self._lines.innermost(frames) if frames[0] is not own else None
        if (line, inner) != before:
            self._emit.line_seen(slot, req, line.number, line.where)
            if inner is not None:
                self._emit.inner_line_seen(slot, req, inner.number, inner.where)
        return line, inner

    def to_own(self, frames: Iterable[FrameType]) -> list[FrameType]:
        """Innermost-first ``frames`` up to the first that is the app's; none where there is no such."""
        return self._lines.to_own(frames)

    def emit_definition(self, codes: Iterable[CodeType], req: int, slot: int, before: object) -> object:
        """Where the first of ``codes`` that is the app's is defined: it waits to be run."""
        for code in codes:
            line = self._lines.definition(code)
            if line is not None:
                if line != before:
                    self._emit.line_seen(slot, req, line.number, line.where)
                return line
        return before

    def emit_nested_loop(self, frames: list[FrameType], req: int, slot: int) -> None:
        """An event loop runs for a request of a thread: asyncio.run() in a WSGI app, or async_to_sync, as for the
        async views of Flask and Django. Its line is that of the app which runs the loop, or else the one in it."""
        if not any(_runs_loops(frame) for frame in frames):
            return
        own = self._lines.own(frames)
        runs_it = own is not None and own is not frames[0] and _runs_loops(frames[frames.index(own) - 1])
        line = self.nearest(frames if runs_it else self.follow(frames, req))
        if line is not None:
            self._emit.nested_loop_seen(slot, req, line.number, line.where)

    def nearest(self, frames: list[FrameType]) -> SourceLine | None:
        """The app's innermost line, or the innermost line where none is the app's."""
        frame = self._lines.own(frames) or (frames[0] if frames else None)
        return self._lines.name(frame) if frame is not None else None


def _runs_loops(frame: FrameType) -> bool:
    return any(folder in frame.f_code.co_filename for folder in RUN_LOOPS)
