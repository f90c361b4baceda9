"""The line sampler: a thread in each worker that tells at which line requests are which take their time.

It looks every 20 ms and tells what it finds in two looks in a row, and only when it has changed: a request of
some milliseconds is never looked at, and the request's own thread does nothing for it.
"""

from __future__ import annotations

import sys
import sysconfig
import time
from _thread import start_new_thread
from collections.abc import Callable, Iterable
from time import sleep
from types import FrameType

from wsgiviz.events import Kind
from wsgiviz.probe.places import Place, Places, stack
from wsgiviz.probe.wsgi import Connection
from wsgiviz.recorder.ring import Write

# Taken when this module is loaded: gevent's patching must not turn the thread into a greenlet.
assert sleep is time.sleep

LOOK_EVERY_S = 0.02

ACCEPTED, CLOSING = int(Kind.ACCEPTED), int(Kind.CLOSING)
RUNS_A_LOOP = frozenset({"run_forever", "run_until_complete"})
ASYNCIO = sysconfig.get_path("stdlib") + "/asyncio/"

WHERE, WITHIN, NESTED_LOOP = int(Kind.WHERE), int(Kind.WITHIN), int(Kind.NESTED_LOOP)

Frames = dict[int, FrameType]


class Sampler:
    """Looks at what ``looks`` name, as long as the process lives. Its faults end it, never its host."""

    def __init__(self, looks: Iterable[Callable[[Frames], None]]) -> None:
        self._looks = tuple(looks)
        start_new_thread(self._run, ())

    def _run(self) -> None:
        try:
            while True:
                sleep(LOOK_EVERY_S)
                frames = sys._current_frames()
                for look in self._looks:
                    look(frames)
                frames.clear()
        except Exception:  # noqa: BLE001 - at the interpreter's end anything may be gone
            return


class Teller:
    """Tells a request's place, once for each that it is found at."""

    def __init__(self, write: Write, places: Places) -> None:
        self._write = write
        self._places = places

    def tell(self, frames: list[FrameType], req: int, slot: int, before: object) -> object:
        """The place of innermost-first ``frames``; what was told ``before`` is not told again."""
        own = self._places.own(frames)
        if own is None:
            return before
        place = self._places.name(own)
        inner = self._places.name(frames[0]) if frames[0] is not own else None
        if (place, inner) != before:
            self._write(WHERE, req, place.line, 0, place.text, slot)
            if inner is not None:
                self._write(WITHIN, req, inner.line, 0, inner.text, slot)
        return place, inner

    def tell_loop(self, frames: list[FrameType], req: int, slot: int) -> None:
        """An event loop runs inside a request of a thread: asyncio.run() in a WSGI app, and what is like it."""
        place = self.place(frames)
        if place is not None and any(frame.f_code.co_filename.startswith(ASYNCIO) for frame in frames):
            self._write(NESTED_LOOP, req, place.line, 0, place.text, slot)

    def place(self, frames: list[FrameType]) -> Place | None:
        """The app's place, or the innermost frame's where none is the app's."""
        frame = self._places.own(frames) or (frames[0] if frames else None)
        return self._places.name(frame) if frame is not None else None


class ThreadLook:
    """Requests in threads: ``connections`` gives, by thread, the connection that it serves."""

    def __init__(self, teller: Teller, write: Write, connections: dict[int, Connection]) -> None:
        self._teller = teller
        self._write = write
        self._connections = connections
        self._seen: dict[int, tuple[object, object]] = {}

    def __call__(self, frames: Frames) -> None:
        for thread, connection in list(self._connections.items()):
            call = connection.open
            seen, told = self._seen.get(thread, (None, None))
            if call is None:
                self._look_outside(thread, connection)
                continue
            if call is not seen:
                self._seen[thread] = call, None
                continue
            frame = frames.get(thread)
            if frame is not None:
                found = stack(frame)
                if connection.open is call:  # else the frame may be another request's already
                    self._seen[thread] = call, self._teller.tell(found, call.req, connection.slot, told)
                    if told is None and any(frame.f_code.co_name in RUNS_A_LOOP for frame in found):
                        self._teller.tell_loop(found, call.req, connection.slot)

    def _look_outside(self, thread: int, connection: Connection) -> None:
        """A thread that has no request in the app: long in reading one, or in closing its connection gracefully."""
        closing_ns = connection.closing_ns
        kind, since_ns = (CLOSING, closing_ns) if closing_ns else (ACCEPTED, connection.accepted_ns)
        seen, told = self._seen.get(thread, (None, None))
        if since_ns and since_ns == seen and told is None:
            told = True
            self._write(kind, 0, 0, 0, b"", connection.slot, since_ns)
        elif since_ns != seen:
            told = None
        self._seen[thread] = since_ns, told
