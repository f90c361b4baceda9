"""gunicorn's gthread worker: one process that accepts, and a pool of threads that serve. Each thread is a slot."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from time import monotonic_ns
from typing import Any

from wsgiviz.events import Kind
from wsgiviz.probe.wsgi import Connection, WsgiApp, watched
from wsgiviz.recorder.ring import Write

ACCEPTED, RELEASED = int(Kind.ACCEPTED), int(Kind.RELEASED)


def watch_threads(worker: Any, write: Write, connections: dict[int, Connection]) -> None:
    """Round the worker's own `enqueue_req` and `handle`. ``connections`` gets each thread's, by its identity."""
    app = worker.wsgi
    calls: dict[int, WsgiApp] = {}
    slots = itertools.count(1)
    thread = threading.get_ident
    enqueue, handle = worker.enqueue_req, worker.handle
    tell_queue = _queue_teller(worker, write)

    def enqueue_req(conn: Any) -> None:
        # A connection that is kept alive comes by again: what counts is when its next request came.
        conn.wsgiviz_accepted_ns = monotonic_ns()
        enqueue(conn)
        tell_queue()

    def handled(conn: Any) -> Any:
        here = connections.get(thread())
        if here is None:
            here = connections[thread()] = Connection(next(slots))
            calls[thread()] = watched(app, write, here)
            write(Kind.SLOT_THREAD, 0, threading.get_native_id(), 0, b"", here.slot)
        tell_queue()
        here.accepted_ns = conn.wsgiviz_accepted_ns
        write(ACCEPTED, 0, conn.client[1] if conn.client else 0, 0, b"", here.slot)
        try:
            return handle(conn)
        finally:
            if here.open is not None:
                here.open.end()
            here.accepted_ns = 0
            write(RELEASED, 0, 0, 0, b"", here.slot)

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        return calls[thread()](environ, start_response)

    worker.enqueue_req, worker.handle, worker.wsgi = enqueue_req, handled, call


def _queue_teller(worker: Any, write: Write) -> Callable[[], None]:
    """Tells how many connections wait for a thread of this process, when that has changed."""
    told = 0
    threads = worker.cfg.threads
    queue = worker.tpool._work_queue

    def tell() -> None:
        nonlocal told
        waiting = queue.qsize()
        if waiting != told:
            told = waiting
            write(Kind.POOL_QUEUE, 0, waiting, threads)

    return tell
