"""gunicorn's gevent worker: each connection has a greenlet, and a hub in one thread switches between them.

A greenlet runs from one switch to it to the next away from it: greenlet's own trace function knows both. When
what it waits for is done, only the hub knows; so "ready" is never emitted here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic_ns
from types import FrameType
from typing import Any

from wsgiviz.probe.connection import Connection
from wsgiviz.probe.loop_request import LoopRequest
from wsgiviz.probe.pace import PACE, RecordingPace
from wsgiviz.probe.request_ids import RequestIds
from wsgiviz.probe.saying import failed, harmless
from wsgiviz.probe.source_lines import stack
from wsgiviz.probe.wsgi import WsgiApp, wrap_app
from wsgiviz.recorder.emitter import Emitter


class GreenletRequest(LoopRequest):
    """A request in a greenlet, which is its ``work``."""

    __slots__ = ()

    def frames(self) -> list[FrameType]:
        return stack(self.work.gr_frame)

    def waits_for(self) -> Any:
        return None


class Greenlets:
    """The requests that are in the app: ``requests`` by number, ``by_greenlet`` by the greenlet that serves them."""

    def __init__(self, emit: Emitter) -> None:
        self.emit = emit
        self.requests: dict[int, LoopRequest] = {}
        self.by_greenlet: dict[Any, LoopRequest] = {}

    def begin(self, req: int, greenlet: Any, about: Connection) -> None:
        request = GreenletRequest(req, self.emit, greenlet, about)
        self.requests[req] = self.by_greenlet[greenlet] = request
        request.begin_step()

    def end(self, req: int, greenlet: Any) -> None:
        self.by_greenlet.pop(greenlet, None)
        request = self.requests.pop(req, None)
        if request is not None:
            request.end_step()
            request.open = False

    def trace(self) -> None:
        """Follow each switch from one greenlet to another."""
        import greenlet

        before = greenlet.gettrace()
        running = self.by_greenlet.get

        def traced(event: str, switch: Any) -> None:
            if before is not None:
                before(event, switch)
            if event in ("switch", "throw"):
                left, entered = (running(which) for which in switch)
                try:  # what is raised here would be in the app
                    if left is not None and left.step & 1:
                        left.end_step()
                    if entered is not None and not entered.step & 1:
                        entered.begin_step()
                except Exception as error:  # noqa: BLE001
                    failed(error)

        greenlet.settrace(traced)


def unknown_cpu_ns() -> int:
    """A thread's CPU time counts all greenlets that ran meanwhile: it is no request's."""
    return 0


class GreenletConnection(Connection):
    """The connection that a greenlet serves. It shares the loop, holds no slot, and no thread is sampled for it: its
    progress is emitted at once, and a request has ended when the app is through with it."""

    __slots__ = ("_greenlet", "_greenlets", "client")

    is_on_loop = True

    def __init__(self, emit: Emitter, ids: RequestIds, greenlets: Greenlets, greenlet: Any) -> None:
        super().__init__(emit, ids, cpu_clock=unknown_cpu_ns)
        self._greenlets = greenlets
        self._greenlet = greenlet
        self.client: object = None

    def release_for_next(self) -> None:
        self.finish()

    def begin_on_loop(self) -> None:
        self.accepted_ns = 0  # the next request of a connection that is kept alive was not accepted with it
        self._greenlets.begin(self.req, self._greenlet, self)

    def respond_on_loop(self) -> None:
        if self.req and self.emit.detailed:
            self.emit_progress(self.held())

    def return_on_loop(self) -> None:
        if self.ended_ns and self.req:
            self._end()
        elif self.req and self.emit.detailed:
            self.emit_progress(self.held())

    def finish(self, raised: bytes = b"") -> None:
        if self.req and not self.ended_ns:
            super().finish(raised)
            self._end()

    def _end(self) -> None:
        self.cpu_ns = -1
        self._greenlets.end(self.req, self._greenlet)
        self.release()


def watch_greenlets(worker: Any, emit: Emitter, ids: RequestIds) -> Mapping[int, LoopRequest]:
    """Round the worker's own `handle`, and in its app; gives the requests that are in the app, by number."""
    from greenlet import getcurrent

    greenlets = Greenlets(emit)
    calls: dict[Any, WsgiApp] = {}
    handle, app = worker.handle, worker.wsgi

    def observed_handle(listener: Any, client: Any, addr: Any) -> Any:
        try:
            here = getcurrent()
            connection = GreenletConnection(emit, ids, greenlets, here)
            calls[here] = wrap_app(app, connection)
            connection.client, connection.accepted_ns = addr, monotonic_ns()
            if emit.detailed:
                emit.connection_accepted(0, addr[1] if addr else 0, connection.accepted_ns)
        except Exception as error:  # noqa: BLE001 - the server runs as without us
            failed(error)
            return handle(listener, client, addr)
        try:
            return handle(listener, client, addr)
        finally:
            calls.pop(here, None)
            harmless(connection.finish)

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        call_here: Any = app
        try:
            here = getcurrent()
            # Where pywsgi serves (the worker class gevent_pywsgi) there is no `handle`.
            call_here = calls.get(here) or wrap_app(app, GreenletConnection(emit, ids, greenlets, here))
        except Exception as error:  # noqa: BLE001
            failed(error)
        return call_here(environ, start_response)

    worker.handle, worker.wsgi = observed_handle, call
    greenlets.trace()
    return greenlets.requests


class HubHeartbeat:
    """A timer on gevent's hub that reports its own lateness: what LoopHeartbeat is on asyncio."""

    def __init__(self, emit: Emitter, pace: RecordingPace = PACE) -> None:
        from gevent import get_hub

        self._emit = emit
        self._pace = pace
        self._timer_of = get_hub().loop.timer
        self.due_ns = monotonic_ns()
        self._beat()

    def _beat(self) -> None:
        now = monotonic_ns()
        beat_ns = self._pace.beat_ns
        self._emit.loop_beat(max(0, now - self.due_ns), -1, beat_ns, now)
        self.due_ns = now + beat_ns
        self._timer = self._timer_of(beat_ns / 1e9)
        self._timer.start(self._beat)
