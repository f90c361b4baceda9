"""One server that somebody else has started under ``wsgiviz exec``: followed by its rings, and by the kernel."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from wsgiviz.control.running import Running
from wsgiviz.control.sources import Sources
from wsgiviz.errors import WsgivizError
from wsgiviz.events import (
    Event,
    EventsLost,
    QueueSampled,
    ServerAttached,
    ServerRetired,
    WorkerBooting,
    WorkerDied,
    WorkerGone,
    WorkerHeard,
)
from wsgiviz.observe.collector import Collector
from wsgiviz.observe.kernel import ONE_IN
from wsgiviz.observe.sockets import HeldSocket, listeners_of
from wsgiviz.recorder import served
from wsgiviz.recorder.keeping import is_alive, writers
from wsgiviz.recorder.layout import SUFFIX, RingHeader
from wsgiviz.recorder.reader import RingReader
from wsgiviz.state import State

MOST_POLLS = 256
"""What the rings still hold is read in so many polls, at the most, before the first frame."""

LISTENERS_EVERY_NS = 200_000_000
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


def side_of(directory: Path) -> str:
    """What the server that records there speaks, by the names of its rings; "wsgi" where there are none yet."""
    with contextlib.suppress(OSError):
        if any(path.name.startswith("asgi") for path in directory.glob(f"*{SUFFIX}")):
            return "asgi"
    return "wsgi"


def added_up(listeners: Sequence[HeldSocket]) -> tuple[int, int]:
    """How many connections wait at all of them, and may; -1 where that is not known of one of them."""
    depths, limits = [one.waiting for one in listeners], [one.limit for one in listeners]
    depth = sum(each for each in depths if each is not None) if None not in depths else -1
    return depth, sum(each for each in limits if each is not None) if None not in limits else -1


class AttachedServer:
    """One served directory, followed as the side ``name``: by all its rings, or by those that ``opens`` gives a
    reader of.

    Raises WsgivizError when it is no served directory of this user's.
    """

    def __init__(self, directory: Path, name: str, opens: Callable[[Path], RingReader | None] | None = None) -> None:
        about = served.read_about(directory) if served.is_private(directory) else None
        if about is None:
            raise WsgivizError(f"{directory}: no server of yours records there", "wsgiviz exec COMMAND runs one")
        self.name = name
        self._opens = opens
        self._follow(directory, about)

    def _follow(self, directory: Path, about: served.About) -> None:
        self.directory = directory
        self.about = about
        self.pid = 0
        self.kind = ""
        self.masters: tuple[int, ...] = ()
        self.ended = False
        self.listeners: list[HeldSocket] = []
        self._heard_ns: dict[int, int] = {}
        self._missed: frozenset[int] = frozenset()
        self._listeners_from_ns = 0
        self._collector = Collector(directory, deletes=False, side=self.name, opens=self._opens)
        self._sources = Sources(Path(about.folder))

    def poll(self, everything: bool = False) -> list[Event]:
        """What is new in the rings, in order of time."""
        events: list[Event] = []
        for _ in range(MOST_POLLS if everything else 1):
            with contextlib.suppress(OSError):  # removed, as that of a server that has long ended; or closed to us
                events += self._collector.poll()
            if self._collector.drained:
                break
        if everything:  # what was overwritten before a viewer came is not lost: nobody was to see it
            events = [event for event in events if not isinstance(event, EventsLost)]
            events.sort(key=lambda event: event.t_ns)
        return [*events, *self._last_records(events)]

    @property
    def drained(self) -> bool:
        """The last `poll` has left nothing to read."""
        return self._collector.drained

    def _last_records(self, events: Sequence[Event]) -> list[Event]:
        """Of workers that have died, as ``events`` say: when each of them wrote its last record."""
        for event in events:
            if event.t_ns > self._heard_ns.get(event.pid, 0):
                self._heard_ns[event.pid] = event.t_ns
        dead = [event for event in events if isinstance(event, WorkerDied) and event.worker_pid in self._heard_ns]
        return [
            WorkerHeard(event.t_ns, self.name, event.worker_pid, self._heard_ns.pop(event.worker_pid))
            for event in dead
        ]

    def recognise(
        self, events: Sequence[Event], now_ns: int, headers: Sequence[RingHeader] | None = None
    ) -> list[Event]:
        """That it is there, where that is new, or another kind, or has another master. ``headers``: those of its
        rings, also of rings that are read to their end; None: of those that are followed."""
        headers = self._collector.headers() if headers is None else headers
        found = [header for header in headers if header.role == "master"]
        masters = tuple(header.pid for header in sorted(found, key=lambda header: header.started_ns))
        pid = masters[-1] if masters else self.pid or self.about.pid
        booting = next((event for event in reversed(events) if isinstance(event, WorkerBooting)), None)
        speaks = next((header.side[:4] for header in headers), "")
        kind = self.kind
        if booting is not None:
            kind = kind_of(booting.worker_class, booting.side[:4])
        elif not kind and speaks:
            kind = UNKNOWN_KINDS[speaks]
        if not headers or not kind or (kind, pid, masters) == (self.kind, self.pid, self.masters):
            return []
        self.kind, self.pid, self.masters = kind, pid, masters
        return [self.said(now_ns)]

    def since_ns(self, pid: int) -> int | None:
        """When its process ``pid`` began to record, which it may still do; None where there is no such process."""
        found = [header.started_ns for header in self._collector.headers() if header.pid == pid]
        return max(found, default=None)

    def said(self, now_ns: int) -> Event:
        about, address = self.about, self.listeners[0].address if self.listeners else ""
        given = self.kind, address, about.command, about.folder, self.masters
        return ServerAttached(now_ns, self.name, self.pid, *given)

    def queues(self, now_ns: int) -> list[Event]:
        """Its accept queues, where it is time to ask for them, and where it listens when that is new.

        What takes long is asked so seldom that it takes a hundredth of the time.
        """
        if now_ns < self._listeners_from_ns or not self.kind:
            return []
        began_ns = time.perf_counter_ns()
        before, self.listeners = self.listeners, listeners_of([self.pid])
        took_ns = time.perf_counter_ns() - began_ns
        self._listeners_from_ns = now_ns + max(LISTENERS_EVERY_NS, ONE_IN * took_ns)
        moved = [one.address for one in before] != [one.address for one in self.listeners]
        said = [self.said(now_ns)] if moved and self.listeners else []
        return [*said, *([QueueSampled(now_ns, self.name, 0, *added_up(self.listeners))] if self.listeners else [])]

    def source(self, state: State, events: Sequence[Event], now_ns: int) -> list[Event]:
        return [*self._sources.of_lines(state, events, now_ns)]

    def gone(self, state: State, now_ns: int) -> list[Event]:
        """Processes that are gone, of which nobody says so: workers that were orphaned when their master was killed;
        and once, that no process lives any more."""
        with contextlib.suppress(OSError):
            if writers(self.directory):
                self.ended = False
                return self._vanished(state, now_ns)
        if self.ended or not self.kind:
            return []
        self.ended = True
        return [ServerRetired(now_ns, self.name, self.pid)]

    def _vanished(self, state: State, now_ns: int) -> list[Event]:
        """Workers that live as far as is known, and whose process was not there at this look and at the one before: a
        master that lives has said by then what became of its own."""
        side = state.sides.get(self.name)
        living = side.server.living() if side is not None else []
        missed = frozenset(one.pid for one in living if not is_alive(one.pid, one.booted_ns or now_ns))
        again, self._missed = missed & self._missed, missed
        heard = [
            WorkerHeard(now_ns, self.name, pid, self._heard_ns.pop(pid)) for pid in again & self._heard_ns.keys()
        ]
        return [*(WorkerGone(now_ns, self.name, pid) for pid in sorted(again)), *heard]

    def is_followed_by(self, other: Running) -> bool:
        """The same command in the same folder, run later."""
        mine, theirs = self.about, other.about
        same = (mine.command, mine.folder) == (theirs.command, theirs.folder)
        return same and theirs.started_ns > mine.started_ns and other.directory != self.directory

    def go_on_with(self, other: Running) -> None:
        """This server has ended, and was started again."""
        self.close()
        self._follow(other.directory, other.about)

    def close(self) -> None:
        self._collector.close()
