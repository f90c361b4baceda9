"""The codec: the only place where an event's fields are packed into 128 bytes.

A ring holds records. Each has a kind, and up to six values: slot, req, a, b, text, and, for the end of a request,
a block of times. `FIELDS` says what each value of each kind is called as a field of the event
(`wsgiviz.events`). Standard library only: this runs inside other people's servers.

Times are CLOCK_MONOTONIC in nanoseconds: one clock for all processes of a machine (clock_gettime(2)).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

SCHEMA = 2

REQUEST_HEADER = "x-wsgiviz-request"
"""The driver's request number travels in this header, so that both ends of a request can be joined."""

RUN_STRIDE = 1_000_000
"""A request's number is ``run * RUN_STRIDE + n``; n counts from 1, and is the same on both sides.

External requests, which are not from our driver, get negative numbers from the worker that serves them."""

BEAT_NS = 20_000_000
"""A loop's heartbeat comes so often."""

SIDES = ("wsgi", "asgi", "wsgi2", "asgi2")
"""Names of sides: the protocol that each speaks, and a 2 for the second of the same protocol."""


class Kind(IntEnum):
    """What happened."""

    # A server's master
    MASTER_READY = 1
    WORKERS_CHANGED = 2
    WORKER_DIED = 3
    MASTER_EXITED = 4

    # A worker's life
    WORKER_BOOTING = 10
    WORKER_READY = 11
    WORKER_STOPPING = 12
    WORKER_EXITED = 13
    SLOT_THREAD = 14
    POOL_QUEUED = 15
    SAMPLER_FAILED = 16
    FORKED = 17

    # A request in a worker. slot: index of the thread that serves it (0 in a sync worker)
    CONNECTION_ACCEPTED = 20
    REQUEST_BEGAN = 21
    RESPONSE_STARTED = 22
    BODY_RETURNED = 23
    CHUNK_WRITING = 24
    BODY_RESUMED = 25
    CONNECTION_CLOSING = 26
    REQUEST_ENDED = 27
    CLIENT_SEEN = 28
    ACCEPTOR_CLOSING = 29
    REQUESTS_OVER = 111
    REQUEST_PEER = 106

    # A request on an event loop
    STEP_BEGAN = 30
    STEP_ENDED = 31
    TASK_READY = 32
    LOOP_BEAT = 33
    LOOP_HELD = 34
    CHILD_TASKS = 35

    # The line that a request is at
    LINE_SEEN = 40
    INNER_LINE_SEEN = 41
    NESTED_LOOP_SEEN = 42

    # A worker that loads its app, or a master that does
    BOOT_LINE_SEEN = 70
    MASTER_LOADING = 100

    # The load driver; its ring is that of the side it sends to
    RUN_STARTED = 50
    REQUEST_SENT = 51
    CONNECTED = 52
    FIRST_BYTE = 53
    RESPONSE_RECEIVED = 54
    REQUEST_FAILED = 55
    RUN_GREW = 56
    RUN_ENDED = 57
    DRIVER_LATE = 58
    DRIVER_SAMPLED = 59

    # Threads behind an event loop (60 to 64 are the viewer's own events)
    CALL_QUEUED = 65
    CALL_BEGAN = 66
    CALL_ENDED = 67
    POOL_SAMPLED = 68
    CALL_THREAD = 102
    CALLS_COUNTED = 110

    # Connections that last: kept for several requests, or WebSockets (the load driver's, too)
    CONNECTION_REUSED = 91
    CONNECTION_CLOSED = 92
    WEBSOCKET_OPENED = 93
    WEBSOCKETS_COUNTED = 94
    # The steps of a request, where they are followed (80 to 90 are the controller's events)
    CONTRACT_STEP = 95


class Fields(NamedTuple):
    """The name of the event's field that each value of a record holds; "" where it holds none."""

    req: str = ""
    a: str = ""
    b: str = ""
    text: str = ""
    slot: str = ""


