"""The emitter: one method for each kind of record. It never raises into its host, never waits, never grows.

The methods are named as the events (`wsgiviz.events`), and take the event's own fields in order; text is bytes. Each
takes ``t_ns`` as well, the time of the event where that is not now (CLOCK_MONOTONIC, nanoseconds).
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import time
import weakref
from pathlib import Path
from typing import Any

from wsgiviz.recorder import pack
from wsgiviz.recorder.codec import Kind
from wsgiviz.recorder.layout import CAPACITY, pack_header, ring_bytes, ring_name

DETAILS = ("_detail", "step_began", "step_ended", "task_ready")
"""What is not called for while no viewer is attached."""

FUNCTIONS = ("_record", "request_began", "request_ended", *DETAILS)
ZEROS = bytes(1 << 16)


class Emitter:
    """Emits the events of this process into its ring.

    The methods that a request or a step calls are functions held in slots: an attribute and a call, no more.
    ``memory`` is the ring, kept alive by this object; None in a silent one. ``detailed``: everything is emitted; else
    no steps of requests on loops, and what goes with them (`set_detailed`).
    """

    __slots__ = ("__weakref__", "_made", "_ring", "detailed", "memory", *FUNCTIONS)

    _record: pack.EmitRecord
    _detail: pack.EmitRecord
    request_began: pack.EmitRequestBegan
    request_ended: pack.EmitRequestEnded
    step_began: pack.EmitMark
    step_ended: pack.EmitStepEnded
    task_ready: pack.EmitMark

    def __init__(self, memory: mmap.mmap | bytearray, capacity: int) -> None:
        """Emit into ``memory``, a whole ring file whose header is there."""
        ring = self._ring = pack.ring_over(memory, capacity)
        self.memory: mmap.mmap | bytearray | None = memory
        self._record = pack.record_writer(ring)
        self.request_began = pack.request_began_writer(ring)
        self.request_ended = pack.request_ended_writer(ring)
        self.step_began = pack.mark_writer(ring, int(Kind.STEP_BEGAN))
        self.step_ended = pack.step_ended_writer(ring)
        self.task_ready = pack.mark_writer(ring, int(Kind.TASK_READY))
        self._detail = self._record
        self._made = {name: getattr(self, name) for name in DETAILS}
        self.detailed = True

    def set_detailed(self, detailed: bool) -> None:
        """Emit details, or do not: their functions are then such as do nothing, and nobody has to ask."""
        if self.memory is not None and detailed != self.detailed:
            self.detailed = detailed
            for name, function in self._made.items():
                setattr(self, name, function if detailed else _nothing)

    def written(self) -> int:
        """So many records have been written, about."""
        return pack.written(self._ring) if self.memory is not None else 0

    # --- a server's master

    def master_ready(self, t_ns: int = 0) -> None:
        self._record(Kind.MASTER_READY, t_ns=t_ns)

    def workers_changed(self, wanted: int, before: int = 0, t_ns: int = 0) -> None:
        self._record(Kind.WORKERS_CHANGED, a=wanted, b=before, t_ns=t_ns)

    def master_loading(self, loading: int, t_ns: int = 0) -> None:
        self._record(Kind.MASTER_LOADING, a=loading, t_ns=t_ns)

    def worker_died(
        self,
        worker_pid: int,
        status: int = -1,
        by_timeout: int = 0,
        sent: int = 0,
        oom: bytes = b"",
        t_ns: int = 0,
    ) -> None:
        self._record(Kind.WORKER_DIED, sent, by_timeout, worker_pid, status, oom, t_ns)

    def master_exited(self, t_ns: int = 0) -> None:
        self._record(Kind.MASTER_EXITED, t_ns=t_ns)

    # --- a worker's life

    def worker_booting(
        self, number: int, thread_id: int, threads: int, worker_class: bytes, timeout: int = 0, t_ns: int = 0
    ) -> None:
        self._record(Kind.WORKER_BOOTING, timeout, threads, number, thread_id, worker_class, t_ns)

    def worker_ready(self, t_ns: int = 0) -> None:
        self._record(Kind.WORKER_READY, t_ns=t_ns)

    def boot_line_seen(self, line: int, where: bytes, t_ns: int = 0) -> None:
        self._record(Kind.BOOT_LINE_SEEN, a=line, text=where, t_ns=t_ns)

    def worker_stopping(self, signal: int, t_ns: int = 0) -> None:
        self._record(Kind.WORKER_STOPPING, a=signal, t_ns=t_ns)

    def worker_exited(self, recycled: int = 0, t_ns: int = 0) -> None:
        self._record(Kind.WORKER_EXITED, a=recycled, t_ns=t_ns)

    def slot_thread(self, slot: int, thread_id: int, t_ns: int = 0) -> None:
        self._record(Kind.SLOT_THREAD, slot, a=thread_id, t_ns=t_ns)

    def pool_queued(self, waiting: int, threads: int, t_ns: int = 0) -> None:
        self._record(Kind.POOL_QUEUED, a=waiting, b=threads, t_ns=t_ns)

    def sampler_failed(self, error: bytes, t_ns: int = 0) -> None:
        self._record(Kind.SAMPLER_FAILED, text=error, t_ns=t_ns)

    def forked(self, child_pid: int, t_ns: int = 0) -> None:
        self._record(Kind.FORKED, a=child_pid, t_ns=t_ns)

    # --- a request in a worker

    def connection_accepted(self, slot: int, port: int, t_ns: int = 0) -> None:
        self._record(Kind.CONNECTION_ACCEPTED, slot, a=port, t_ns=t_ns)

    def response_started(self, slot: int, req: int, status: int, t_ns: int = 0) -> None:
        self._record(Kind.RESPONSE_STARTED, slot, req, status, t_ns=t_ns)

    def body_returned(self, slot: int, req: int, complete: int, cpu_ns: int, t_ns: int = 0) -> None:
        self._record(Kind.BODY_RETURNED, slot, req, complete, cpu_ns, t_ns=t_ns)

    def chunk_writing(self, slot: int, req: int, chunks: int, t_ns: int = 0) -> None:
        self._record(Kind.CHUNK_WRITING, slot, req, 0, chunks, t_ns=t_ns)

    def body_resumed(self, slot: int, req: int, t_ns: int = 0) -> None:
        self._record(Kind.BODY_RESUMED, slot, req, t_ns=t_ns)

    def connection_closing(self, slot: int, req: int, ended_ns: int, t_ns: int = 0) -> None:
        self._record(Kind.CONNECTION_CLOSING, slot, req, ended_ns, t_ns=t_ns)

    def client_seen(self, slot: int, received: int, address: bytes, t_ns: int = 0) -> None:
        self._record(Kind.CLIENT_SEEN, slot, a=received, text=address, t_ns=t_ns)

    def request_peer(self, req: int, address: bytes, t_ns: int = 0) -> None:
        self._record(Kind.REQUEST_PEER, req=req, text=address, t_ns=t_ns)

    def acceptor_closing(self, closing: int, t_ns: int = 0) -> None:
        self._record(Kind.ACCEPTOR_CLOSING, a=closing, t_ns=t_ns)

    def requests_over(self, low: int, high: int, t_ns: int = 0) -> None:
        self._record(Kind.REQUESTS_OVER, a=low, b=high, t_ns=t_ns)

    # --- an event loop

    def loop_beat(self, late_ns: int, selector_ns: int, every_ns: int = 0, t_ns: int = 0) -> None:
        self._record(Kind.LOOP_BEAT, 0, every_ns, late_ns, selector_ns, t_ns=t_ns)

    def loop_held(self, req: int, held_ns: int, line: int, where: bytes, t_ns: int = 0) -> None:
        self._record(Kind.LOOP_HELD, 0, req, held_ns, line, where, t_ns)

    def child_tasks(self, req: int, alive: int, started: int, t_ns: int = 0) -> None:
        self._detail(Kind.CHILD_TASKS, 0, req, alive, started, t_ns=t_ns)

    # --- threads behind an event loop

    def call_queued(self, pool: int, req: int, process: int = 0, t_ns: int = 0) -> None:
        self._detail(Kind.CALL_QUEUED, pool, req, process, t_ns=t_ns)

    def call_began(self, pool: int, req: int, t_ns: int = 0) -> None:
        self._detail(Kind.CALL_BEGAN, pool, req, t_ns=t_ns)

    def call_ended(self, pool: int, req: int, began: int, t_ns: int = 0) -> None:
        self._detail(Kind.CALL_ENDED, pool, req, began, t_ns=t_ns)

    def calls_counted(self, pool: int, req: int, queued: int, running: int, t_ns: int = 0) -> None:
        self._record(Kind.CALLS_COUNTED, pool, req, queued, running, t_ns=t_ns)

    def call_thread(self, req: int, thread_id: int, t_ns: int = 0) -> None:
        self._record(Kind.CALL_THREAD, 0, req, thread_id, t_ns=t_ns)

    def pool_sampled(self, pool: int, size: int, running: int, waiting: int, name: bytes, t_ns: int = 0) -> None:
        self._record(Kind.POOL_SAMPLED, pool, waiting, size, running, name, t_ns)

    # --- the line that a request is at

    def line_seen(self, slot: int, req: int, line: int, where: bytes, t_ns: int = 0) -> None:
        self._record(Kind.LINE_SEEN, slot, req, line, 0, where, t_ns)

    def inner_line_seen(self, slot: int, req: int, line: int, where: bytes, t_ns: int = 0) -> None:
        self._record(Kind.INNER_LINE_SEEN, slot, req, line, 0, where, t_ns)

    def nested_loop_seen(self, slot: int, req: int, line: int, where: bytes, t_ns: int = 0) -> None:
        self._record(Kind.NESTED_LOOP_SEEN, slot, req, line, 0, where, t_ns)

    # --- the steps of a request

    def contract_step(self, req: int, step: int, value: bytes, t_ns: int = 0) -> None:
        self._record(Kind.CONTRACT_STEP, 0, req, step, 0, value, t_ns)

    # --- the load driver

    def run_started(self, run: int, planned: int, start_ns: int, t_ns: int = 0) -> None:
        self._record(Kind.RUN_STARTED, 0, run, planned, start_ns, t_ns=t_ns)

    def request_sent(self, req: int, planned_ns: int, t_ns: int = 0) -> None:
        self._record(Kind.REQUEST_SENT, 0, req, planned_ns, t_ns=t_ns)

    def connected(self, req: int, port: int, t_ns: int = 0) -> None:
        self._record(Kind.CONNECTED, 0, req, port, t_ns=t_ns)

    def first_byte(self, req: int, t_ns: int = 0) -> None:
        self._record(Kind.FIRST_BYTE, 0, req, t_ns=t_ns)

    def response_received(self, req: int, status: int, body_bytes: int, location: bytes = b"", t_ns: int = 0) -> None:
        self._record(Kind.RESPONSE_RECEIVED, 0, req, status, body_bytes, location, t_ns)

    def request_failed(self, req: int, error: bytes, t_ns: int = 0) -> None:
        self._record(Kind.REQUEST_FAILED, 0, req, text=error, t_ns=t_ns)

    def connection_reused(self, req: int, port: int, connected_ns: int, t_ns: int = 0) -> None:
        self._record(Kind.CONNECTION_REUSED, 0, req, port, connected_ns, t_ns=t_ns)

    def connection_closed(self, port: int, answered: int, by_server: int, t_ns: int = 0) -> None:
        self._record(Kind.CONNECTION_CLOSED, 0, answered, port, by_server, t_ns=t_ns)

    def web_socket_opened(self, req: int, t_ns: int = 0) -> None:
        self._record(Kind.WEBSOCKET_OPENED, 0, req, t_ns=t_ns)

    def web_sockets_counted(self, messages: int, pings_answered: int, t_ns: int = 0) -> None:
        self._record(Kind.WEBSOCKETS_COUNTED, a=messages, b=pings_answered, t_ns=t_ns)

    def run_grew(self, run: int, planned: int, t_ns: int = 0) -> None:
        self._record(Kind.RUN_GREW, 0, run, planned, t_ns=t_ns)

    def run_ended(self, run: int, cancelled: int, t_ns: int = 0) -> None:
        self._record(Kind.RUN_ENDED, 0, run, cancelled, t_ns=t_ns)

    def driver_late(self, late_ns: int, t_ns: int = 0) -> None:
        self._record(Kind.DRIVER_LATE, a=late_ns, t_ns=t_ns)

    def driver_sampled(self, cpu_ns: int, runq_ns: int, t_ns: int = 0) -> None:
        self._record(Kind.DRIVER_SAMPLED, a=cpu_ns, b=runq_ns, t_ns=t_ns)


def create_emitter(directory: str | os.PathLike[str], side: str, role: str, capacity: int = CAPACITY) -> Emitter:
    """Make the ring of this process in ``directory``, and the emitter that writes into it.

    All its space is reserved at once. The file appears under its final name only when its header is whole. Raises
    OSError when it can't be made: ENOSPC when there is no room.
    """
    pid, started_ns = os.getpid(), time.monotonic_ns()
    path = Path(directory) / ring_name(side, role, pid, started_ns)
    hidden = path.with_suffix(".new")
    fd = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        reserve(fd, ring_bytes(capacity))
        memory = mmap.mmap(fd, ring_bytes(capacity))
        header = pack_header(pid, started_ns, side, role, capacity)
        memory[: len(header)] = header
        os.rename(hidden, path)
    except BaseException:
        os.unlink(hidden)
        raise
    finally:
        os.close(fd)
    emitter = Emitter(memory, capacity)
    _of_this_process.add(emitter)
    return emitter


def silent_emitter() -> Emitter:
    """An emitter whose methods do nothing: for a server that goes on without a ring."""
    emitter = object.__new__(Emitter)
    emitter.memory = None
    emitter.detailed = False
    _silence(emitter)
    return emitter


def _nothing(*values: Any, **named: Any) -> None:
    return


def _silence(emitter: Emitter) -> None:
    for name in FUNCTIONS:
        setattr(emitter, name, _nothing)


def reserve(fd: int, size: int) -> None:
    """Give the empty file ``fd`` its ``size`` and all the space for it. Raises OSError.

    A sparse file would do until the file system is full: then a store into it ends the writer with SIGBUS.
    """
    try:
        os.posix_fallocate(fd, 0, size)
        return
    except AttributeError:  # macOS has no such call
        pass
    except OSError as error:  # nor have some file systems, where the C library does not write zeros itself
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
    for at in range(0, size, len(ZEROS)):
        if os.pwrite(fd, ZEROS[: size - at], at) < min(len(ZEROS), size - at):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


_of_this_process: weakref.WeakSet[Emitter] = weakref.WeakSet()


def _silence_after_fork() -> None:
    """A child of fork(2) would write into its parent's ring, with the same sequence numbers.

    So its emitters do nothing, and its mappings are closed, for those who hold on to one of the functions. The
    parent's are as they were. A worker process makes a ring of its own.
    """
    for emitter in list(_of_this_process):
        _silence(emitter)
        if isinstance(emitter.memory, mmap.mmap):
            # BufferError: another thread was packing at the same time, which takes a free-threaded interpreter.
            with contextlib.suppress(BufferError):
                emitter.memory.close()
            emitter.memory = None  # whatever is set later emits nothing
    _of_this_process.clear()


os.register_at_fork(after_in_child=_silence_after_fork)
