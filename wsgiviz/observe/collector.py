"""The collector: finds the rings of a run directory, follows them, and gives their events in order of time."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import time
from collections.abc import Callable, Iterable
from operator import attrgetter
from pathlib import Path

from wsgiviz.events import Event, EventsLost
from wsgiviz.observe.decode import decode
from wsgiviz.recorder.codec import Kind
from wsgiviz.recorder.layout import SUFFIX, RingHeader
from wsgiviz.recorder.reader import Ended, Record, RingReader

BUDGET = 4096
"""Records that one poll reads: at 60 polls a second, more than a viewer can show."""

CLOCK_STEP_NS = 2_000_000_000
"""The coarsest times of any file system's clock (FAT's)."""

CHECK_EVERY_NS = 1_000_000_000
OPENED_PER_POLL = 64
PASSED_LIMIT = 10_000
"""So many names in the run directory may be no rings, or done with. With more of them, new ones are not looked at."""

OWN_END = (Kind.WORKER_EXITED, Kind.MASTER_EXITED)


class FollowedRing:
    """One ring that is followed. ``ended``: its writer is gone. ``finished``: all was read that it wrote before."""

    __slots__ = ("ended", "finished", "is_driver", "name", "reader", "reported")

    def __init__(self, name: str, reader: RingReader) -> None:
        self.name = name
        self.reader = reader
        self.reported = 0
        self.ended = not process_exists(reader.header.pid)
        self.finished = False
        self.is_driver = reader.header.role == "driver"


class Collector:
    """Follows every ring in ``directory``; rings may come at any time.

    A ring whose process is gone is read to its end, closed, and deleted, so that an app that ends its worker at each
    request exhausts neither descriptors nor the space of the rings. ``deletes`` is False where the directory belongs
    to somebody else. ``side`` names that of the rings; None is what they say themselves. ``opens`` gives the reader
    of a ring. All processes must be of this one's pid namespace.
    """

    def __init__(
        self,
        directory: Path,
        deletes: bool = True,
        side: str | None = None,
        opens: Callable[[Path], RingReader | None] | None = None,
    ) -> None:
        self.drained = True
        """Whether the last poll left nothing to read."""
        self._directory = directory
        self._deletes = deletes
        self._side = side
        self._opens = opens
        self._sources: dict[str, FollowedRing] = {}
        self._passed: set[str] = set()
        self._forgotten_ns: dict[str, int] = {}
        self._changed_ns = 0  # time of the directory's last change; 0 while another one may have the same
        self._all_open = False
        self._turn = 0
        self._checked_ns = time.monotonic_ns()
        self._most_sources = max(8, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)

    def poll(self, budget: int = BUDGET) -> list[Event]:
        """Events since the last poll, by time of writing: at most about ``budget``, the rest at the next poll.

        Drivers' rings are read first: what a worker did before the client knew of it is then surely in its ring
        when that is read, so that one poll never shows an answer without the work behind it. (Unless the budget is
        used up.) Every ring gets a fair share of the budget, and then all go on with what is left of it.
        """
        self._discover()
        self._check_processes()
        events: list[Event] = []
        sources = self._in_order()
        share = max(1, budget // max(1, len(sources)))
        left = budget - self._read(sources, share, budget, events)
        if not self.drained and left > 0:
            self._read(sources, left, left, events)
        self._report_losses(sources, events)
        for source in sources:
            if source.finished:
                self._let_go(source)
        events.sort(key=attrgetter("t_ns"))
        return events

    def has_driver(self, side: str, pid: int | None = None) -> bool:
        """Whether a load driver's ring for ``side`` is there, or that of the driver ``pid``: it is ready to fire."""
        headers = [source.reader.header for source in self._sources.values() if source.is_driver]
        return any(header.side == side and pid in (None, header.pid) for header in headers)

    def headers(self) -> list[RingHeader]:
        """Who writes the rings that are followed now."""
        return [source.reader.header for source in self._sources.values()]

    def release(self, pid: int) -> None:
        """The process ``pid`` is gone: its rings are let go when they are read to their end."""
        for source in self._sources.values():
            if source.reader.header.pid == pid:
                source.ended = True

    def forget(self, side: str) -> None:
        """Drop the rings of ``side``'s server, which is gone, read or not: also those that are found only later,
        which the server that comes after it would be taken for. The driver's stay."""
        self._forgotten_ns[side] = time.monotonic_ns()
        self._discover()
        for source in list(self._sources.values()):
            if source.reader.header.side == side and not source.is_driver:
                self._let_go(source)

    def close(self) -> None:
        """Close all rings; their files stay."""
        for source in self._sources.values():
            source.reader.close()
        self._sources.clear()

    def _discover(self) -> None:
        """Open the rings that are new. What does not fit into this process's limits waits until others are gone."""
        if not self._may_have_new():
            return
        with os.scandir(self._directory) as entries:
            names = {entry.name for entry in entries if entry.name.endswith(SUFFIX)}
        self._passed &= names
        if len(self._passed) > PASSED_LIMIT:
            return
        room = min(OPENED_PER_POLL, self._most_sources - len(self._sources))
        new = (name for name in names if name not in self._sources and name not in self._passed)
        for name, _ in zip(new, range(room), strict=False):
            self._open(name)
        self._all_open = names <= self._sources.keys() | self._passed

    def _may_have_new(self) -> bool:
        """Whether names have come or gone since it was asked last, or some wait to be opened. Two changes within one
        step of the file system's clock have the same time: until that step is over, there may be another."""
        changed_ns = os.stat(self._directory).st_mtime_ns
        same = changed_ns == self._changed_ns and self._all_open
        self._changed_ns = changed_ns if time.time_ns() - changed_ns > CLOCK_STEP_NS else 0
        return not same

    def _open(self, name: str) -> None:
        try:
            reader = (self._opens or RingReader.open)(self._directory / name)
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                return
            reader = None
        if reader is None:
            self._passed.add(name)
            return
        source = self._sources[name] = FollowedRing(name, reader)
        header = reader.header
        if header.started_ns <= self._forgotten_ns.get(header.side, -1) and not source.is_driver:
            self._let_go(source)

    def _in_order(self) -> list[FollowedRing]:
        """Drivers first, then the others, another one of them first each time."""
        drivers = [source for source in self._sources.values() if source.is_driver]
        others = [source for source in self._sources.values() if not source.is_driver]
        self._turn += 1
        at = self._turn % max(1, len(others))
        return drivers + others[at:] + others[:at]

    def _read(self, sources: Iterable[FollowedRing], share: int, budget: int, events: list[Event]) -> int:
        """Read at most ``share`` records of each, and ``budget`` of all; give how many there were."""
        taken = 0
        self.drained = True
        for source in sources:
            if taken >= budget:
                self.drained = False
            else:
                records = self._records(source, min(share, budget - taken))
                if records:
                    header = source.reader.header
                    events += decode(records, self._side or header.side, header.pid)
                    taken += len(records)
                self.drained = self.drained and source.reader.drained
        return taken

    def _records(self, source: FollowedRing, budget: int) -> list[Record | Ended]:
        ended = source.ended
        try:
            records = source.reader.poll(budget, last=ended)
        except OSError:  # a file that can't be read is as good as gone
            source.ended = source.finished = source.reader.drained = True
            return []
        source.finished = ended and source.reader.drained
        for record in records:
            if record.kind in OWN_END:
                source.ended = True
            elif record.kind == Kind.WORKER_DIED and isinstance(record, Record):
                self._note_death(record.a, record.t_ns)
        return records

    def _note_death(self, pid: int, died_ns: int) -> None:
        """A pid can come back: only a ring that was there before can be that of the dead process."""
        for source in self._sources.values():
            header = source.reader.header
            if header.pid == pid and header.started_ns <= died_ns and header.role == "worker":
                source.ended = True

    def _check_processes(self) -> None:
        now = time.monotonic_ns()
        if now - self._checked_ns < CHECK_EVERY_NS:
            return
        self._checked_ns = now
        for source in self._sources.values():
            source.ended = source.ended or not process_exists(source.reader.header.pid)

    def _report_losses(self, sources: Iterable[FollowedRing], events: list[Event]) -> None:
        for source in sources:
            lost = source.reader.lost - source.reported
            if lost:
                source.reported = source.reader.lost
                header = source.reader.header
                events.append(EventsLost(time.monotonic_ns(), self._side or header.side, header.pid, lost))

    def _let_go(self, source: FollowedRing) -> None:
        source.reader.close()
        del self._sources[source.name]
        self._passed.add(source.name)
        if self._deletes:
            with contextlib.suppress(OSError):
                (self._directory / source.name).unlink()


def process_exists(pid: int) -> bool:
    """Whether there is a process ``pid``, be it a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
