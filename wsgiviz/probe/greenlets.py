"""gunicorn's gevent worker: each connection has a greenlet, and a hub in one thread switches between them.

A greenlet runs from one switch to it to the next away from it: greenlet's own trace function tells both. When
what it waits for is done, only the hub knows; so "ready" is never told here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic_ns
from types import FrameType
from typing import Any

from wsgiviz.events import BEAT_NS, Kind
from wsgiviz.probe.doing import Doing
from wsgiviz.probe.places import stack
from wsgiviz.probe.wsgi import Connection, watched
from wsgiviz.recorder.ring import Write


class GreenletDoing(Doing):
    """A request in a greenlet, which is its ``work``."""

    __slots__ = ()

    def frames(self) -> list[FrameType]:
        return stack(self.work.gr_frame)


def watch_greenlets(worker: Any, write: Write) -> Mapping[int, Doing]:
    """Round the worker's own `handle`, and in its app; gives the requests that are in the app, by number."""
    from greenlet import getcurrent

    on: dict[int, Doing] = {}
    by_greenlet: dict[Any, Doing] = {}
    accepted: dict[Any, int] = {}
    handle, app = worker.handle, worker.wsgi

    def handled(listener: Any, client: Any, addr: Any) -> Any:
        accepted[getcurrent()] = monotonic_ns()
        write(Kind.ACCEPTED, 0, addr[1] if addr else 0)
        try:
            return handle(listener, client, addr)
        finally:
            accepted.pop(getcurrent(), None)

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        here, connection = getcurrent(), Connection()
        connection.accepted_ns = accepted.get(here, 0)
        follow = _Follower(write, connection, here, on, by_greenlet)
        return watched(app, follow.write, connection)(environ, start_response)

    worker.handle, worker.wsgi = handled, call
    _trace(by_greenlet)
    return on


class _Follower:
    """Passes a request's events on, and keeps the registers of who is in the app from the first to the last."""

    def __init__(
        self, write: Write, connection: Connection, greenlet: Any, on: dict[int, Doing], by_greenlet: dict[Any, Doing]
    ) -> None:
        self._write = write
        self._greenlet = greenlet
        self._on = on
        self._by_greenlet = by_greenlet

    def write(
        self, kind: int, req: int = 0, a: int = 0, b: int = 0, text: bytes = b"", slot: int = 0, t_ns: int = 0
    ) -> None:
        if kind == Kind.BEGAN:
            self._write(kind, req, a, 0, text, slot, t_ns)
            begun = GreenletDoing(req, self._write, self._greenlet)
            self._on[req] = self._by_greenlet[self._greenlet] = begun
            begun.runs()
        elif kind == Kind.CLOSED:
            ended = self._on.pop(req, None)
            self._by_greenlet.pop(self._greenlet, None)
            if ended is not None:
                ended.ran()
            # Thread time counts all greenlets that ran meanwhile: it is not this request's.
            self._write(kind, req, 0, b, text, slot, t_ns)
        else:
            self._write(kind, req, a, b, text, slot, t_ns)


def _trace(by_greenlet: dict[Any, Doing]) -> None:
    import greenlet

    before = greenlet.gettrace()

    def trace(event: str, switch: Any) -> None:
        if before is not None:
            before(event, switch)
        if event in ("switch", "throw"):
            left, entered = (by_greenlet.get(which) for which in switch)
            if left is not None and left.step & 1:
                left.ran()
            if entered is not None and not entered.step & 1:
                entered.runs()

    greenlet.settrace(trace)


class HubHeart:
    """A timer on gevent's hub that reports its own lateness, as `wsgiviz.probe.loop.Heartbeat` does on asyncio."""

    loop = None

    def __init__(self, write: Write) -> None:
        from gevent import get_hub

        self._write = write
        self.due_ns = monotonic_ns() + BEAT_NS
        self._timer = get_hub().loop.timer(BEAT_NS / 1e9, BEAT_NS / 1e9)
        self._timer.start(self._beat)
        write(Kind.LOOP_BEAT, 0, 0, -1)

    def _beat(self) -> None:
        now = monotonic_ns()
        self._write(Kind.LOOP_BEAT, 0, max(0, now - self.due_ns), -1)
        self.due_ns = now + BEAT_NS
