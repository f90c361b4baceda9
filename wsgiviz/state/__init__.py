"""The State, its parts, and the reducer that makes it of events. Pure."""

from wsgiviz.state.activity import BUSY, IN_APP, INSIDE_THREAD, LOOPS, OFF_LOOP, Activity, Phase, Task
from wsgiviz.state.calls import Calls
from wsgiviz.state.contract_entry import CONTRACT_KEPT, ContractEntry
from wsgiviz.state.counters import SLEEPS, WAITS_FOR_GIL, Counters, WaitSamples
from wsgiviz.state.ledger import LEDGER_KEPT, Ledger
from wsgiviz.state.loop import Hold, Loop, LoopTally
from wsgiviz.state.reducer import reduce
from wsgiviz.state.request import Location, Request, Stay, Step
from wsgiviz.state.run import DriverSample, Peak, Run
from wsgiviz.state.run_summary import RUNS_KEPT, RunSummary, SideSummary
from wsgiviz.state.server import Server
from wsgiviz.state.state import Action, Failure, Measured, Side, State
from wsgiviz.state.thread_pool import OF_PROCESSES, PoolKind, ThreadPool
from wsgiviz.state.worker import (
    Death,
    ReadingClient,
    Slot,
    Span,
    Tally,
    Worker,
)

__all__ = [
    "BUSY",
    "CONTRACT_KEPT",
    "IN_APP",
    "INSIDE_THREAD",
    "LEDGER_KEPT",
    "LOOPS",
    "OFF_LOOP",
    "OF_PROCESSES",
    "RUNS_KEPT",
    "SLEEPS",
    "WAITS_FOR_GIL",
    "Action",
    "Activity",
    "ReadingClient",
    "Calls",
    "ContractEntry",
    "Counters",
    "Death",
    "DriverSample",
    "Failure",
    "Hold",
    "Ledger",
    "Location",
    "Loop",
    "LoopTally",
    "Measured",
    "Peak",
    "Phase",
    "PoolKind",
    "Request",
    "Run",
    "RunSummary",
    "Server",
    "Side",
    "SideSummary",
    "Slot",
    "Span",
    "State",
    "Stay",
    "Step",
    "Tally",
    "Task",
    "ThreadPool",
    "WaitSamples",
    "Worker",
    "reduce",
]
