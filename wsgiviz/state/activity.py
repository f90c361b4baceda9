"""What workers and tasks can be doing, and how far a session is."""

from __future__ import annotations

from enum import StrEnum

LOOPS = frozenset({"asgi", "uvicorn", "gevent"})
"""Kinds of servers whose requests share an event loop in one thread; in the others each holds a thread."""


class Activity(StrEnum):
    """What a worker slot is doing.

    Busy is any of reading, blocked, computing, waiting for the GIL, writing, closing. Computing: on the CPU, or
    runnable and waiting for one. Waiting for the GIL: it could go on, and another thread of its process holds the
    interpreter lock. Blocked: holds a request and waits for something outside the interpreter.
    """

    BOOTING = "booting"
    IDLE = "idle"
    READING = "reading"
    BLOCKED = "blocked"
    COMPUTING = "computing"
    WAITING_FOR_GIL = "waiting for the GIL"
    WRITING = "writing"
    CLOSING = "closing"
    STOPPING = "stopping"
    DEAD = "dead"


IN_APP = frozenset({Activity.BLOCKED, Activity.COMPUTING, Activity.WAITING_FOR_GIL})
BUSY = IN_APP | {Activity.READING, Activity.WRITING, Activity.CLOSING}


class Task(StrEnum):
    """What a request on an event loop is doing; the first is before it reached the app.

    In a thread: it awaits what a thread does for it; as far as is known, that waits for something outside the
    interpreter, as a blocked worker does. Computing in a thread, waiting for the GIL in a thread: the thread does.
    Waiting for a thread: what it awaits is to run in one, and none has taken it up. The same of processes of a pool.
    """

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    AWAITING = "awaiting"
    IN_THREAD = "in a thread"
    THREAD_COMPUTES = "computing in a thread"
    THREAD_FOR_GIL = "waiting for the GIL in a thread"
    FOR_THREAD = "waiting for a thread"
    IN_PROCESS = "in a process"
    FOR_PROCESS = "waiting for a process"
    DONE = "done"
    FAILED = "failed"


INSIDE_THREAD = frozenset({Task.IN_THREAD, Task.THREAD_COMPUTES, Task.THREAD_FOR_GIL})
"""A thread works for it, whatever that does just now."""
IN_THREADS = INSIDE_THREAD | {Task.FOR_THREAD}
"""In a thread, or on the way into one."""
WAITS_FOR_POOL = frozenset({Task.FOR_THREAD, Task.FOR_PROCESS})
IN_POOLS = IN_THREADS | {Task.IN_PROCESS, Task.FOR_PROCESS}
"""The same, or of processes."""
OFF_LOOP = IN_POOLS | {Task.AWAITING}
"""A request in one of these needs nothing of its loop."""


class Phase(StrEnum):
    """How far the session is. Measuring: requests are sent one at a time, to know what one costs here."""

    NEW = "new"
    STARTING = "starting"
    MEASURING = "measuring"
    READY = "ready"
    ATTACHED = "attached"  # to servers that somebody else has started: nothing is fired
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CLOSED = "closed"
