"""A load driver on the bench: its process, its events, and the servers that it is sent to."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from tests.integration.small_server import OK, Answer, SmallServer, says
from wsgiviz.control.load_client import LoadClient
from wsgiviz.events import RUN_STRIDE, Connected, Event, RequestFailed, RunEnded
from wsgiviz.load.plan import Job, Target
from wsgiviz.observe.collector import Collector

DEADLINE_S = 10.0

E = TypeVar("E", bound=Event)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {DEADLINE_S:.0f} s for: {what}")
        time.sleep(0.005)


def gone(pid: int) -> bool:
    """It has ended; perhaps whoever inherited it has not asked for its status yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def run_of(event: Event) -> int:
    """The run that it belongs to; 0 for none."""
    run: int = getattr(event, "run", None) or getattr(event, "req", 0) // RUN_STRIDE
    return run


class Bench:
    """A driver that is ready, its events, and the servers that it is sent to. Runs are numbered from 1."""

    def __init__(self, rundir: Path) -> None:
        self.rundir = rundir
        self.run = 0
        self.driver = LoadClient.start(rundir)
        self.events: list[Event] = []
        self.servers: list[SmallServer] = []
        self.collector = Collector(rundir)
        wait_until(lambda: not self.poll() and self.collector.has_driver("asgi", self.driver.pid), "the driver")

    def server(self, answer: Answer) -> SmallServer:
        self.servers.append(SmallServer(answer))
        return self.servers[-1]

    def holding(self) -> SmallServer:
        """A server that does not answer before the test is over."""
        server = self.server(says(OK))
        server.answer = server.hold
        return server

    def poll(self) -> list[Event]:
        self.events += self.collector.poll()
        return self.events

    def emitted(self, kind: type[E], side: str = "wsgi", run: int = 0) -> list[E]:
        """The events of this type, of one run (the newest) at one side."""
        run = run or self.run
        events = [event for event in self.poll() if isinstance(event, kind) and event.side == side]
        return [event for event in events if run_of(event) == run]

    def fire(self, *targets: SmallServer, requests: int = 1, **job: Any) -> None:
        """A new run at one server, or at two: WSGI's and ASGI's."""
        fields: dict[str, Any] = {"requests": requests, "timeout_s": 5.0}
        fields["targets"] = [
            Target(side, server.url) for side, server in zip(("wsgi", "asgi"), targets, strict=False)
        ]
        self.run += 1
        self.driver.fire(Job(self.run, **(fields | job)))

    def finish(self, side: str = "wsgi", run: int = 0) -> RunEnded:
        """Wait for the run's end at that side."""
        wait_until(lambda: bool(self.emitted(RunEnded, side, run)), f"the end of the run at {side}")
        [ended] = self.emitted(RunEnded, side, run)
        return ended

    def connected(self, count: int) -> None:
        """Wait until so many requests of the run have connected."""
        wait_until(lambda: len(self.emitted(Connected)) == count, f"{count} connections")

    def failures(self, run: int = 0) -> Counter[str]:
        return Counter(event.error for event in self.emitted(RequestFailed, run=run))

    def numbers(self, *ats: int) -> list[int]:
        """What the requests' header holds."""
        return [self.run * RUN_STRIDE + at for at in ats]

    def clear(self) -> None:
        """End the servers, and forget the events."""
        for server in self.servers:
            server.close()
        self.servers, self.events = [], []

    def close(self) -> None:
        self.clear()
        self.collector.close()
        self.driver.close()


def opened(rundir: Path) -> Iterator[Bench]:
    rundir.mkdir()
    bench = Bench(rundir)
    yield bench
    bench.close()
    assert gone(bench.driver.pid)
