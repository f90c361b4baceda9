"""The vocabulary: one small frozen struct for each fact that the State depends on.

Everything that a person sees comes from a list of these. They come from five sources: the rings of observed processes
(`wsgiviz.observe.decode` makes them from records), the kernel (`wsgiviz.observe.kernel`), the load driver (a ring as
well), the controller (what a person asked for, and what was done about it), and the collector (what was lost).

Each has ``t_ns`` (CLOCK_MONOTONIC, nanoseconds), ``side`` (one of `SIDES`; "" where it concerns all) and ``pid`` (the
process that it is about; 0 for none). Events of one process come in order; those of different processes may not.
They are plain values: what they hold may come from a hostile app, and is escaped where it is shown.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from wsgiviz.recorder.codec import BEAT_NS, REQUEST_HEADER, RUN_STRIDE, SIDES, request_number

__all__ = ["BEAT_NS", "EVENT_TYPES", "REQUEST_HEADER", "RUN_STRIDE", "SIDES", "Event", "request_number"]


class Event(Struct, frozen=True, array_like=True):
    """A fact. Its subclasses are the vocabulary."""

    t_ns: int
    side: str
    pid: int


# --- a server's master -------------------------------------------------------------------------------------------


class MasterReady(Event, frozen=True, tag=1):
    """It listens and keeps workers."""


class WorkersChanged(Event, frozen=True, tag=2):
    """gunicorn keeps ``wanted`` workers now, ``before`` until then (its hook nworkers_changed)."""

    wanted: int
    before: int = 0


class WorkerDied(Event, frozen=True, tag=3):
    """The master has found that ``worker_pid`` is gone (child_exit). ``status``: its exit status as waitpid(2) gives
    it, -1 where that is not known; ``by_timeout``: the master killed it for gunicorn's --timeout."""

    worker_pid: int
    status: int = -1
    by_timeout: int = 0


class MasterExited(Event, frozen=True, tag=4):
    """The master is gone, and its workers with it."""


# --- a worker's life ---------------------------------------------------------------------------------------------


class WorkerBooting(Event, frozen=True, tag=10):
    """A worker process has come. ``number``: gunicorn's age (1, 2, 3 ...), 0 where there is none; ``threads``: how
    many serve requests; ``thread_id``: native id of its main thread."""

    number: int
    thread_id: int
    threads: int
    worker_class: str


class WorkerReady(Event, frozen=True, tag=11):
    """Its app is loaded, and it listens."""


class WorkerStopping(Event, frozen=True, tag=12):
    """It handles ``signal``, and will go."""

    signal: int


class WorkerExited(Event, frozen=True, tag=13):
    """Its last record: it goes in order. A killed worker has none."""


class SlotThread(Event, frozen=True, tag=14):
    """Thread ``thread_id`` (native) serves as ``slot``."""

    slot: int
    thread_id: int


class PoolQueued(Event, frozen=True, tag=15):
    """``waiting`` wait in this process for one of its ``threads``."""

    waiting: int
    threads: int


class SamplerFailed(Event, frozen=True, tag=16):
    """The line sampler of this worker has ended with ``error``: lines are not known any more."""

    error: str


class Forked(Event, frozen=True, tag=17):
    """The app in this worker has forked ``child_pid``; what that does is not recorded."""

    child_pid: int


# --- a request in a worker ---------------------------------------------------------------------------------------


class ConnectionAccepted(Event, frozen=True, tag=20):
    """``slot`` holds a connection from ``port`` (0: not known) and has read no request yet. On a loop: the process
    does. A sync worker's is emitted only when reading lasts."""

    slot: int
    port: int


class RequestBegan(Event, frozen=True, tag=21):
    """The app is called. ``accepted_ns``: when its connection was, 0 where not known; ``thread_cpu_ns``: CPU time of
    the thread so far; ``target``: "GET /path"."""

    slot: int
    req: int
    accepted_ns: int
    thread_cpu_ns: int
    target: str


class ResponseStarted(Event, frozen=True, tag=22):
    """start_response was called, or http.response.start was sent. In a thread emitted only when the request lasts."""

    slot: int
    req: int
    status: int


