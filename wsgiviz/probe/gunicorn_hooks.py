"""gunicorn's server hooks, by its own names for them: what the probe does in its master and in its workers.

`wsgiviz.probe.gunicorn_conf` brings them in where wsgiviz starts the server, `wsgiviz.probe.guest_gunicorn` where a
person does, under ``wsgiviz exec``.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from collections.abc import Callable
from time import monotonic_ns
from typing import Any

from wsgiviz.probe.app_folder import off_path

with off_path():
    from wsgiviz.probe.boot import load_app
    from wsgiviz.probe.boot_line import BootLine
    from wsgiviz.probe.connection import Connection
    from wsgiviz.probe.contract import followed
    from wsgiviz.probe.deaths import Deaths, watch_deaths
    from wsgiviz.probe.line_sampler import LineEmitter, LineSampler
    from wsgiviz.probe.request_ids import RequestIds
    from wsgiviz.probe.ring import GUEST, RUN_DIR, SIDE, dead_workers, live_with_viewer, make_emitter
    from wsgiviz.probe.saying import harmless
    from wsgiviz.probe.slot_sampler import SlotSampler
    from wsgiviz.probe.source_lines import SourceLines
    from wsgiviz.probe.worker_kinds import kind_of
    from wsgiviz.probe.wsgi import wrap_app
    from wsgiviz.recorder.emitter import Emitter, silent_emitter

_emit: Emitter = silent_emitter()  # that of this process: the master's, then in each worker its own
_opened = False  # the master has its own
_deaths = Deaths(_emit)  # the master's
_boot_line = BootLine(_emit, "")  # the worker's, or the master's that preloads
_keep: list[object] = []  # what must live as long as the process
_end_wait: list[Callable[[], object]] = []  # what ends the wait of an asgi worker that was told to quit


# --- in the master -----------------------------------------------------------------------------------------------


def open_master() -> Emitter:
    """The master's emitter, made once; from then on the master lives no longer than the viewer that started it."""
    global _emit, _opened
    if not _opened:
        _opened = True
        live_with_viewer()
        _emit = make_emitter("master")
    return _emit


def preloading(server: Any) -> None:
    """Of a guest: the master is about to load the app. (Our own servers': `wsgiviz.probe.preload`.)"""
    global _boot_line
    open_master().master_loading(1)
    _boot_line = BootLine(_emit, getattr(server.app, "app_uri", None) or "")
    _boot_line.start()


def _preloaded() -> None:
    """The thread that looks has ended before workers are forked."""
    if _boot_line.started:
        _boot_line.stop()
        _boot_line.wait()
        _emit.master_loading(0)


def on_starting(server: Any) -> None:
    global _deaths
    _preloaded()
    _deaths = watch_deaths(server, open_master(), dead_workers())


def when_ready(server: Any) -> None:
    _emit.workers_changed(server.num_workers, server.num_workers)
    _emit.master_ready()


def nworkers_changed(server: Any, new_value: int, old_value: int | None) -> None:
    _emit.workers_changed(new_value, old_value or 0)


def child_exit(server: Any, worker: Any) -> None:
    _deaths.died(worker.pid, -1, bool(worker.aborted))


def on_exit(server: Any) -> None:
    _emit.master_exited()


# --- in a worker -------------------------------------------------------------------------------------------------


def post_fork(server: Any, worker: Any) -> None:
    global _emit, _boot_line
    live_with_viewer(worker.ppid)
    _emit = make_emitter("worker")
    kind = kind_of(type(worker)) or worker.cfg.worker_class_str
    threads = worker.cfg.threads if kind == "gthread" else 1
    _emit.worker_booting(worker.age, threading.get_native_id(), threads, kind.encode(), _timeout(worker.cfg))
    _boot_line = BootLine(_emit, _app_of(worker))
    _boot_line.start()
    if not GUEST:
        worker.app.wsgi = functools.partial(load_app, worker.app.wsgi, RUN_DIR, SIDE)


def _timeout(cfg: Any) -> int:
    """gunicorn's --timeout, as its workers' first event has it: whole seconds; 0xFFFF for none."""
    return min(0xFFFE, max(1, int(cfg.timeout))) if cfg.timeout else 0xFFFF


def post_worker_init(worker: Any) -> None:
    kind = kind_of(type(worker))
    if kind == "uvicorn":
        _watch_uvicorn(worker)
        return
    if kind != "asgi":
        _boot_line.stop()
    if _emit.memory is None:
        return  # there was no room for a ring: the server runs as it would without us
    if kind == "asgi":
        worker.asgi = followed(worker.asgi, _emit, speaks_asgi=True)
        _watch_loop(worker)
        return
    worker.wsgi = followed(worker.wsgi, _emit, speaks_asgi=False)
    ids = RequestIds(os.getpid())
    if kind == "gthread":
        _watch_threads(worker, ids)
    elif kind == "gevent":
        _watch_greenlets(worker, ids)
    elif kind == "sync":
        _watch_sync(worker, ids)
    _emit.worker_ready()


