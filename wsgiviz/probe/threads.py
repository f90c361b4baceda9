"""gunicorn's gthread worker: one process that accepts, and a pool of threads that serve. Each thread is a slot."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Collection
from time import monotonic_ns
from typing import Any

from wsgiviz.probe.connection import Connection
from wsgiviz.probe.line_sampler import Frames
from wsgiviz.probe.request_ids import RequestIds
from wsgiviz.probe.saying import failed, harmless
from wsgiviz.probe.slot_sampler import CLOSES
from wsgiviz.probe.source_lines import stack
from wsgiviz.probe.wsgi import WsgiApp, wrap_app
from wsgiviz.recorder.emitter import Emitter


class Slots:
    """The serving threads of a process, numbered as they come: ``connections`` has each one's, by its identity, and
    ``calls`` the app as its `handle` calls it, ``queue`` what waits for one of them."""

    queue: PoolQueue

    def __init__(self, emit: Emitter, ids: RequestIds, app: WsgiApp) -> None:
        self._emit = emit
        self._ids = ids
        self._app = app
        self._numbers = itertools.count(1)
        self.connections: dict[int, Connection] = {}
        self.calls: dict[int, WsgiApp] = {}

    def add(self, thread: int) -> Connection:
        """The connection object of the calling thread, which is ``thread`` and has none yet."""
        connection = Connection(self._emit, self._ids, next(self._numbers))
        connection.thread_id = threading.get_native_id()
        self._emit.slot_thread(connection.slot, connection.thread_id)
        self.calls[thread] = wrap_app(self._app, connection)
        self.connections[thread] = connection
        return connection


def watch_threads(worker: Any, emit: Emitter, ids: RequestIds) -> Slots:
    """Round the worker's own `enqueue_req` and `handle`, and in its app.

    `handle` serves one request of a connection; one that is kept alive comes by again. It may also come back without
    any (gunicorn's ``_DEFER``: no byte within 5 s): then only what the sampler has emitted is taken back.
    """
    slots = Slots(emit, ids, worker.wsgi)
    enqueue, handle, app = worker.enqueue_req, worker.handle, worker.wsgi
    busy: set[int] = set()  # threads, by their idents
    slots.queue = PoolQueue(worker, busy, emit)
    emit_queue = slots.queue.emit_change

    get_ident, connections, calls = threading.get_ident, slots.connections, slots.calls

    def enqueue_req(conn: Any) -> None:
        # A connection that is kept alive comes by again: what counts is when its next request came.
        conn.wsgiviz_accepted_ns = monotonic_ns()
        enqueue(conn)
        if emit.detailed:
            harmless(emit_queue)

    def observed_handle(conn: Any) -> Any:
        try:
            thread = get_ident()
            connection = connections.get(thread) or slots.add(thread)
            busy.add(thread)
            if emit.detailed:
                emit_queue()
            connection.sock = getattr(conn, "sock", None)
            connection.accepted_ns = conn.wsgiviz_accepted_ns
            connection.taken_ns = monotonic_ns()
        except Exception as error:  # noqa: BLE001 - the server runs as without us
            failed(error)
            return handle(conn)
        try:
            return handle(conn)
        finally:
            busy.discard(thread)
            harmless(connection.release)

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        return calls.get(get_ident(), app)(environ, start_response)

    worker.enqueue_req, worker.handle, worker.wsgi = enqueue_req, observed_handle, call
    return slots


class PoolQueue:
    """How many connections wait for a thread of this process. One that is in the queue because a thread which is not
    ``busy`` has yet to wake up waits for none."""

    def __init__(self, worker: Any, busy: Collection[int], emit: Emitter) -> None:
        self._busy = busy
        self._emit = emit
        self._emitted = 0
        self._threads = worker.cfg.threads
        self._queue = worker.tpool._work_queue

    def _waiting(self) -> int:
        waiting: int = self._queue.qsize() - (self._threads - len(self._busy))
        return max(0, waiting)

    def emit_change(self) -> None:
        """Emit it, where it has changed and a viewer is attached."""
        if not self._emit.detailed:
            return
        waiting = self._waiting()
        if waiting != self._emitted:
            self._emitted = waiting
            self._emit.pool_queued(waiting, self._threads)

    def announce(self) -> None:
        """Emit it for whoever has begun to look."""
        self._emitted = waiting = self._waiting()
        self._emit.pool_queued(waiting, self._threads)


class AcceptorSampler:
    """Looks at the thread that accepts: gunicorn 27 waits there, up to 2 s each, for clients to hang up that have
    their answer (`gunicorn.util.close_graceful`), and accepts nobody meanwhile."""

    def __init__(self, emit: Emitter, thread: int) -> None:
        self._emit = emit
        self._thread = thread
        self._closing = self._emitted = False

    def sample(self, frames: Frames) -> None:
        """Emit what two samples in a row have found, when it is another than before. ``frames`` are all threads'."""
        closing = any(frame.f_code.co_name == CLOSES for frame in stack(frames.get(self._thread)))
        if closing == self._closing and closing != self._emitted:
            self._emitted = closing
            self._emit.acceptor_closing(int(closing))
        self._closing = closing

    def announce(self) -> None:
        """Emit for whoever has begun to look that it is so."""
        if self._emitted:
            self._emit.acceptor_closing(1)