class BodyReturned(Event, frozen=True, tag=23):
    """The WSGI callable has returned its iterable; emitted when the request lasts. ``complete``: 1 when it is a list,
    and the server only has to write; ``cpu_ns``: CPU time in the app so far, -1 where not known."""

    slot: int
    req: int
    complete: int
    cpu_ns: int


class ChunkWriting(Event, frozen=True, tag=24):
    """The app's iterator has given its chunk number ``chunks``; the server writes it."""

    slot: int
    req: int
    chunks: int


class BodyResumed(Event, frozen=True, tag=25):
    """The chunk is written, and the app's iterator goes on."""

    slot: int
    req: int


class ConnectionClosing(Event, frozen=True, tag=26):
    """The answer is written; since ``t_ns`` the server waits for the client to hang up. Emitted when that lasts.
    ``ended_ns``: when the app was through."""

    slot: int
    req: int
    ended_ns: int


class RequestEnded(Event, frozen=True, tag=27):
    """``slot`` is free again, or the task is over; a ``req`` of 0: its connection has brought no request.

    Times in the app: ``began_ns``, ``response_ns`` (start_response), ``returned_ns`` (the iterable), ``ended_ns``
    (its close(), or the coroutine's end); 0 where a thing did not happen. ``cpu_ns``: on the CPU inside the app;
    ``raised``: name of the exception that left the app, or ""."""

    slot: int
    req: int
    cpu_ns: int
    began_ns: int
    response_ns: int
    returned_ns: int
    ended_ns: int
    status: int
    chunks: int
    raised: str


# --- a request on an event loop ----------------------------------------------------------------------------------


class StepBegan(Event, frozen=True, tag=30):
    """A step of the request's coroutine begins: it holds the loop."""

    req: int


class StepEnded(Event, frozen=True, tag=31):
    """The coroutine yielded after ``held_ns``."""

    req: int
    held_ns: int


class TaskReady(Event, frozen=True, tag=32):
    """What the request waited for is done; it waits for the loop."""

    req: int


class LoopBeat(Event, frozen=True, tag=33):
    """The loop's heartbeat was ``late_ns`` late. ``selector_ns``: time in the selector so far, -1 where unknown."""

    late_ns: int
    selector_ns: int


class LoopHeld(Event, frozen=True, tag=34):
    """One step has held the loop for ``held_ns`` so far, at ``line`` of ``where``; ``req`` is 0 when it is no
    request's. ``where``: "file|function|call"."""

    req: int
    held_ns: int
    line: int
    where: str


class ChildTasks(Event, frozen=True, tag=35):
    """Of the tasks that the request has ``started``, so many are ``alive``."""

    req: int
    alive: int
    started: int


# --- the line that a request is at -------------------------------------------------------------------------------


class LineSeen(Event, frozen=True, tag=40):
    """The request is at ``line`` of the app's own code. ``where``: "file|function|call"."""

    slot: int
    req: int
    line: int
    where: str


class InnerLineSeen(Event, frozen=True, tag=41):
    """The same of the innermost Python frame, where that is another."""

    slot: int
    req: int
    line: int
    where: str


class NestedLoopSeen(Event, frozen=True, tag=42):
    """An event loop runs inside this WSGI request."""

    slot: int
    req: int
    line: int
    where: str


# --- the load driver ---------------------------------------------------------------------------------------------


class RunStarted(Event, frozen=True, tag=50):
    """``planned`` requests of ``run`` are sent from ``start_ns`` on."""

    run: int
    planned: int
    start_ns: int


class RequestSent(Event, frozen=True, tag=51):
    """The client starts to connect; that was planned for ``planned_ns``."""

    req: int
    planned_ns: int


class Connected(Event, frozen=True, tag=52):
    """The client is connected, from ``port``."""

    req: int
    port: int


class FirstByte(Event, frozen=True, tag=53):
    """The first byte of the answer has come."""

    req: int


class ResponseReceived(Event, frozen=True, tag=54):
    """The client has its answer. ``location``: of a redirect, where to, without its query (the first bytes of it)."""

    req: int
    status: int
    body_bytes: int
    location: str = ""


