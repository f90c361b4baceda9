"""The vocabulary: facts with a monotonic timestamp, and their fixed-size record.

An event says what happened, when, where, and to which request. Observed processes write events as records
into their ring (`wsgiviz.recorder`); the collector adds what only the outside can see (kernel samples).
Standard library only: this module runs inside other people's servers.

Times are CLOCK_MONOTONIC in nanoseconds: one clock for all processes of a machine (clock_gettime(2)).
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

SCHEMA = 1

REQUEST_HEADER = "x-wsgiviz-request"
"""The driver's request number travels in this header, so that both ends of a request can be joined."""

RUN_STRIDE = 1_000_000
"""A request's number is ``run * RUN_STRIDE + n``; n counts from 1, and is the same on both sides.

Requests which are not from our driver get negative numbers from the worker that serves them."""


BEAT_NS = 20_000_000
"""A loop's heartbeat comes so often."""


SIDES = ("wsgi", "asgi", "wsgi2", "asgi2")
"""Names of sides: the protocol that each speaks, and a 2 for the second of the same protocol."""


class Kind(IntEnum):
    """What happened. Beside each: what the fields ``req``, ``a``, ``b`` and ``text`` hold (else 0 and "")."""

    # A server's master
    MASTER_READY = 1
    WORKERS_CHANGED = 2  # a: workers wanted now, b: before (gunicorn's nworkers_changed)
    WORKER_DIED = 3  # a: its pid, b: 1 when the master killed it for its timeout (child_exit)
    MASTER_EXIT = 4

    # A worker's life
    WORKER_BOOTING = 10  # a: gunicorn's age (1, 2, 3 ...), b: native thread id, text: "CLASS SLOTS"
    WORKER_READY = 11  # app loaded, and listening
    WORKER_STOPPING = 12
    WORKER_EXIT = 13  # its last words; a killed worker has none
    SLOT_THREAD = 14  # slot, a: native id of the pool thread that is this slot
    POOL_QUEUE = 15  # a: what waits in this process for one of its threads, b: how many of those there are

    # A request in a worker. slot: index of the thread which serves it (0 in a sync worker)
    ACCEPTED = 20  # a: client's port or 0. The worker holds a connection; the request is not read yet
    BEGAN = 21  # req, a: time of ACCEPTED or 0, b: the thread's CPU time (ns), text: "GET /path"
    RESPONSE = 22  # req, a: status. start_response was called, http.response.start was sent
    RETURNED = 23  # req, a: see `returned`, b: CPU time in the app so far (ns) when the body is complete, else -1
    CHUNK = 24  # req, b: chunks so far. The server has a chunk to write (see probe.wsgi)
    CLOSED = 25  # req, a: CPU time in the app (ns), b: chunks, text: the exception's name, or ""
    RELEASED = 26  # the connection is closed and the worker is free
    RESUMED = 27  # req. The chunk is written, the app's iterator goes on
    CLOSING = 28  # the answer is written; the server closes the connection gracefully

    # A request on an event loop
    TASK_RUN = 30  # req. A step of the coroutine begins
    TASK_WAIT = 31  # req. The coroutine yielded; b: duration of the step that ended (ns)
    TASK_READY = 32  # req. What it waited for is done; it waits for the loop
    LOOP_BEAT = 33  # a: lag of the heartbeat (ns), b: time in the selector since start (ns) or -1
    LOOP_HELD = 34  # req or 0, a: how long one step holds it so far (ns), b: line, text: "file|function|call"
    CHILDREN = 35  # req, a: tasks that it has started and that live, b: started in all

    # Where a request is (wsgiviz.probe.places)
    WHERE = 36  # req, slot, a: line, text: "file|function|call" in the app's own code
    WITHIN = 37  # req, slot, a: line, text: the same of the innermost Python frame, where that is another
    NESTED_LOOP = 38  # req, slot, a: line, text: the same. An event loop runs inside this WSGI request

    # The load driver; its ring is the target's side
    RUN_STARTED = 40  # req: run number, a: requests planned, b: planned start (ns), text: arrivals
    SENT = 41  # req, a: planned (ns). The driver starts to connect
    CONNECTED = 42  # req, a: the client's port
    FIRST_BYTE = 43  # req
    RECEIVED = 44  # req, a: status, b: body bytes
    FAILED = 45  # req, text: kind (refused, reset, timeout, closed, ...)
    RUN_ENDED = 46  # req: run number, a: 1 when it was cancelled
    RUN_GREW = 48  # req: run number, a: requests planned now
    DRIVER_LAG = 47  # a: how late the driver's loop was (ns)

    # What the collector adds
    THREAD_SAMPLE = 60  # a: CPU time (ns), b: time on the run queue (ns), text: state letter of proc(5)
    QUEUE_SAMPLE = 61  # a: depth of the accept queue, b: its limit
    OVERFLOWS = 64  # a: connections that full accept queues of this machine turned away since the session began
    PROCESS_SAMPLE = 62  # a: resident set (bytes), b: CPU use (per mille of a core)
    LOST = 63  # a: events that were overwritten or torn before they could be read


class Event(NamedTuple):
    """One fact. ``side`` is one of `SIDES`; ``pid`` and ``slot`` say who it is about."""

    t_ns: int
    kind: int
    side: str
    pid: int
    slot: int = 0
    req: int = 0
    a: int = 0
    b: int = 0
    text: str = ""


RECORD = struct.Struct("<QqHHIqqq76sI")
"""Layout in a ring: sequence, t_ns, kind, slot, length of text, req, a, b, text, low 32 bits of the sequence again.

128 bytes. The sequence stands first and last: a record whose ends disagree is torn."""

BARE_RECORD = struct.Struct("<QqHHIqqqI")
"""A record without text: its end stands where the text would. Half the time to write, and one cache line."""

TEXT_BYTES = 76


def returned(a: int, t_ns: int) -> tuple[bool, int, int]:
    """What RETURNED packs into ``a``, and its time: complete (a list, so only writing is left), status, time of
    start_response; the last two 0 when that is told by an event of its own."""
    since = a >> 16
    return bool(a & 1), a >> 1 & 0x7FFF, t_ns - since if since else 0


def request_number(req: int) -> int:
    """The number a person sees: 17 for the 17th request of its run."""
    return req % RUN_STRIDE if req > 0 else req