FIELDS: Mapping[Kind, Fields] = {
    Kind.MASTER_READY: Fields(),
    Kind.WORKERS_CHANGED: Fields(a="wanted", b="before"),
    Kind.WORKER_DIED: Fields(a="worker_pid", b="status", req="by_timeout", slot="sent", text="oom"),
    Kind.MASTER_EXITED: Fields(),
    Kind.WORKER_BOOTING: Fields(a="number", b="thread_id", req="threads", text="worker_class", slot="timeout"),
    Kind.WORKER_READY: Fields(),
    Kind.WORKER_STOPPING: Fields(a="signal"),
    Kind.WORKER_EXITED: Fields(a="recycled"),
    Kind.SLOT_THREAD: Fields(slot="slot", a="thread_id"),
    Kind.POOL_QUEUED: Fields(a="waiting", b="threads"),
    Kind.SAMPLER_FAILED: Fields(text="error"),
    Kind.FORKED: Fields(a="child_pid"),
    Kind.CONNECTION_ACCEPTED: Fields(slot="slot", a="port"),
    Kind.REQUEST_BEGAN: Fields(slot="slot", req="req", a="accepted_ns", b="thread_cpu_ns", text="target"),
    Kind.RESPONSE_STARTED: Fields(slot="slot", req="req", a="status"),
    Kind.BODY_RETURNED: Fields(slot="slot", req="req", a="complete", b="cpu_ns"),
    Kind.CHUNK_WRITING: Fields(slot="slot", req="req", b="chunks"),
    Kind.BODY_RESUMED: Fields(slot="slot", req="req"),
    Kind.CONNECTION_CLOSING: Fields(slot="slot", req="req", a="ended_ns"),
    Kind.CLIENT_SEEN: Fields(slot="slot", a="received", text="address"),
    Kind.ACCEPTOR_CLOSING: Fields(a="closing"),
    Kind.REQUESTS_OVER: Fields(a="low", b="high"),
    Kind.REQUEST_PEER: Fields(req="req", text="address"),
    Kind.STEP_BEGAN: Fields(req="req"),
    Kind.STEP_ENDED: Fields(req="req", b="held_ns"),
    Kind.TASK_READY: Fields(req="req"),
    Kind.LOOP_BEAT: Fields(a="late_ns", b="selector_ns", req="every_ns"),
    Kind.LOOP_HELD: Fields(req="req", a="held_ns", b="line", text="where"),
    Kind.CHILD_TASKS: Fields(req="req", a="alive", b="started"),
    Kind.LINE_SEEN: Fields(slot="slot", req="req", a="line", text="where"),
    Kind.INNER_LINE_SEEN: Fields(slot="slot", req="req", a="line", text="where"),
    Kind.NESTED_LOOP_SEEN: Fields(slot="slot", req="req", a="line", text="where"),
    Kind.BOOT_LINE_SEEN: Fields(a="line", text="where"),
    Kind.MASTER_LOADING: Fields(a="loading"),
    Kind.RUN_STARTED: Fields(req="run", a="planned", b="start_ns"),
    Kind.REQUEST_SENT: Fields(req="req", a="planned_ns"),
    Kind.CONNECTED: Fields(req="req", a="port"),
    Kind.FIRST_BYTE: Fields(req="req"),
    Kind.RESPONSE_RECEIVED: Fields(req="req", a="status", b="body_bytes", text="location"),
    Kind.REQUEST_FAILED: Fields(req="req", text="error"),
    Kind.RUN_GREW: Fields(req="run", a="planned"),
    Kind.RUN_ENDED: Fields(req="run", a="cancelled"),
    Kind.DRIVER_LATE: Fields(a="late_ns"),
    Kind.DRIVER_SAMPLED: Fields(a="cpu_ns", b="runq_ns"),
    Kind.CONNECTION_REUSED: Fields(req="req", a="port", b="connected_ns"),
    Kind.CONNECTION_CLOSED: Fields(req="answered", a="port", b="by_server"),
    Kind.WEBSOCKET_OPENED: Fields(req="req"),
    Kind.WEBSOCKETS_COUNTED: Fields(a="messages", b="pings_answered"),
    Kind.CALL_QUEUED: Fields(slot="pool", req="req", a="process"),
    Kind.CALL_BEGAN: Fields(slot="pool", req="req"),
    Kind.CALL_ENDED: Fields(slot="pool", req="req", a="began"),
    Kind.CALLS_COUNTED: Fields(slot="pool", req="req", a="queued", b="running"),
    Kind.CALL_THREAD: Fields(req="req", a="thread_id"),
    Kind.POOL_SAMPLED: Fields(slot="pool", a="size", b="running", req="waiting", text="name"),
    Kind.CONTRACT_STEP: Fields(req="req", a="step", text="value"),
}
"""All kinds but REQUEST_ENDED, which has a layout of its own (`ENDED`)."""

STICKY = (
    Kind.MASTER_READY,
    Kind.WORKERS_CHANGED,
    Kind.WORKER_BOOTING,
    Kind.WORKER_READY,
    Kind.WORKER_EXITED,
    Kind.RUN_STARTED,
    Kind.RUN_GREW,
    Kind.RUN_ENDED,
    Kind.SAMPLER_FAILED,
)
"""Facts that a run depends on. The newest record of each is kept beside the ring too, where nothing overwrites it."""

DROPPED = 0
"""The kind of a record that stands for one which could not be packed, as a number did not fit. It holds nothing."""

RECORD_BYTES = 128
TEXT_BYTES = 76

RECORD = struct.Struct("<QqHHIqqq76sI")
"""sequence, t_ns, kind, slot, length of text, req, a, b, text, low 32 bits of the sequence again.

The sequence stands first and last: a record whose ends disagree is torn."""

BARE_RECORD = struct.Struct("<QqHHIqqqI")
"""A record without text: its end stands where the text would. Half the time to write, and one cache line."""

RECORD_ENDS = struct.Struct("<QqHHIqqqI72xI")
"""A record without its text, of either layout: the values up to b, then BARE_RECORD's end and RECORD's."""

ENDED = struct.Struct("<QqHHIqqqqqqII44sI")
"""REQUEST_ENDED: sequence, t_ns, kind, slot, length of ``raised``, req, cpu_ns, began_ns, response_ns, returned_ns,
ended_ns, status, chunks, raised, low 32 bits of the sequence again.

``t_ns`` is when the slot was free again, or the task was over. It repeats what was emitted while the request lasted,
so that a short request needs no more than two records."""

BARE_ENDED = struct.Struct("<QqHHIqqqqqqIII")
"""The same of a request that raised nothing: its end stands where the name of the exception would."""

RAISED_BYTES = 44


def request_number(req: int) -> int:
    """The number a person sees: 17 for the 17th request of its run."""
    return req % RUN_STRIDE if req > 0 else req