class RequestFailed(Event, frozen=True, tag=55):
    """The client knows that there will be no answer. ``error``: refused, reset, timeout, closed, ..."""

    req: int
    error: str


class RunGrew(Event, frozen=True, tag=56):
    """``planned`` requests are to be sent now."""

    run: int
    planned: int


class RunEnded(Event, frozen=True, tag=57):
    """The driver is through with ``run``."""

    run: int
    cancelled: int


class DriverLate(Event, frozen=True, tag=58):
    """The driver's own loop was ``late_ns`` late."""

    late_ns: int


class DriverSampled(Event, frozen=True, tag=59):
    """Of the driver's thread: its CPU time so far, and its time on the run queue, -1 where that is not known."""

    cpu_ns: int
    runq_ns: int


# --- the kernel, sampled by the viewer ---------------------------------------------------------------------------


class ThreadSampled(Event, frozen=True, tag=60):
    """Counters of the thread that is ``slot``: CPU time, time on the run queue, and the state letter of proc(5)."""

    slot: int
    cpu_ns: int
    runq_ns: int
    letter: str


class QueueSampled(Event, frozen=True, tag=61):
    """``depth`` of the accept queue, and its ``limit``."""

    depth: int
    limit: int


class ProcessSampled(Event, frozen=True, tag=62):
    """Resident set, and CPU use in per mille of a core."""

    rss_bytes: int
    cpu_permille: int


class EventsLost(Event, frozen=True, tag=63):
    """``count`` events of this process were overwritten or torn before they could be read."""

    count: int


class OverflowsSampled(Event, frozen=True, tag=64):
    """Connections that full accept queues of this machine have turned away since it booted (ListenOverflows)."""

    total: int


# --- the controller ----------------------------------------------------------------------------------------------


class SessionOpened(Event, frozen=True, tag=80):
    """The program begins. ``host``: cores, Python, platform, versions; ``started``: ISO 8601."""

    started: str
    host: dict[str, Any]


class SettingsChanged(Event, frozen=True, tag=81):
    """These settings apply from now on: names and values as `wsgiviz.settings.make` takes them."""

    given: dict[str, Any]


class PhaseChanged(Event, frozen=True, tag=82):
    """The controller is in ``phase`` now (a value of `wsgiviz.state.Phase`)."""

    phase: str


class ServerStarted(Event, frozen=True, tag=83):
    """A server of ``kind`` was launched for the side; ``pid`` is its master. ``log``: the name of its log file."""

    kind: str
    address: str
    command: tuple[str, ...] = ()


class ServerRetired(Event, frozen=True, tag=84):
    """The side's server is gone, because other settings need another one, or the program ends."""


class RunRequested(Event, frozen=True, tag=85):
    """``run`` is fired at the sides ``at``: ``planned`` requests to each. ``calibration``: it measures what one
    request costs, and is none that a person asked for."""

    run: int
    planned: int
    at: tuple[str, ...]
    calibration: bool = False


class Calibrated(Event, frozen=True, tag=86):
    """What one request was measured to cost: seconds that it waits, and seconds that it computes; negative when it
    could not be measured."""

    wait_s: float
    cpu_s: float


class Failed(Event, frozen=True, tag=87):
    """The session can't go on as it is: what happened, the fix, details, and the exit status that it means."""

    message: str
    hint: str
    detail: str
    status: int


class ActionTaken(Event, frozen=True, tag=88):
    """Something that a person asked for was done: ``action`` is one of fire, more, cancel, add_worker, remove_worker,
    reload, end_worker; ``detail`` says how (a signal's name); ``pid`` is whom it concerns."""

    action: str
    detail: str = ""


class SourceRead(Event, frozen=True, tag=89):
    """The text of a file of an app, as it was when its server was started."""

    path: str
    text: str


class LogWritten(Event, frozen=True, tag=90):
    """Lines that the side's server or app wrote to its log."""

    lines: tuple[str, ...] = field(default_factory=tuple)


EVENT_TYPES: dict[int, type[Event]] = {
    found.__struct_config__.tag: found  # type: ignore[misc]
    for found in Event.__subclasses__()
}
"""Every type of event by its tag. A tag is the kind of its record, where it has one; it is never used again."""
