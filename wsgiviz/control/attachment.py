"""An attachment: watches servers that somebody else has started under ``wsgiviz exec``, and reports them as events.

It has the controller's role for a feed, and no power: it starts nothing, ends nothing and deletes nothing. What it
leaves in a served directory is the time at which somebody last looked (`wsgiviz.recorder.served.watch`).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from wsgiviz.control.sources import Sources
from wsgiviz.errors import WsgivizError
from wsgiviz.events import (
    ClientSeen,
    Event,
    EventsLost,
    PhaseChanged,
    QueueSampled,
    RequestBegan,
    ServerAttached,
    ServerRetired,
    SessionOpened,
    WorkerBooting,
)
from wsgiviz.log import EventLog
from wsgiviz.observe.collector import Collector
from wsgiviz.observe.listeners import Listener, listeners_of
from wsgiviz.observe.sampler import KernelSampler
from wsgiviz.probe.redaction import without_path
from wsgiviz.recorder import served
from wsgiviz.recorder.keeping import prune, writers
from wsgiviz.recorder.layout import SUFFIX
from wsgiviz.state import Phase, State

WATCH_EVERY_NS = 1_000_000_000
LISTENERS_EVERY_NS = 200_000_000
CALM_AFTER_NS = 500_000_000
CALM_EVERY_NS = 200_000_000

MOST_POLLS = 256
"""What the rings still hold is read in so many polls, at the most, before the first frame."""

UNKNOWN_KINDS = {"wsgi": "sync", "asgi": "asgi"}
"""What a server is taken for whose workers have not said what they are."""


def kind_of(worker_class: str, speaks: str) -> str:
    """The kind of server that a worker class is, as `wsgiviz.state.Side.kind` has it. It may hold anything."""
    name = worker_class.lower()
    if name == "uvicorn":
        return "uvicorn"
    if "asgi" in name or "uvicorn" in name:
        return "asgi"
    if "gevent" in name:
        return "gevent"
    return "gthread" if name == "gthread" else UNKNOWN_KINDS[speaks]


def redacted(event: Event) -> Event:
    """The same, without the path of a request ("GET [redacted]") or the address of a client."""
    if isinstance(event, ClientSeen):
        return replace(event, address="")
    if not isinstance(event, RequestBegan):
        return event
    return replace(event, target=without_path(event.target.partition(" ")[0]).decode())


def side_of(directory: Path) -> str:
    """What the server that records there speaks, by the names of its rings; "wsgi" where there are none yet."""
    with contextlib.suppress(OSError):
        if any(path.name.startswith("asgi") for path in directory.glob(f"*{SUFFIX}")):
            return "asgi"
    return "wsgi"


class AttachedServer:
    """One served directory, followed as the side ``name``.

    Raises WsgivizError when it is no served directory of this user's.
    """

    def __init__(self, directory: Path, name: str) -> None:
        about = served.read_about(directory) if served.is_private(directory) else None
        if about is None:
            raise WsgivizError(f"{directory}: no server of yours records there", "wsgiviz exec COMMAND runs one")
        self.directory = directory
        self.about = about
        self.name = name
        self.pid = 0
        self.kind = ""
        self.listeners: list[Listener] = []
        self._ended = False
        self._collector = Collector(directory, deletes=False, side=name)
        self._sources = Sources(Path(about.folder))

    def poll(self, everything: bool = False) -> list[Event]:
        """What is new in the rings, in order of time."""
        events: list[Event] = []
        for _ in range(MOST_POLLS if everything else 1):
            with contextlib.suppress(FileNotFoundError):  # the directory was removed: its server has long ended
                events += self._collector.poll()
            if self._collector.drained:
                break
        if everything:  # what was overwritten before anybody looked is not lost: nobody was to see it
            events = [event for event in events if not isinstance(event, EventsLost)]
            events.sort(key=lambda event: event.t_ns)
        return events

    def recognise(self, events: Sequence[Event], now_ns: int) -> list[Event]:
        """That it is there, where that is new, or another kind, or has another master."""
        masters = [header for header in self._collector.headers() if header.role == "master"]
        newest = max(masters, key=lambda header: header.started_ns, default=None)
        pid = newest.pid if newest is not None else self.about.pid
        booting = next((event for event in reversed(events) if isinstance(event, WorkerBooting)), None)
        speaks = next((header.side[:4] for header in self._collector.headers()), "")
        kind = self.kind
        if booting is not None:
            kind = kind_of(booting.worker_class, booting.side[:4])
        elif not kind and speaks:
            kind = UNKNOWN_KINDS[speaks]
        if not kind or (kind, pid) == (self.kind, self.pid):
            return []
        self.kind, self.pid = kind, pid
        return [self.said(now_ns)]

    def said(self, now_ns: int) -> Event:
        about, address = self.about, self.listeners[0].address if self.listeners else ""
        return ServerAttached(now_ns, self.name, self.pid, self.kind, address, about.command, about.folder)

    def queues(self, now_ns: int) -> list[Event]:
        """Its accept queues, added up, and where it listens when that is new. A limit is known where all have one."""
        before, self.listeners = self.listeners, listeners_of(self.pid)
        events: list[Event] = []
        if not self.kind:
            return events
        if [one.address for one in before] != [one.address for one in self.listeners] and self.listeners:
            events.append(self.said(now_ns))
        known = [one.depth for one in self.listeners if one.depth >= 0]
        limits = [one.limit for one in self.listeners if one.depth >= 0]
        limit = sum(limits) if all(each >= 0 for each in limits) else -1
        return [*events, QueueSampled(now_ns, self.name, 0, sum(known), limit)] if known else events

    def source(self, state: State, events: Sequence[Event], now_ns: int) -> list[Event]:
        return [*self._sources.of_lines(state, events, now_ns)]

    def ended(self, now_ns: int) -> list[Event]:
        """That no process of it lives any more, once: one that was killed does not say so itself."""
        with contextlib.suppress(OSError):
            if writers(self.directory):
                self._ended = False
                return []
        if self._ended or not self.kind:
            return []
        self._ended = True
        return [ServerRetired(now_ns, self.name, self.pid)]

    def close(self) -> None:
        self._collector.close()


class Attachment:
    """Servers of ``directories`` (`wsgiviz.recorder.served`), one side each, into ``log``. At most two.

    ``redact``: paths of requests do not get into the log.
    """

    def __init__(
        self,
        directories: Sequence[Path],
        log: EventLog,
        clock: Callable[[], int] = time.monotonic_ns,
        redact: bool = False,
    ) -> None:
        self._redact = redact
        self._log = log
        self._clock = clock
        self._servers: list[AttachedServer] = []
        for directory in directories:
            name = side_of(directory)
            taken = any(server.name == name for server in self._servers)
            self._servers.append(AttachedServer(directory, f"{name}2" if taken else name))
        self._sampler = KernelSampler()
        self._watched_ns = self._queues_ns = 0
        self._moved_ns = self._polled_ns = clock()

    @property
    def _state(self) -> State:
        return self._log.state

    def start(self) -> None:
        """Read all that the rings still hold; what was served before is history."""
        from wsgiviz.control.host import describe_host

        prune()
        now_ns = self._clock()
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self._log.append([SessionOpened(now_ns, "", 0, started, describe_host(None))])
        self._watch(now_ns)
        self._take(now_ns, everything=True)
        self._log.append([PhaseChanged(self._clock(), "", 0, Phase.ATTACHED.value)])

    def close(self) -> None:
        """Look no longer. May be called again."""
        if self._state.phase is Phase.CLOSED:
            return
        for server in self._servers:
            server.close()
        self._sampler.close()
        self._log.append([PhaseChanged(self._clock(), "", 0, Phase.CLOSED.value)])

    @property
    def calm(self) -> bool:
        """Nothing happens, and has not for a while."""
        return self._polled_ns - self._moved_ns >= CALM_AFTER_NS

    def pump(self) -> int:
        """Take in what happened since the last call, and give the time (CLOCK_MONOTONIC, ns). It never waits."""
        now_ns = self._clock()
        if self._state.phase is Phase.CLOSED or (self.calm and now_ns - self._polled_ns < CALM_EVERY_NS):
            return now_ns
        self._polled_ns = now_ns
        self._watch(now_ns)
        if self._take(now_ns) or any(side.run.in_app for side in self._state.sides.values()):
            self._moved_ns = now_ns
        return now_ns

    def _watch(self, now_ns: int) -> None:
        begins = not self._watched_ns
        if now_ns - self._watched_ns >= WATCH_EVERY_NS or begins:
            self._watched_ns = now_ns
            for server in self._servers:
                with contextlib.suppress(OSError):
                    served.watch(server.directory, begins)
                self._append(server.ended(now_ns))

    def _take(self, now_ns: int, everything: bool = False) -> bool:
        """Whether there was anything new in the rings."""
        moved = False
        for server in self._servers:
            events = server.poll(everything)
            if self._redact:
                events = [redacted(event) for event in events]
            found = server.recognise(events, now_ns)
            moved = moved or bool(events)
            self._append([*found, *events, *server.source(self._state, events, now_ns)])
        samples = self._sampler.due(self._state, {}, [], now_ns)
        if now_ns - self._queues_ns >= LISTENERS_EVERY_NS:
            self._queues_ns = now_ns
            for server in self._servers:
                samples = [*samples, *server.queues(now_ns)]
        self._append(samples)
        return moved

    def _append(self, events: Sequence[Event]) -> None:
        if events:
            self._log.append(list(events))


def read_now(directory: Path) -> EventLog:
    """All that the rings of a served directory hold, and the present of its processes, in a log of its own.

    Raises WsgivizError when there is no such directory of this user's.
    """
    log = EventLog()
    attachment = Attachment([directory], log)
    attachment.start()
    attachment.close()
    return log