def _watch_uvicorn(worker: Any) -> None:
    """uvicorn serves in gunicorn's worker: it says itself when it is ready, and when it is through."""
    if _emit.memory is not None:
        from wsgiviz.probe.guest_uvicorn import serve_with
        from wsgiviz.probe.uvicorn_server import ServingProcess

        serve_with(ServingProcess(_emit, _boot_line, _app_of(worker)))


def _app_of(worker: Any) -> str:
    """The import string of its app; an Application of a person's own may have none."""
    return getattr(worker.app, "app_uri", None) or ""


def _lines(worker: Any) -> LineEmitter:
    return LineEmitter(_emit, SourceLines(_app_of(worker)))


def _watch_sync(worker: Any, ids: RequestIds) -> None:
    """Around the worker's own `handle`: from the accept until the slot is free again, whatever happens in between."""
    connection = Connection(_emit, ids)
    handle = worker.handle

    def observed_handle(listener: Any, client: Any, addr: Any) -> None:
        connection.sock = client
        connection.accepted_ns = connection.taken_ns = monotonic_ns()
        try:
            handle(listener, client, addr)
        finally:
            harmless(connection.release)

    worker.handle = observed_handle
    worker.wsgi = wrap_app(worker.wsgi, connection)
    sampler = SlotSampler(_emit, _lines(worker), {threading.get_ident(): connection})
    LineSampler(_emit, [sampler.sample], ids=ids).start()


def _watch_threads(worker: Any, ids: RequestIds) -> None:
    from wsgiviz.probe.threads import AcceptorSampler, watch_threads

    slots = watch_threads(worker, _emit, ids)
    acceptor = AcceptorSampler(_emit, threading.get_ident())
    announces = slots.queue.announce, acceptor.announce
    sampler = SlotSampler(_emit, _lines(worker), slots.connections, acceptor.sample, announces)
    LineSampler(_emit, [sampler.sample], ids=ids).start()


def _watch_greenlets(worker: Any, ids: RequestIds) -> None:
    from wsgiviz.probe.greenlets import HubHeartbeat, watch_greenlets
    from wsgiviz.probe.loop_sampler import LoopSampler

    requests = watch_greenlets(worker, _emit, ids)
    heartbeat = HubHeartbeat(_emit)
    _keep.append(heartbeat)
    LineSampler(_emit, [LoopSampler(_emit, _lines(worker), requests, heartbeat).sample], ids=ids).start()


def _watch_loop(worker: Any) -> None:
    import asyncio

    from gunicorn.asgi.protocol import ASGIProtocol

    from wsgiviz.probe.asgi import AsgiProbe, follow_tasks
    from wsgiviz.probe.loop import LoopHeartbeat, note_accepts
    from wsgiviz.probe.loop_sampler import LoopSampler
    from wsgiviz.probe.thread_calls import follow_thread_calls

    emit = _emit
    accepted = note_accepts(ASGIProtocol, emit)
    ids = RequestIds(os.getpid())
    _boot_line.follow(worker.loop)
    worker.asgi = probe = AsgiProbe(worker.asgi, emit, ids, accepted.pop)
    listen = worker.loop.create_server

    def listens() -> None:
        _boot_line.stop()
        emit.worker_ready()
        heartbeat = LoopHeartbeat(worker.loop, emit)
        follow_tasks(worker.loop)
        thread_calls = follow_thread_calls(worker.loop, emit)
        sampler = LoopSampler(emit, _lines(worker), probe.requests, heartbeat, thread_calls)
        LineSampler(emit, [sampler.sample], ids=ids).start()
        serving = asyncio.current_task()
        if serving is not None and not GUEST:
            # It looks once a second whether it was told to quit, and takes this for the end: no viewer should wait so
            # long. (What it does for others under `wsgiviz exec` is as without us.)
            _end_wait.append(serving.cancel)

    async def create_server(*args: Any, **named: Any) -> Any:
        # gunicorn 27's asgi worker does not pass its own backlog on: asyncio would listen(100), and a burst of
        # 500 would meet SYN retransmission. The server's own setting is what a person expects to hold.
        server = await listen(*args, **({} if GUEST else {"backlog": worker.cfg.backlog}), **named)
        harmless(listens)
        return server

    worker.loop.create_server = create_server


def worker_int(worker: Any) -> None:
    _emit.worker_stopping(signal.SIGINT)
    while _end_wait:  # once: what comes after the wait is not to be interrupted
        _end_wait.pop()()


def worker_abort(worker: Any) -> None:
    _emit.worker_stopping(signal.SIGABRT)


def worker_exit(server: Any, worker: Any) -> None:
    if worker.pid == os.getpid():
        _emit.worker_exited(int(getattr(worker, "nr", 0) >= getattr(worker, "max_requests", sys.maxsize)))
    else:  # in the master, for a worker that was gone when it was to be killed: there is no child_exit for it
        _deaths.died(worker.pid, -1, bool(worker.aborted))
