"""All that is seen from here, as events: the rings, the kernel, the servers' logs, the source of the apps."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from wsgiviz.control.launch import Launch
from wsgiviz.control.server_logs import ServerLogs
from wsgiviz.control.sources import Sources
from wsgiviz.events import Event
from wsgiviz.observe.collector import Collector
from wsgiviz.observe.sampler import KernelSampler
from wsgiviz.state import State


class Watch:
    """Looks whenever it is asked to, never waits, and gives what is new."""

    def __init__(self) -> None:
        self._collector: Collector | None = None
        self._sampler = KernelSampler()
        self._logs = ServerLogs()
        self._sources = Sources()

    def open(self, rundir: Path) -> None:
        """Follow the rings in ``rundir``."""
        self._collector = Collector(rundir)

    def new(self, state: State, listeners: Mapping[str, socket.socket], now_ns: int) -> list[Event]:
        """What came since the last look, causes before effects. Kernel samples come last: they are of now."""
        if self._collector is None:
            return []
        events = self._collector.poll()
        samples = self._sampler.due(state, listeners, events, now_ns)
        return [*events, *self._logs.due(now_ns), *self._sources.of_lines(state, events, now_ns), *samples]

    def everything(self, state: State, now_ns: int) -> list[Event]:
        """Kernel samples of all workers: a run's totals are the difference between two of these."""
        return self._sampler.everything(state, now_ns)

    def last_words(self, now_ns: int) -> list[Event]:
        """What the servers have written to their logs so far."""
        return [*self._logs.due(now_ns, at_once=True)]

    def sources(self, state: State, now_ns: int) -> list[Event]:
        """The source of the apps, as it is now."""
        return [*self._sources.of_apps(state, now_ns)]

    def follow(self, launches: Iterable[Launch]) -> None:
        """These servers have been started."""
        for launch in launches:
            self._logs.follow(launch.side, launch.log_path)

    def driver_ready(self, sides: Iterable[str], pid: int) -> bool:
        """Whether the load driver ``pid`` is ready to fire at these sides."""
        collector = self._collector
        return collector is not None and all(collector.has_driver(side, pid) for side in sides)

    def forget(self, sides: Iterable[str]) -> None:
        """The servers of these sides are gone: let go of their rings."""
        if self._collector is not None:
            for side in sides:
                self._collector.forget(side)
        self._sampler.forget()

    def close(self) -> None:
        if self._collector is not None:
            self._collector.close()
        self._sampler.close()
