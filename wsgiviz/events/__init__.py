"""The vocabulary: one small frozen struct for each fact that the State depends on.

Everything that a person sees comes from a list of these. They come from five sources: the rings of observed processes
(`wsgiviz.observe.decode` makes them from records), the kernel (`wsgiviz.observe.kernel`), the load driver (a ring as
well), the controller (what a person asked for, and what was done about it), and the collector (what was lost).

Each has ``t_ns`` (CLOCK_MONOTONIC, nanoseconds), ``side`` (one of `SIDES`; "" where it concerns all) and ``pid`` (the
process that it is about; 0 for none). Events of one process come in order; those of different processes may not.
They are plain values: what they hold may come from a hostile app, and is escaped where it is shown.
"""

from __future__ import annotations

from wsgiviz.events.contract import ContractStep
from wsgiviz.events.event import Event
from wsgiviz.events.lines import (
    InnerLineSeen,
    LineSeen,
    NestedLoopSeen,
)
from wsgiviz.events.load import (
    Connected,
    ConnectionClosed,
    ConnectionReused,
    DriverLate,
    DriverSampled,
    FirstByte,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RunEnded,
    RunGrew,
    RunStarted,
    WebSocketOpened,
    WebSocketsCounted,
)
from wsgiviz.events.loops import (
    ChildTasks,
    LoopBeat,
    LoopHeld,
    StepBegan,
    StepEnded,
    TaskReady,
)
from wsgiviz.events.requests import (
    AcceptorClosing,
    BodyResumed,
    BodyReturned,
    ChunkWriting,
    ClientSeen,
    ConnectionAccepted,
    ConnectionClosing,
    RequestBegan,
    RequestEnded,
    RequestPeer,
    RequestsOver,
    ResponseStarted,
)
from wsgiviz.events.samples import (
    CallSampled,
    EventsLost,
    OverflowsSampled,
    ProcessSampled,
    QueueSampled,
    SelfCallsSampled,
    ThreadSampled,
)
from wsgiviz.events.server import (
    NO_TIMEOUT,
    BootLineSeen,
    Forked,
    MasterExited,
    MasterLoading,
    MasterReady,
    PoolQueued,
    SamplerFailed,
    SlotThread,
    WorkerBooting,
    WorkerDied,
    WorkerExited,
    WorkerGone,
    WorkerHeard,
    WorkerReady,
    WorkersChanged,
    WorkerStopping,
)
from wsgiviz.events.session import (
    ActionTaken,
    Calibrated,
    Failed,
    LogWritten,
    PhaseChanged,
    RunRequested,
    ServerAttached,
    ServerRetired,
    ServerStarted,
    SessionOpened,
    SettingsChanged,
    SourceRead,
)
from wsgiviz.events.threads import (
    CallBegan,
    CallEnded,
    CallQueued,
    CallsCounted,
    CallThread,
    PoolSampled,
)
from wsgiviz.recorder.codec import BEAT_NS, REQUEST_HEADER, RUN_STRIDE, SIDES, request_number

__all__ = [
    "NO_TIMEOUT",
    "AcceptorClosing",
    "ActionTaken",
    "BEAT_NS",
    "BodyResumed",
    "BodyReturned",
    "BootLineSeen",
    "Calibrated",
    "CallBegan",
    "CallEnded",
    "CallQueued",
    "CallSampled",
    "CallThread",
    "CallsCounted",
    "ChildTasks",
    "ChunkWriting",
    "ClientSeen",
    "Connected",
    "ConnectionAccepted",
    "ConnectionClosed",
    "ConnectionClosing",
    "ConnectionReused",
    "ContractStep",
    "DriverLate",
    "DriverSampled",
    "EVENT_TYPES",
    "Event",
    "EventsLost",
    "Failed",
    "FirstByte",
    "Forked",
    "InnerLineSeen",
    "LineSeen",
    "LogWritten",
    "LoopBeat",
    "LoopHeld",
    "MasterExited",
    "MasterLoading",
    "MasterReady",
    "NestedLoopSeen",
    "OverflowsSampled",
    "PhaseChanged",
    "PoolQueued",
    "PoolSampled",
    "ProcessSampled",
    "QueueSampled",
    "REQUEST_HEADER",
    "RUN_STRIDE",
    "RequestBegan",
    "RequestEnded",
    "RequestFailed",
    "RequestPeer",
    "RequestSent",
    "ResponseReceived",
    "RequestsOver",
    "ResponseStarted",
    "RunEnded",
    "RunGrew",
    "RunRequested",
    "RunStarted",
    "SIDES",
    "SamplerFailed",
    "SelfCallsSampled",
    "ServerAttached",
    "ServerRetired",
    "ServerStarted",
    "SessionOpened",
    "SettingsChanged",
    "SlotThread",
    "SourceRead",
    "StepBegan",
    "StepEnded",
    "TaskReady",
    "ThreadSampled",
    "WebSocketOpened",
    "WebSocketsCounted",
    "WorkerBooting",
    "WorkerDied",
    "WorkerExited",
    "WorkerGone",
    "WorkerHeard",
    "WorkerReady",
    "WorkerStopping",
    "WorkersChanged",
    "request_number",
]

EVENT_TYPES: dict[int, type[Event]] = {
    found.__struct_config__.tag: found  # type: ignore[misc]
    for found in Event.__subclasses__()
}
"""Every type of event by its tag. A tag is the kind of its record, where it has one; it is never used again."""
