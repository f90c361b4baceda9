"""A served directory, read once into a State: what ``wsgiviz dump`` shows of servers under ``wsgiviz exec``.

Whatever stands there may come from any process of this user: it is bounded, and never evaluated.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from wsgiviz.control.attached_server import AttachedServer
from wsgiviz.control.host import describe_host
from wsgiviz.events import (
    Event,
    PhaseChanged,
    SessionOpened,
    WorkerBooting,
    WorkerGone,
)
from wsgiviz.log import EventLog
from wsgiviz.observe.kernel import gone_status
from wsgiviz.observe.sampler import KernelSampler
from wsgiviz.recorder import served
from wsgiviz.recorder.keeping import is_alive
from wsgiviz.recorder.layout import HEADER_BYTES, SUFFIX, RingHeader, unpack_header
from wsgiviz.recorder.present import PresentReader
from wsgiviz.state import Phase, State

MOST_RINGS = 512
MOST_EVENTS = 300_000
READ_WITHIN_S = 5.0
NEWEST, LEAST_NEWEST = 4096, 32
"""So many of the newest records of all rings together, and of each, show how things moved lately."""


def ring_headers(directory: Path) -> list[RingHeader]:
    """Who has recorded there, as far as its rings can be read: masters and workers, dead or alive."""
    return [header for header in _headers(directory) if header is not None]


def _headers(directory: Path) -> Iterator[RingHeader | None]:
    """Of each file that is named like a ring; None where it is none."""
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in islice((one for one in entries if one.name.endswith(SUFFIX)), MOST_RINGS):
            header = None
            with contextlib.suppress(OSError):
                fd = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    header = unpack_header(os.pread(fd, HEADER_BYTES, 0))
                finally:
                    os.close(fd)
            yield header if header is not None and header.role in ("master", "worker") else None


def _open(newest: int, side: str, ring: Path) -> PresentReader | None:
    """Of a ring of that side; None for another."""
    reader = PresentReader.open(ring)
    if reader is not None and reader.header.side != side:
        reader.close()
        return None
    if reader is not None:
        reader.newest = newest
    return reader


class ServedLog:
    """The servers that have recorded in ``directory``, in one State, each protocol for itself. It looks, and removes
    nothing.

    Raises WsgivizError when it is no served directory of this user's (any more).
    """

    def __init__(self, directory: Path, about: served.About) -> None:
        self.directory = directory
        self.about = about
        headers = list(_headers(directory))
        self.headers = [header for header in headers if header is not None]
        self._no_rings = headers.count(None)
        self._whole_read = True
        self.log = EventLog()
        self.timeout = 0
        """gunicorn's --timeout in seconds, as the newest worker has it (`wsgiviz.events.WorkerBooting`)."""
        self.last_ns: dict[int, int] = {}
        """By pid: when its newest record was written."""
        newest = max(LEAST_NEWEST, NEWEST // max(1, len(headers)))
        sides = sorted({header.side for header in self.headers})
        self._servers = [AttachedServer(directory, side, partial(_open, newest, side)) for side in sides]
        self._sampler = KernelSampler()

    @property
    def state(self) -> State:
        return self.log.state

    @property
    def damaged(self) -> str:
        """What could not be read there, as a sentence; "" for nothing."""
        said = []
        if self._no_rings:
            said.append(
                f"{self._no_rings} {'file is' if self._no_rings == 1 else 'files are'} no ring of this version"
            )
        if not self._whole_read:
            said.append("there was too much to read all of it")
        return f"{self.directory.name}: {', and '.join(said)}" if said else ""

    def watch(self) -> None:
        """Tell the servers that a viewer is attached: they then say again what is going on."""
        with contextlib.suppress(OSError):
            served.watch(self.directory, begins=True)

    def begin(self) -> None:
        """Read what is there."""
        events = self._whole()
        if not self.headers:
            return
        first_ns = min([self.about.started_ns, *(event.t_ns for event in events if event.t_ns > 0)])
        self.log.append([SessionOpened(first_ns, "", 0, self.about.started, describe_host(None))])
        for server in self._servers:
            of_side = [one for one in events if one.side == server.name]
            headers = [one for one in self.headers if one.side == server.name]
            self.log.append(server.recognise(of_side, first_ns, headers))
        self.log.append([PhaseChanged(first_ns, "", 0, Phase.ATTACHED.value)])
        self._append(events)
        gone = self._gone()
        if gone:
            self._append(self._whole())  # what those wrote until then
        self.log.append([*gone, *self._around(events)])

    def _append(self, events: list[Event]) -> None:
        for event in events:
            self._note(event)
            self.last_ns[event.pid] = max(event.t_ns, self.last_ns.get(event.pid, 0))
        for at in range(0, len(events), 4000):
            self.log.append(events[at : at + 4000])

    def _note(self, event: Event) -> None:
        if isinstance(event, WorkerBooting) and event.timeout:
            self.timeout = event.timeout

    def _gone(self) -> list[Event]:
        """Workers that have ended, and that their master has not reaped yet: the kernel knows of what."""
        events: list[Event] = []
        for side in self.state.sides.values():
            for pid in side.server.processes():
                status = gone_status(pid)
                if status is not None and is_alive(pid, self.about.started_ns):
                    events.append(WorkerGone(time.monotonic_ns(), side.name, pid, status))
        return events

    def _whole(self) -> list[Event]:
        """All that the rings have, in order of time."""
        events: list[Event] = []
        until_s = time.monotonic() + READ_WITHIN_S
        while True:
            for server in self._servers:
                events += server.poll()
            if all(server.drained for server in self._servers):
                break
            if len(events) > MOST_EVENTS or time.monotonic() > until_s:
                self._whole_read = False
                break
        return sorted(events, key=lambda event: event.t_ns)

    def _around(self, events: Sequence[Event]) -> list[Event]:
        """What rings do not have: accept queues, and the source of the lines at which requests are."""
        now_ns = time.monotonic_ns()
        found: list[Event] = []
        for server in self._servers:
            found += [*server.queues(now_ns), *server.source(self.state, events, now_ns)]
        return found

    def look(self, listeners_due: bool = False) -> None:
        """What is new in the rings and in the kernel; ``listeners_due``: of all workers, not only of the busy."""
        events = [event for server in self._servers for event in server.poll()]
        now_ns = time.monotonic_ns()
        samples = self._sampler.everything(self.state, now_ns) if listeners_due else []
        samples = samples or self._sampler.due(self.state, {}, events, now_ns)
        self.log.append([*events, *samples, *self._around(events)])

    def close(self) -> None:
        for server in self._servers:
            server.close()
        self._sampler.close()
