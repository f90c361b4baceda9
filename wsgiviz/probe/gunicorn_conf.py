"""The configuration module that `gunicorn -c python:wsgiviz.probe.gunicorn_conf` loads.

It installs hooks (gunicorn's own names) and nothing else; every other setting is on gunicorn's command line,
where a person can read it. Two environment variables say where to write: WSGIVIZ_RUN_DIR and WSGIVIZ_SIDE.
"""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gunicorn import util

from wsgiviz.events import Kind
from wsgiviz.lifeline import die_with_parent
from wsgiviz.probe.boot import load_told
from wsgiviz.probe.places import Places
from wsgiviz.probe.stacks import Sampler, Teller, ThreadLook
from wsgiviz.probe.wsgi import Connection, watched
from wsgiviz.recorder.ring import Write, create_ring

RUN_DIR = Path(os.environ["WSGIVIZ_RUN_DIR"])
SIDE = os.environ["WSGIVIZ_SIDE"]

_write: Write  # this process's ring: the master's, then in each worker its own
_keep: list[object] = []  # what must live as long as the process


def _record(role: str) -> None:
    global _write
    memory, _write = create_ring(RUN_DIR, SIDE, role)
    _keep[:] = [memory]


# --- in the master ---------------------------------------------------------------------------------------------


def on_starting(server: Any) -> None:
    die_with_parent()
    _record("master")


def when_ready(server: Any) -> None:
    _write(Kind.WORKERS_CHANGED, 0, server.num_workers, server.num_workers)
    _write(Kind.MASTER_READY)


def nworkers_changed(server: Any, new_value: int, old_value: int | None) -> None:
    if _keep:  # gunicorn sets the number once before on_starting
        _write(Kind.WORKERS_CHANGED, 0, new_value, old_value or 0)


def child_exit(server: Any, worker: Any) -> None:
    _write(Kind.WORKER_DIED, 0, worker.pid, int(worker.aborted))


def on_exit(server: Any) -> None:
    _write(Kind.MASTER_EXIT)


# --- in a worker -----------------------------------------------------------------------------------------------


def post_fork(server: Any, worker: Any) -> None:
    die_with_parent()
    _record("worker")
    slots = f"{worker.cfg.worker_class_str} {worker.cfg.threads}"
    _write(Kind.WORKER_BOOTING, 0, worker.age, threading.get_native_id(), slots.encode())
    worker.app.wsgi = functools.partial(load_told, worker.app.wsgi, RUN_DIR, SIDE)


def post_worker_init(worker: Any) -> None:
    if hasattr(worker, "asgi"):
        _watch_loop(worker)
        return
    if hasattr(worker, "tpool"):
        _watch_threads(worker)
    elif "gevent" in worker.cfg.worker_class_str:
        _watch_greenlets(worker)
    else:
        _watch_sync(worker)
    _write(Kind.WORKER_READY)


def _watch_sync(worker: Any) -> None:
    """Around the worker's own `handle`: from accept to the connection's end, whatever happens in between.

    The accept itself is told with the request, or by the sampler when the request is long in coming.
    """
    write = _write
    clock = time.monotonic_ns
    released = int(Kind.RELEASED)
    connection = Connection()
    connections = {threading.get_ident(): connection}
    _note_closing(connections)
    Sampler([ThreadLook(Teller(write, Places(worker.app.app_uri)), write, connections)])
    handle = worker.handle

    def watched_handle(listener: Any, client: Any, addr: Any) -> None:
        connection.accepted_ns = clock()
        try:
            handle(listener, client, addr)
        finally:
            if connection.open is not None:
                connection.open.end()
            connection.accepted_ns = connection.closing_ns = 0
            write(released)

    worker.handle = watched_handle
    worker.wsgi = watched(worker.wsgi, write, connection)


def _watch_threads(worker: Any) -> None:
    from wsgiviz.probe.threads import watch_threads

    connections: dict[int, Connection] = {}
    watch_threads(worker, _write, connections)
    Sampler([ThreadLook(Teller(_write, Places(worker.app.app_uri)), _write, connections)])


def _watch_greenlets(worker: Any) -> None:
    from wsgiviz.probe.greenlets import HubHeart, watch_greenlets
    from wsgiviz.probe.loop import LoopLook

    on = watch_greenlets(worker, _write)
    heart = HubHeart(_write)
    _keep.append(heart)
    Sampler([LoopLook(Teller(_write, Places(worker.app.app_uri)), _write, on, heart)])


def _note_closing(connections: Mapping[int, Connection]) -> None:
    """Around gunicorn's own `close_graceful`, which waits for the client to hang up.

    It is only noted here, for the sampler to tell when it lasts: every request passes through it.
    """
    close = util.close_graceful
    thread, clock = threading.get_ident, time.monotonic_ns

    def noted(sock: Any, *rest: Any, **named: Any) -> Any:
        connection = connections.get(thread())
        if connection is not None:
            connection.closing_ns = clock()
        return close(sock, *rest, **named)

    util.close_graceful = noted


def _watch_loop(worker: Any) -> None:
    from gunicorn.asgi.protocol import ASGIProtocol

    from wsgiviz.probe.asgi import AsgiProbe, follow_tasks
    from wsgiviz.probe.loop import Heartbeat, LoopLook, note_accepts

    write = _write
    accepted = note_accepts(ASGIProtocol, write)
    worker.asgi = probe = AsgiProbe(worker.asgi, write, lambda port: accepted.pop(port, 0))
    listen = worker.loop.create_server

    async def create_server(*args: Any, **named: Any) -> Any:
        # gunicorn 27's asgi worker does not pass its own backlog on: asyncio would listen(100), and a burst of
        # 500 would meet SYN retransmission. The server's own setting is what a person expects to hold.
        server = await listen(*args, **{"backlog": worker.cfg.backlog, **named})
        heart = Heartbeat(worker.loop, write)
        follow_tasks(worker.loop)
        teller = Teller(write, Places(worker.app.app_uri))
        Sampler([LoopLook(teller, write, probe.on, heart)])
        write(Kind.WORKER_READY)
        return server

    worker.loop.create_server = create_server


def worker_int(worker: Any) -> None:
    _write(Kind.WORKER_STOPPING, 0, signal.SIGINT)


def worker_abort(worker: Any) -> None:
    _write(Kind.WORKER_STOPPING, 0, signal.SIGABRT)


def worker_exit(server: Any, worker: Any) -> None:
    if worker.pid == os.getpid():  # gunicorn calls it in the master too, for a worker that is gone already
        _write(Kind.WORKER_EXIT)
