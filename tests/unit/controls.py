"""A controller whose processes are none: what it asks of them is noted, and what they would emit is given to it."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from wsgiviz.control.controller import Controller
from wsgiviz.control.launch import Launch, ServerProcess
from wsgiviz.control.load_client import LoadClient
from wsgiviz.control.processes import Processes
from wsgiviz.control.watch import Watch
from wsgiviz.errors import WsgivizError
from wsgiviz.events import (
    Event,
    MasterReady,
    ProcessSampled,
    RequestBegan,
    RequestEnded,
    RequestSent,
    ResponseReceived,
    RunEnded,
    RunStarted,
    WorkerBooting,
    WorkerReady,
    WorkersChanged,
)
from wsgiviz.load.plan import Job
from wsgiviz.log import EventLog
from wsgiviz.recorder.codec import RUN_STRIDE
from wsgiviz.settings import Settings, make
from wsgiviz.state import Phase, Side, State

SECOND_NS = 1_000_000_000
FRAME_NS = 33_000_000
DRIVER = 7


class NotedClient(LoadClient):
    """Notes what it is asked, and how far the log was then."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.jobs: list[Job] = []
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.run_known: list[int] = []

    @property
    def pid(self) -> int:
        return DRIVER

    @property
    def alive(self) -> bool:
        return True

    def fire(self, job: Job, body: bytes = b"") -> None:
        self.jobs.append(job)
        self.bodies.append(body)
        self.asked.append("fire")
        self.run_known.append(self.log.state.run)

    def more(self, count: int) -> None:
        self.asked.append(f"more {count}")

    def cancel(self) -> None:
        self.asked.append("cancel")


class NotedProcesses(Processes):
    def __init__(self, log: EventLog) -> None:
        super().__init__()
        self.noted = NotedClient(log)
        self.started: list[Settings] = []
        self.dsns: list[str | None] = []
        self.refuses: WsgivizError | None = None
        self.ended: WsgivizError | None = None
        self.signals: list[tuple[str, signal.Signals]] = []
        self.leaving: list[ServerProcess] = []

    def open(self, settings: Settings) -> Path:
        return Path("/nowhere")

    @property
    def client(self) -> LoadClient:
        return self.noted

    def start_client(self) -> None:
        pass

    def start_servers(self, settings: Settings, dsn: str | None) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.started.append(settings)
        self.dsns.append(dsn)
        self.servers = {side: a_server(settings, side, 100 * len(self.started) + at) for at, side in
                        enumerate(settings.sides)}  # fmt: skip

    @property
    def retiring(self) -> bool:
        return bool(self.leaving)

    def listeners(self) -> dict[str, socket.socket]:
        return {}

    def failure(self, sides: Mapping[str, Side]) -> WsgivizError | None:
        return self.ended

    def retire(self) -> None:
        self.leaving += self.servers.values()
        self.servers = {}

    def bury(self) -> list[ServerProcess]:
        gone, self.leaving = self.leaving, []
        return gone

    def signal_master(self, side: str, number: signal.Signals) -> None:
        self.signals.append((side, number))

    def close(self) -> list[ServerProcess]:
        self.retire()
        return self.bury()


def a_server(settings: Settings, side: str, pid: int) -> Any:
    kind = settings.kinds[side]
    launch = Launch(side, settings.target(side), kind, 1, 1, 0, "127.0.0.1", Path("/nowhere"), Path("/nowhere"), {})
    return SimpleNamespace(pid=pid, launch=launch, url=f"http://127.0.0.1:{pid}", command=["gunicorn", side])


class GivenWatch(Watch):
    """``coming`` is what the next look finds, ``late`` what the one after that does."""

    def __init__(self) -> None:
        super().__init__()
        self.coming: list[Event] = []
        self.late: list[Event] = []
        self.looks = 0

    def open(self, rundir: Path) -> None:
        pass

    def new(self, state: State, listeners: Mapping[str, socket.socket], now_ns: int) -> list[Event]:
        self.looks += 1
        found, self.coming, self.late = self.coming, self.late, []
        return found

    def everything(self, state: State, now_ns: int) -> list[Event]:
        return [ProcessSampled(now_ns, side, 0, 1, 1) for side in state.sides]

    def last_words(self, now_ns: int) -> list[Event]:
        return []

    def sources(self, state: State, now_ns: int) -> list[Event]:
        return []

    def driver_ready(self, sides: Iterable[str], pid: int) -> bool:
        return pid == DRIVER


class Control:
    """A controller, its log, and a clock that only moves when it is told to."""

    def __init__(self, **settings: Any) -> None:
        self.now_ns = SECOND_NS
        self.log = EventLog()
        self.processes = NotedProcesses(self.log)
        self.client = self.processes.noted
        self.watch = GivenWatch()
        self.controller = Controller(
            make(**settings), self.log, self.processes, self.watch, clock=lambda: self.now_ns
        )

    @property
    def state(self) -> State:
        return self.log.state

    def phase(self) -> Phase:
        """That of the State. (A call, since a type checker takes a property for a value that stays.)"""
        return self.log.state.phase

    @property
    def events(self) -> list[Event]:
        return [event for batch in self.log.batches() for event in batch]

    def of(self, *kinds: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kinds)]

    def pump(self, *events: Event, after_ns: int = FRAME_NS) -> None:
        self.now_ns += after_ns
        self.watch.coming += events
        self.controller.pump()

    def get_ready(self) -> None:
        """Start it, and let the servers come up."""
        self.controller.start()
        self.pump(*self.servers_ready())

    def servers_ready(self) -> list[Event]:
        found: list[Event] = []
        for side, server in self.processes.servers.items():
            count = self.state.settings.processes(side)
            found += [
                WorkersChanged(self.now_ns, side, server.pid, count),
                MasterReady(self.now_ns, side, server.pid),
            ]
            for at in range(1, count + 1):
                pid = 10 * server.pid + at
                kind = server.launch.kind
                found += [
                    WorkerBooting(self.now_ns, side, pid, at, pid, 1, kind),
                    WorkerReady(self.now_ns, side, pid),
                ]
        return found

    def answered(self, side: str, number: int = 1, took_ns: int = SECOND_NS, cpu_ns: int = 0) -> list[Event]:
        """One request of the newest run, from beginning to end."""
        req, now = self.state.run * RUN_STRIDE + number, self.now_ns
        pid = 10 * self.processes.servers[side].pid + 1
        end = now + took_ns
        return [
            RequestSent(now, side, DRIVER, req, now),
            RequestBegan(now, side, pid, 0, req, now, 0, "GET /"),
            RequestEnded(end, side, pid, 0, req, cpu_ns, now, now, now, end, 200, 1, ""),
            ResponseReceived(end, side, DRIVER, req, 200, 2),
        ]

    def run_began(self) -> list[Event]:
        job = self.client.jobs[-1]
        sides = [target.side for target in job.targets]
        return [RunStarted(self.now_ns, side, DRIVER, job.run, job.requests, self.now_ns) for side in sides]

    def run_ended(self, cancelled: int = 0) -> list[Event]:
        job = self.client.jobs[-1]
        return [RunEnded(self.now_ns, target.side, DRIVER, job.run, cancelled) for target in job.targets]
